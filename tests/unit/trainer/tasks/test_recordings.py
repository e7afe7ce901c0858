from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from finetune_trainer.data.kinds.sounds import Sound, listen_to_sound
from finetune_trainer.data.media import place_media
from finetune_trainer.tasks.base import EncodeSettings
from finetune_trainer.tasks.recordings import (
    SOUND,
    add_noise,
    count_least_samples,
    encode_sounds,
    pad_sounds,
)
from trainer_media import RATE_HERTZ, write_tone
from trainer_tasks import settings_of


def a_sound(folder: Path, letters: int, rate: int = RATE_HERTZ) -> Sound:
    path = write_tone(folder / f"{letters}-{rate}.wav", [440.0] * letters, rate)
    sound: Sound = listen_to_sound(place_media(path.name, folder))
    return sound


def settings(*, is_training: bool, noise: float = 0) -> EncodeSettings:
    dataset = {"train": {"source": "pvc://data/a.csv"}, "augmentation": {"audioNoise": noise}}
    base = settings_of("AudioClassification", dataset=dataset)
    return EncodeSettings(base.spec, is_training=is_training)


def an_extractor(*, with_mask: bool = True) -> object:
    from transformers import Wav2Vec2FeatureExtractor

    return Wav2Vec2FeatureExtractor(sampling_rate=RATE_HERTZ, return_attention_mask=with_mask)


def test_lengths_are_those_at_the_rate_of_the_model(tmp_path: Path) -> None:
    sounds = [a_sound(tmp_path, 1), a_sound(tmp_path, 2), a_sound(tmp_path, 1, rate=16000)]

    encoded = encode_sounds(sounds, [{}] * 3, an_extractor(), settings(is_training=True))

    assert encoded.lengths == [640, 1280, 640]
    assert [len(row[SOUND]) for row in encoded.features] == [640, 1280, 640]


def test_training_sounds_get_another_noise_in_each_epoch_and_others_get_none(
    tmp_path: Path,
) -> None:
    sounds = [a_sound(tmp_path, 1)]
    train = encode_sounds(sounds, [{}], an_extractor(), settings(is_training=True, noise=0.5))
    test = encode_sounds(sounds, [{}], an_extractor(), settings(is_training=False, noise=0.5))
    assert train.set_epoch is not None

    heard = []
    for epoch in (0, 1, 0):
        train.set_epoch(epoch)
        heard.append(train.features[0][SOUND].tobytes())

    assert heard[0] == heard[2] != heard[1]
    assert test.set_epoch is None
    assert test.features[0][SOUND].tobytes() == sounds[0].decode(RATE_HERTZ).tobytes()


def test_noise_is_no_louder_than_was_asked_for() -> None:
    waves = np.sin(np.arange(4000, dtype=np.float32))
    loudness = np.sqrt(np.mean(waves**2))

    shares = [
        np.sqrt(np.mean((add_noise(waves, 0.3, (0, 0, row)) - waves) ** 2)) / loudness
        for row in range(30)
    ]

    assert max(shares) < 0.31
    assert min(shares) < 0.05


@pytest.mark.parametrize("with_mask", [True, False])
def test_sounds_are_padded_to_the_longest(tmp_path: Path, with_mask: bool) -> None:
    sounds = [a_sound(tmp_path, 1), a_sound(tmp_path, 2)]
    encoded = encode_sounds(sounds, [{}] * 2, an_extractor(), settings(is_training=True))

    batch = pad_sounds(encoded.features, an_extractor(with_mask=with_mask))

    assert batch["input_values"].shape == (2, 1280)
    assert ("attention_mask" in batch) is with_mask
    assert batch["input_values"][0, 640:].abs().max() == 0 or not with_mask


def test_sounds_too_short_for_a_model_are_padded(tmp_path: Path) -> None:
    encoded = encode_sounds(
        [a_sound(tmp_path, 1)], [{}], an_extractor(), settings(is_training=True)
    )

    batch = pad_sounds(encoded.features, an_extractor(), least_samples=1000)

    assert batch["input_values"].shape == (1, 1000)
    assert int(batch["attention_mask"].sum()) == 640


@pytest.mark.parametrize(
    ("masked", "samples"),
    [
        pytest.param({}, 10 + 5 * 3 + 5 * 4 * 3, id="one frame"),
        pytest.param(
            {"mask_time_prob": 0.05, "mask_time_length": 2}, 85 + 2 * 80, id="a masked stretch"
        ),
    ],
)
def test_a_model_tells_how_much_it_must_hear(masked: dict[str, float], samples: int) -> None:
    config = SimpleNamespace(conv_kernel=(10, 4, 4), conv_stride=(5, 4, 4), **masked)

    assert count_least_samples(config) == samples


def test_a_model_of_spectrograms_hears_any_length() -> None:
    assert count_least_samples(SimpleNamespace()) == 0
