"""Sounds of a machine: it hums when it is well, it rattles when a screw is loose, or it whines."""

import random
from pathlib import Path
from typing import Any

from example_runs.toy_media_models import RATE_HERTZ, make_listener

FILES = {"train": 180, "test": 60}
LABELS = ("hum", "rattle", "whine")
NOISE = 0.05


def prepare(folder: Path) -> None:
    """Write model/, a Wav2Vec2 that has heard nothing yet, and train/ and test/ with the sounds."""
    import soundfile

    chance = random.Random(0)
    for part, count in FILES.items():
        for number in range(count):
            label = LABELS[number % len(LABELS)]
            path = folder / part / label / f"{number:03}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            # Half of them come at twice the rate of the model: the trainer brings them to it.
            rate = RATE_HERTZ * chance.choice((1, 2))
            soundfile.write(path, _play(label, rate, chance), rate)
    make_listener(folder / "model")


def _play(label: str, rate: int, chance: random.Random) -> Any:
    """Give half a second or so of a motor, in the noise of a hall."""
    import numpy as np

    seconds = chance.uniform(0.3, 0.6)
    times = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(chance.getrandbits(32)).standard_normal((2, len(times)))
    motor = 0.3 * np.sin(2 * np.pi * chance.uniform(90, 140) * times)
    extra: dict[str, Any] = {
        "hum": np.zeros(len(times)),
        # Blows that come and fade away some dozen times in a second.
        "rattle": 0.8 * noise[0] * np.exp(-8 * (times * chance.uniform(14, 25) % 1)),
        "whine": 0.3 * np.sin(2 * np.pi * chance.uniform(1500, 3000) * times),
    }
    return (motor + extra[label] + NOISE * noise[1]).astype("float32")
