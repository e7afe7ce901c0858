"""Sounds as features: decoded when they are asked for, so that memory never holds all of them.

The tasks on sounds share it. A sound comes at the rate that the model was trained at, whatever the
rate of its file; rows of similar length are put together, since the rest of a batch is padding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from finetune_trainer.data.kinds.sounds import Sound
from finetune_trainer.tasks.base import Batch, Encoded, EncodeSettings, Features

if TYPE_CHECKING:
    import numpy

SOUND = "sound"
LABELS = "labels"


@dataclass(slots=True)
class SoundRows(Sequence[Features]):
    """The sounds of a part; each is decoded anew whenever it is asked for.

    Attributes:
        sounds: the sounds.
        extras: what goes beside each, such as the number of its label.
        rate_hertz: the rate that the model wants.
        noise: spec.dataset.augmentation.audioNoise; 0 for parts that are not learned from.
        seed: spec.training.seed.
        epoch: the number of the epoch, from 0.
    """

    sounds: Sequence[Sound]
    extras: Sequence[Mapping[str, Any]]
    rate_hertz: int
    noise: float = 0
    seed: int = 0
    epoch: int = field(default=0, init=False)

    def __len__(self) -> int:
        return len(self.sounds)

    @overload
    def __getitem__(self, index: int) -> Features: ...
    @overload
    def __getitem__(self, index: slice) -> list[Features]: ...
    def __getitem__(self, index: int | slice) -> Features | list[Features]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        waves = self.sounds[index].decode(self.rate_hertz)
        if self.noise:
            waves = add_noise(waves, self.noise, (self.seed, self.epoch, index))
        return {SOUND: waves, **self.extras[index]}

    def set_epoch(self, epoch: int) -> None:
        """Add another noise than in the epoch before."""
        self.epoch = epoch


def add_noise(
    waves: "numpy.ndarray[Any, Any]", share: float, place: tuple[int, int, int]
) -> "numpy.ndarray[Any, Any]":
    """Add white noise of a random part of the loudness.

    Args:
        waves: samples [time].
        share: the loudness of the noise in shares of that of the sound, at most.
        place: the seed, the epoch and the number of the row, which decide everything: a run that
            goes on after an interruption hears what it would have heard without one.
    """
    import numpy as np

    chance = np.random.default_rng(place)
    loudness = np.sqrt(np.mean(np.square(waves)))
    noise = chance.standard_normal(len(waves), dtype=np.float32)
    return np.asarray(waves + chance.uniform(0, share) * loudness * noise, dtype=np.float32)


def encode_sounds(
    sounds: Sequence[Sound],
    extras: Sequence[Mapping[str, Any]],
    extractor: Any,
    settings: EncodeSettings,
) -> Encoded:
    """Give the sounds as features; nothing is decoded yet."""
    noise = settings.spec.dataset.augmentation.audio_noise if settings.is_training else 0
    rate: int = extractor.sampling_rate
    rows = SoundRows(sounds, extras, rate, noise, settings.spec.training.seed)
    lengths = [sound.count_samples(rate) for sound in sounds]
    return Encoded(rows, lengths, set_epoch=rows.set_epoch if noise else None)


def pad_sounds(rows: Sequence[Features], extractor: Any, least_samples: int = 0) -> Batch:
    """Let the extractor of a model turn sounds into what it listens to.

    Args:
        rows: features.
        extractor: a feature extractor of transformers.
        least_samples: shorter sounds are padded to so many: a model cannot hear less.

    Returns:
        input_values [rows, time] or input_features [rows, time, …], and attention_mask [rows, time]
        for models that were trained with one.
    """
    waves = [row[SOUND] for row in rows]
    is_short = max(len(wave) for wave in waves) < least_samples
    how = {"padding": "max_length", "max_length": least_samples} if is_short else {"padding": True}
    return dict(extractor(waves, sampling_rate=extractor.sampling_rate, return_tensors="pt", **how))


def count_least_samples(config: Any) -> int:
    """Say how many samples a model needs for one frame, and for one stretch that it masks.

    Models like Wav2Vec2 leave out stretches of frames in training; a batch that is shorter than
    one such stretch makes them fail.
    """
    kernels = getattr(config, "conv_kernel", None)
    strides = getattr(config, "conv_stride", None)
    if not kernels or not strides:
        return 0
    masked = config.mask_time_length + 1 if getattr(config, "mask_time_prob", 0) else 1
    samples = masked
    for kernel, stride in zip(reversed(list(kernels)), reversed(list(strides)), strict=True):
        samples = (samples - 1) * stride + kernel
    return int(samples)
