"""Images as features: decoded when they are asked for, so that memory never holds all of them.

The tasks on images share it. What a processor of transformers does to an image is done in the
collator, to a batch at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from finetune_api.v1alpha1.augmentation import Augmentation
from finetune_trainer.data.kinds.images import Picture
from finetune_trainer.errors import ConfigError
from finetune_trainer.tasks.base import Encoded, EncodeSettings, Features
from finetune_trainer.tasks.picture_changes import Box, Scene, change, has_changes

SCENE = "scene"
MODES = {1: "L", 3: "RGB"}
"""How many channels a model sees, and what they are."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is known about an image.

    Attributes:
        labels: the numbers of its labels: one, or one for each box.
        boxes: of its objects.
    """

    labels: tuple[int, ...] = ()
    boxes: tuple[Box, ...] = ()


@dataclass(slots=True)
class PictureRows(Sequence[Features]):
    """The images of a part; each is decoded, and changed, anew whenever it is asked for.

    Attributes:
        pictures: the images.
        targets: what is known about each.
        mode: how they are decoded.
        changes: spec.dataset.augmentation; None for parts that are not learned from.
        seed: spec.training.seed.
        epoch: the number of the epoch, from 0.
    """

    pictures: Sequence[Picture]
    targets: Sequence[Target]
    mode: str
    changes: Augmentation | None = None
    seed: int = 0
    epoch: int = field(default=0, init=False)

    def __len__(self) -> int:
        return len(self.pictures)

    @overload
    def __getitem__(self, index: int) -> Features: ...
    @overload
    def __getitem__(self, index: slice) -> list[Features]: ...
    def __getitem__(self, index: int | slice) -> Features | list[Features]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        target = self.targets[index]
        scene = Scene(self.pictures[index].decode(self.mode), target.labels, target.boxes)
        if self.changes is not None:
            scene = change(scene, self.changes, (self.seed, self.epoch, index))
        return {SCENE: scene}

    def set_epoch(self, epoch: int) -> None:
        """Change the images in another way than in the epoch before."""
        self.epoch = epoch


def encode_pictures(
    pictures: Sequence[Picture], targets: Sequence[Target], settings: EncodeSettings
) -> Encoded:
    """Give the images as features; nothing is decoded yet.

    Raises:
        ConfigError: the model sees neither grey nor coloured images.
    """
    channels = getattr(settings.config, "num_channels", None) or 3
    if channels not in MODES:
        raise ConfigError(
            f"the model takes images of {channels} channels; images have {list(MODES)}",
            hint="choose a model for grey or coloured images",
        )
    wanted = settings.spec.dataset.augmentation
    changes = wanted if settings.is_training and has_changes(wanted) else None
    rows = PictureRows(pictures, targets, MODES[channels], changes, settings.spec.training.seed)
    # All of one length: images are resized, so there is nothing to group them by.
    lengths = [1] * len(rows)
    return Encoded(rows, lengths, set_epoch=rows.set_epoch if changes else None)


def process(images: Sequence[Any], processor: Any) -> dict[str, Any]:
    """Resize and normalise images as the model was trained on them; a batch of tensors."""
    return dict(processor(images=list(images), return_tensors="pt"))
