"""Random changes of training images: spec.dataset.augmentation, with the boxes that go along.

`pictures` applies them whenever a training image is asked for. They are drawn from the seed, the
epoch and the number of the row alone, so that a run that goes on after an interruption sees the
images that it would have seen without one.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from finetune_api.v1alpha1.augmentation import Augmentation

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[float, float, float, float]
"""Left, top, width, height, in pixels."""
LEAST_VISIBLE = 0.3
"""An object of which less is left after a crop is no longer one to be found."""


@dataclass(frozen=True, slots=True)
class Scene:
    """An image, and what is known about it.

    Attributes:
        image: decoded.
        labels: the numbers of its labels: one, or one for each box.
        boxes: of its objects.
    """

    image: "Image"
    labels: tuple[int, ...] = ()
    boxes: tuple[Box, ...] = ()


Change = Callable[[Scene, Augmentation, random.Random], Scene]


def crop(scene: Scene, wanted: Augmentation, chance: random.Random) -> Scene:
    """Cut a part out, of the shape of the whole."""
    if wanted.minimum_crop == 1:
        return scene
    side = math.sqrt(chance.uniform(wanted.minimum_crop, 1))
    full_width, full_height = scene.image.size
    width, height = max(1, round(full_width * side)), max(1, round(full_height * side))
    left = chance.randint(0, full_width - width)
    top = chance.randint(0, full_height - height)
    image = scene.image.crop((left, top, left + width, top + height))
    if not scene.boxes:
        return replace(scene, image=image)
    cut = [_cut(box, (left, top, width, height)) for box in scene.boxes]
    kept = [
        (label, inside)
        for label, box, inside in zip(scene.labels, scene.boxes, cut, strict=True)
        if inside[2] * inside[3] >= LEAST_VISIBLE * box[2] * box[3]
    ]
    return Scene(image, tuple(label for label, _ in kept), tuple(box for _, box in kept))


def flip(scene: Scene, wanted: Augmentation, chance: random.Random) -> Scene:
    """Let left and right change places."""
    if not wanted.horizontal_flip or chance.random() >= wanted.horizontal_flip:
        return scene
    from PIL import ImageOps

    width = scene.image.width
    boxes = tuple((width - x - w, y, w, h) for x, y, w, h in scene.boxes)
    return replace(scene, image=ImageOps.mirror(scene.image), boxes=boxes)


def rotate(scene: Scene, wanted: Augmentation, chance: random.Random) -> Scene:
    """Turn the image; the corners that come free are black. Only for images without boxes."""
    if not wanted.rotation_degrees:
        return scene
    from PIL import Image

    degrees = chance.uniform(-wanted.rotation_degrees, wanted.rotation_degrees)
    return replace(scene, image=scene.image.rotate(degrees, Image.Resampling.BILINEAR))


def jitter(scene: Scene, wanted: Augmentation, chance: random.Random) -> Scene:
    """Change brightness, contrast and saturation."""
    if not wanted.color_jitter:
        return scene
    from PIL import ImageEnhance

    image = scene.image
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        factor = chance.uniform(1 - wanted.color_jitter, 1 + wanted.color_jitter)
        image = enhance(image).enhance(factor)
    return replace(scene, image=image)


CHANGES: tuple[Change, ...] = (crop, flip, rotate, jitter)


def change(scene: Scene, wanted: Augmentation, place: tuple[int, int, int]) -> Scene:
    """Change a scene.

    Args:
        scene: as it was decoded.
        wanted: spec.dataset.augmentation.
        place: the seed, the epoch and the number of the row, which decide everything.
    """
    # A string seeds by SHA-512: the same on every machine and version.
    chance = random.Random("/".join(str(number) for number in place))
    for step in CHANGES:
        scene = step(scene, wanted, chance)
    return scene


def has_changes(wanted: Augmentation) -> bool:
    """Tell whether anything is to be changed."""
    return bool(
        wanted.minimum_crop < 1
        or wanted.horizontal_flip
        or wanted.rotation_degrees
        or wanted.color_jitter
    )


def _cut(box: Box, frame: tuple[int, int, int, int]) -> Box:
    """Give the part of a box inside a frame, measured from the frame's corner."""
    left = max(box[0] - frame[0], 0.0)
    top = max(box[1] - frame[1], 0.0)
    right = min(box[0] + box[2] - frame[0], float(frame[2]))
    bottom = min(box[1] + box[3] - frame[1], float(frame[3]))
    return left, top, max(right - left, 0.0), max(bottom - top, 0.0)
