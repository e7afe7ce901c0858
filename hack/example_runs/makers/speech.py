"""A toy language to write down: every letter is a tone, a space is a pause."""

import random
from pathlib import Path
from typing import Any

from example_runs.materials import Row, write_parts
from example_runs.toy_media_models import RATE_HERTZ, make_listener

ROWS = {"train": 300, "test": 60}
WORDS = ("bad", "cab", "ace", "bed", "dab", "fee", "gag", "age", "cafe", "edge")
TONES = dict(zip("abcdefg", (350, 520, 760, 1100, 1560, 2180, 3000), strict=True))
LETTER_SECONDS = 0.06
NOISE = 0.03


def prepare(folder: Path) -> None:
    """Write model/, a Wav2Vec2 without a vocabulary, sounds, train.jsonl and test.jsonl."""
    import soundfile

    chance = random.Random(0)
    (folder / "sounds").mkdir()
    parts: dict[str, list[Row]] = {}
    for name, size in ROWS.items():
        parts[name] = []
        for number in range(size):
            text = " ".join(chance.choices(WORDS, k=chance.randint(1, 3)))
            path = f"sounds/{name}-{number:03}.flac"
            soundfile.write(folder / path, _say(text, chance), RATE_HERTZ)
            parts[name].append({"audio": path, "transcript": text})
    write_parts(folder, parts)
    make_listener(folder / "model")


def _say(text: str, chance: random.Random) -> Any:
    import numpy as np

    pieces = []
    for sign in text:
        times = np.arange(round(LETTER_SECONDS * chance.uniform(0.9, 1.1) * RATE_HERTZ))
        tone = TONES.get(sign, 0) * chance.uniform(0.97, 1.03)
        # It swells and fades, so that two of the same letter are heard as two.
        envelope = np.sin(np.pi * times / len(times))
        pieces.append(0.5 * envelope * np.sin(2 * np.pi * tone * times / RATE_HERTZ))
    waves = np.concatenate(pieces)
    noise = np.random.default_rng(chance.getrandbits(32)).standard_normal(len(waves))
    return (waves + NOISE * noise).astype("float32")
