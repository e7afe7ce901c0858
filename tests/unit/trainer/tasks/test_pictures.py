from types import SimpleNamespace

import pytest

from finetune_trainer.data.kinds.images import Picture
from finetune_trainer.data.media import Media
from finetune_trainer.errors import ConfigError
from finetune_trainer.tasks.base import EncodeSettings
from finetune_trainer.tasks.pictures import SCENE, Target, encode_pictures
from trainer_media import COLORS, draw_patch
from trainer_tasks import settings_of


class CountedReads:
    """Stands for a file; counts how often it is read."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> bytes:
        import io

        self.count += 1
        file = io.BytesIO()
        draw_patch(COLORS["red"], seed=0).save(file, "PNG")
        return file.getvalue()


def settings(*, is_training: bool, channels: int = 3, **augmentation: float) -> EncodeSettings:
    base = settings_of(
        "ImageClassification",
        dataset={"train": {"source": "pvc://data/a.csv"}, "augmentation": augmentation},
    )
    config = SimpleNamespace(num_channels=channels)
    return EncodeSettings(base.spec, config=config, is_training=is_training)


def test_images_are_read_when_they_are_asked_for_and_not_before() -> None:
    file = CountedReads()
    encoded = encode_pictures(
        [Picture(Media("1", file))] * 3, [Target((0,))] * 3, settings(is_training=True)
    )

    assert file.count == 0

    assert encoded.features[1][SCENE].image.size == (20, 20)
    assert file.count == 1


def test_training_images_change_from_epoch_to_epoch_and_others_do_not() -> None:
    pictures = [Picture(Media("1", CountedReads()))]
    train = encode_pictures(pictures, [Target()], settings(is_training=True, rotationDegrees=90))
    test = encode_pictures(pictures, [Target()], settings(is_training=False, rotationDegrees=90))
    assert train.set_epoch is not None

    seen = []
    for epoch in (0, 1, 0):
        train.set_epoch(epoch)
        seen.append(train.features[0][SCENE].image.tobytes())

    assert seen[0] == seen[2] != seen[1]
    assert test.set_epoch is None
    assert test.features[0][SCENE].image.tobytes() == pictures[0].decode().tobytes()


def test_a_model_of_one_channel_sees_grey_images() -> None:
    encoded = encode_pictures(
        [Picture(Media("1", CountedReads()))], [Target()], settings(is_training=True, channels=1)
    )

    assert encoded.features[0][SCENE].image.mode == "L"


def test_a_model_of_strange_channels_is_refused() -> None:
    with pytest.raises(ConfigError, match="takes images of 12 channels"):
        encode_pictures([], [], settings(is_training=True, channels=12))


def test_a_slice_of_the_images_is_a_list_of_them() -> None:
    pictures = [Picture(Media("1", CountedReads()))] * 3

    encoded = encode_pictures(
        pictures, [Target((n,)) for n in range(3)], settings(is_training=False)
    )

    assert [row[SCENE].labels for row in encoded.features[1:]] == [(1,), (2,)]
