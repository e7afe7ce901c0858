"""Sounds: wav, flac, ogg and mp3, through libsndfile.

Every sound is decoded once before a model is loaded: a broken one costs a second here and hours in
the middle of an epoch. Only what was learned by that is kept.
"""

import hashlib
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from finetune_trainer.data.kinds.base import ValueKind
from finetune_trainer.data.media import Media
from finetune_trainer.errors import DataError

if TYPE_CHECKING:
    import numpy

MAX_SECONDS = 600
"""Models listen to some seconds at once; ten minutes would fill the memory of any GPU."""
RATES_HERTZ = (1_000, 768_000)
ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au")


@dataclass(frozen=True, slots=True, repr=False)
class Sound:
    """A sound that was listened to.

    Attributes:
        media: where its bytes are.
        digest: the SHA-256 of its bytes; what is equal there is the same sound.
        rate_hertz: samples in a second.
        samples: in each channel.
        problem: what is wrong with it; None when nothing is.
    """

    media: Media = field(compare=False)
    digest: str = ""
    rate_hertz: int = 0
    samples: int = 0
    problem: str | None = None

    def __repr__(self) -> str:
        # Rows are told apart and fingerprinted by it: by the content, never by the place.
        return f"sound {self.digest}"

    def count_samples(self, rate_hertz: int) -> int:
        """Say how many samples it has at another rate."""
        return max(1, round(self.samples * rate_hertz / self.rate_hertz))

    def decode(self, rate_hertz: int) -> "numpy.ndarray[Any, Any]":
        """Give the samples [time] of all channels mixed, at the rate that a model wants.

        Raises:
            DataError: the file changed since it was listened to.
        """
        import numpy as np
        import soundfile
        import soxr

        try:
            waves, rate = soundfile.read(BytesIO(self.media.read()), dtype="float32")
        except (OSError, RuntimeError, TypeError) as error:
            raise DataError(
                f"the sound {self.media.name!r} could be read at first, but no longer: {error}",
                hint="leave the data alone while a job reads it",
            ) from error
        mono = waves if waves.ndim == 1 else waves.mean(axis=1)
        if rate != rate_hertz:
            mono = soxr.resample(mono, rate, rate_hertz)
        return np.ascontiguousarray(mono, dtype=np.float32)


def listen_to_sound(value: Any) -> Any:
    """Read and decode a sound once; what is none stays as it is, for the complaint."""
    if not isinstance(value, Media):
        return value
    if value.problem is not None:
        return Sound(value, problem=f"the sound {value.name!r}, which {value.problem}")
    try:
        content = value.read()
        problem, rate, samples = _measure(content)
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
    if problem is not None:
        return Sound(value, problem=f"the sound {value.name!r}, which {problem}")
    return Sound(value, hashlib.sha256(content).hexdigest(), rate, samples)


def _measure(content: bytes) -> tuple[str | None, int, int]:
    """Give what is wrong, the rate, and the number of samples."""
    import numpy as np
    import soundfile

    try:
        with soundfile.SoundFile(BytesIO(content)) as file:
            rate = file.samplerate
            if not RATES_HERTZ[0] <= rate <= RATES_HERTZ[1]:
                return f"has {rate} samples in a second: no such recording is known", 0, 0
            # Asked before anything is decoded: an hour of silence packs into a few kilobytes.
            if file.frames > MAX_SECONDS * rate:
                return f"is longer than {MAX_SECONDS} seconds: cut it into pieces", 0, 0
            waves = file.read(frames=MAX_SECONDS * rate, dtype="float32")
    except (RuntimeError, TypeError) as error:
        return f"cannot be read: {error}", 0, 0
    if not len(waves):
        return "has no samples", 0, 0
    if not np.isfinite(waves).all():
        return "holds samples that are no numbers", 0, 0
    return None, rate, len(waves)


def complain_about_sound(value: Any) -> str | None:
    """Say what is wrong with a sound."""
    if isinstance(value, Sound):
        return value.problem
    if value is None or value == "":
        return "no sound"
    return f"a {type(value).__name__} where the sound belongs ({value!r:.40})"


AUDIO = ValueKind(complain_about_sound, listen_to_sound)
