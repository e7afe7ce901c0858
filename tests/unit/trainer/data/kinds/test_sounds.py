import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from finetune_trainer.data.hashing import hash_row
from finetune_trainer.data.kinds import sounds
from finetune_trainer.data.kinds.sounds import AUDIO, Sound
from finetune_trainer.data.media import place_media
from finetune_trainer.errors import DataError
from trainer_media import write_tone


def encode(waves: Any, rate: int = 8000, form: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.asarray(waves, dtype="float32"), rate, subtype, format=form)
    return file.getvalue()


def listen(content: Any) -> Any:
    return AUDIO.normalize(place_media(content, None))


def tone(hertz: float, rate: int, seconds: float = 0.5) -> Any:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
def test_sounds_of_many_formats_are_read(form: str) -> None:
    sound = listen(encode(tone(440, 16000), 16000, form))

    assert AUDIO.complain(sound) is None
    assert (sound.rate_hertz, sound.samples) == (16000, pytest.approx(8000, abs=1200))
    assert len(sound.decode(16000)) == sound.samples


def test_a_sound_is_brought_to_the_rate_of_the_model_and_keeps_its_pitch() -> None:
    sound = listen(encode(tone(440, 44100), 44100))

    waves = sound.decode(8000)

    assert len(waves) == sound.count_samples(8000) == 4000
    loudest = np.abs(np.fft.rfft(waves)).argmax() * 8000 / len(waves)
    assert loudest == pytest.approx(440, abs=4)
    assert waves.dtype == np.float32


def test_channels_are_mixed() -> None:
    both = np.stack([tone(440, 8000), np.zeros(4000)], axis=1)

    waves = listen(encode(both, subtype="FLOAT")).decode(8000)

    np.testing.assert_allclose(waves, tone(440, 8000) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(b"hello", "cannot be read", id="a text"),
        pytest.param(b"", "cannot be read", id="an empty file"),
        pytest.param(encode([]), "has no samples", id="silence of no length"),
        pytest.param(
            encode([0.1, np.nan], subtype="FLOAT"), "samples that are no numbers", id="no numbers"
        ),
        pytest.param(encode([0.1], rate=100), "has 100 samples in a second", id="an absurd rate"),
        pytest.param(None, "no sound", id="nothing"),
        pytest.param([0.1], "a list where the sound belongs", id="a list"),
    ],
)
def test_what_is_no_sound_is_named(value: Any, complaint: str) -> None:
    assert complaint in (AUDIO.complain(listen(value)) or "")


def test_a_sound_of_hours_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "MAX_SECONDS", 1)
    packed = encode(np.zeros(8000 * 60), form="FLAC")

    assert len(packed) < 10_000
    assert "is longer than 1 seconds" in (AUDIO.complain(listen(packed)) or "")


def test_a_flac_that_is_cut_off_is_named() -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 80_000)
    content = encode(noise, form="FLAC")

    said = AUDIO.complain(listen(content[: len(content) // 2]))

    assert said is not None
    assert "cannot be read" in said


def test_a_missing_sound_is_named(tmp_path: Path) -> None:
    sound = AUDIO.normalize(place_media("a/1.wav", tmp_path))

    assert AUDIO.complain(sound) == "the sound 'a/1.wav', which is not there"


def test_rows_are_told_apart_by_the_content_of_a_sound(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "1.wav", [440])
    pictures = [
        AUDIO.normalize(place_media("1.wav", tmp_path)),
        listen(path.read_bytes()),
        listen(write_tone(tmp_path / "2.wav", [441]).read_bytes()),
    ]

    keys = [hash_row([sound], "split") for sound in pictures]

    assert keys[0] == keys[1] != keys[2]


def test_a_file_that_changed_since_it_was_listened_to_is_named(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "1.wav", [440])
    sound: Sound = AUDIO.normalize(place_media("1.wav", tmp_path))
    path.write_bytes(b"gone")

    with pytest.raises(DataError, match=r"'1.wav' could be read at first, but no longer"):
        sound.decode(8000)
