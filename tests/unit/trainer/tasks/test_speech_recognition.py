from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finetune_trainer.data.kinds.sounds import listen_to_sound
from finetune_trainer.data.media import place_media
from finetune_trainer.data.tables import Part
from finetune_trainer.errors import DataError
from finetune_trainer.models.vocabularies import make_tokenizer
from finetune_trainer.tasks.base import EncodeSettings
from finetune_trainer.tasks.speech_recognition import (
    SPEECH_RECOGNITION,
    configure,
    count_frames,
    follow_processor,
    spell,
)
from trainer_media import LETTERS, make_tiny_wav2vec2, write_tone
from trainer_tasks import a_part, a_spec, judge, settings_of

WORDS = ("abcd", "a", "dc", "bbb")


@pytest.fixture
def part(tmp_path: Path) -> Part:
    sounds = []
    for word in WORDS:
        write_tone(tmp_path / f"{word}.wav", [LETTERS[sign] for sign in word])
        sounds.append(listen_to_sound(place_media(f"{word}.wav", tmp_path)))
    return a_part(audio=sounds, transcript=list(WORDS))


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, EncodeSettings]:
    from transformers import AutoFeatureExtractor, AutoModelForCTC, Wav2Vec2Processor

    folder = make_tiny_wav2vec2(tmp_path_factory.mktemp("wav2vec2"))
    processor = Wav2Vec2Processor(
        feature_extractor=AutoFeatureExtractor.from_pretrained(folder),
        tokenizer=make_tokenizer(WORDS),
    )
    settings = settings_of("SpeechRecognition")
    options = configure((), a_spec("SpeechRecognition").dataset) | follow_processor(processor)
    model = AutoModelForCTC.from_pretrained(folder, **options)
    return model, processor, replace(settings, config=model.config, is_training=True)


def test_the_loss_of_the_rows_is_the_loss_of_the_model(
    part: Part, wav2vec2: tuple[Any, Any, EncodeSettings]
) -> None:
    """Averaged by rows it is what the model itself trains on, padding or not."""
    import torch

    model, processor, settings = wav2vec2
    encoded = SPEECH_RECOGNITION.encode(part, processor, settings)
    batch = SPEECH_RECOGNITION.build_collator(processor, settings)(encoded.features)
    model.eval()

    with torch.no_grad():
        answers = SPEECH_RECOGNITION.answer(model, batch, settings.spec)
        own = model(**batch).loss

    assert answers["loss"].shape == (4,)
    assert float(answers["loss"].mean()) == pytest.approx(float(own), rel=1e-5)


def test_frames_of_the_padding_are_blank(
    part: Part, wav2vec2: tuple[Any, Any, EncodeSettings]
) -> None:
    model, processor, settings = wav2vec2
    encoded = SPEECH_RECOGNITION.encode(part, processor, settings)
    batch = SPEECH_RECOGNITION.build_collator(processor, settings)(encoded.features)

    characters = SPEECH_RECOGNITION.answer(model, batch, settings.spec)["characters"]

    own = [count_frames(length, model.config) for length in encoded.lengths]
    assert characters.shape == (4, max(own))
    assert (characters[1, own[1] :] == model.config.pad_token_id).all()


def test_the_characters_of_the_frames_are_written_down(
    part: Part, wav2vec2: tuple[Any, Any, EncodeSettings]
) -> None:
    """In batches of different width, repeated characters and all."""
    _, processor, settings = wav2vec2
    tokenizer = processor.tokenizer

    def answer(model: Any, batch: Any, spec: Any) -> Any:
        import torch

        del model, spec
        blank = tokenizer.pad_token_id
        rows = [
            [n for number in row[row >= 0].tolist() for n in (number, number, blank)]
            for row in batch["labels"]
        ]
        width = max(map(len, rows))
        padded = torch.tensor([row + [blank] * (width - len(row)) for row in rows])
        return {"characters": padded, "loss": torch.zeros(len(rows))}

    task = replace(SPEECH_RECOGNITION, answer=answer)
    import torch

    judged = judge(task, part, processor, settings, torch.nn.Identity())

    assert task.describe(judged) == list(WORDS)
    assert task.measure(judged) == {"wer": 0.0, "cer": 0.0, "loss": 0.0}


@pytest.mark.parametrize(
    ("vocabulary", "text", "spelt"),
    [
        pytest.param("ab", " A  b\n", "a b", id="small letters"),
        pytest.param("AB", "a b", "A B", id="capitals"),
        pytest.param("aB", "a b", "a b", id="both"),
        pytest.param("один", "ОДИН", "один", id="another script"),
    ],
)
def test_transcripts_are_spelt_as_the_vocabulary_does(
    vocabulary: str, text: str, spelt: str
) -> None:
    assert spell(text, make_tokenizer([vocabulary])) == spelt


def test_a_transcript_longer_than_its_sound_is_named(
    part: Part, wav2vec2: tuple[Any, Any, EncodeSettings]
) -> None:
    _, processor, settings = wav2vec2
    long = a_part(audio=part.column("audio"), transcript=["abcd", "abcdabcdabcd", "dc", "bbb"])

    with pytest.raises(DataError, match=r"row 2 of a\.csv has a transcript of 12 characters") as e:
        SPEECH_RECOGNITION.encode(long, processor, settings)

    assert "7 frames" in str(e.value)


def test_characters_that_can_never_be_written_are_warned_of(
    part: Part, wav2vec2: tuple[Any, Any, EncodeSettings]
) -> None:
    _, processor, settings = wav2vec2
    strange = a_part(audio=part.column("audio"), transcript=["ab?d", "a", "dc", "bbb"])

    encoded = SPEECH_RECOGNITION.encode(strange, processor, settings)

    assert encoded.unknown == 1
    assert encoded.warnings[0].startswith("10% of the characters of the training transcripts")


def test_the_guess_without_a_model_is_the_most_frequent_transcript() -> None:
    train = a_part(transcript=["a b", "a  b", "c"])
    judged = a_part(transcript=["a b", "a c"])
    assert SPEECH_RECOGNITION.measure_baseline is not None

    scores = SPEECH_RECOGNITION.measure_baseline(train, judged, ())

    assert scores == {"wer": 0.25, "cer": pytest.approx(1 / 6)}


def test_sounds_without_transcripts_can_be_asked_about(
    part: Part, wav2vec2: tuple[Any, Any, EncodeSettings]
) -> None:
    model, processor, settings = wav2vec2

    judged = judge(
        SPEECH_RECOGNITION, a_part(audio=part.column("audio")), processor, settings, model
    )

    assert len(SPEECH_RECOGNITION.describe(judged)) == 4
