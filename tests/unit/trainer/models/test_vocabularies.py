from pathlib import Path

import pytest

from finetune_trainer.errors import ConfigError, DataError, NotFoundError
from finetune_trainer.models import vocabularies
from finetune_trainer.models.processors import load_processor
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.models.vocabularies import make_tokenizer, number_characters
from trainer_media import make_tiny_wav2vec2
from trainer_models import make_tiny_bert
from trainer_tasks import a_part


def pretrained(folder: Path, tokenizer: Path | None = None) -> Pretrained:
    return Pretrained("pvc://data/base", folder, tokenizer or folder, "1", {})


def test_characters_are_numbered_in_one_order_and_spaces_are_borders() -> None:
    numbers = number_characters(["ba b", "c\ta|"])

    assert list(numbers) == ["[PAD]", "|", "[UNK]", "a", "b", "c"]
    assert list(numbers.values()) == [0, 1, 2, 3, 4, 5]


def test_a_column_of_too_many_characters_is_no_transcript(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabularies, "MAX_CHARACTERS", 3)

    with pytest.raises(DataError, match="hold 4 different characters; 3 are the most"):
        number_characters(["abcd"])


def test_what_is_written_by_a_vocabulary_is_read_by_it() -> None:
    tokenizer = make_tokenizer(["ab ba", "äß"])

    ids = tokenizer("aba ß").input_ids

    # Doubled as CTC would give it: repeats are one, and blanks keep real ones apart.
    blank = tokenizer.pad_token_id
    spread = [sign for number in ids for sign in (number, number, blank)]
    assert tokenizer.decode(spread) == "aba ß"
    assert tokenizer("x").input_ids == [tokenizer.unk_token_id]


def test_a_made_vocabulary_is_saved_with_the_processor(tmp_path: Path) -> None:
    from transformers import AutoProcessor

    folder = make_tiny_wav2vec2(tmp_path / "model")
    train = a_part(audio=[], transcript=["ab ba"])
    processor = load_processor("SpeechProcessor", pretrained(folder), train)

    processor.save_pretrained(tmp_path / "saved")
    again = AutoProcessor.from_pretrained(tmp_path / "saved")
    kept = load_processor("SpeechProcessor", pretrained(tmp_path / "saved"), a_part(transcript=[]))

    assert again.tokenizer.get_vocab() == processor.tokenizer.get_vocab()
    assert kept.tokenizer.get_vocab() == processor.tokenizer.get_vocab()
    assert again.feature_extractor.sampling_rate == 8000


def test_a_model_without_a_vocabulary_needs_transcripts(tmp_path: Path) -> None:
    folder = make_tiny_wav2vec2(tmp_path / "model")

    with pytest.raises(NotFoundError, match=r"has no vocab\.json"):
        load_processor("SpeechProcessor", pretrained(folder))


def test_a_vocabulary_of_words_is_refused(tmp_path: Path) -> None:
    folder = make_tiny_wav2vec2(tmp_path / "model")
    bert = make_tiny_bert(tmp_path / "bert")
    (bert / "vocab.json").write_text("{}")

    with pytest.raises(ConfigError, match="SpeechRecognition writes characters"):
        load_processor("SpeechProcessor", pretrained(folder, bert))


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("ImageProcessor", "image processor"),
        ("FeatureExtractor", "feature extractor"),
        ("SpeechProcessor", "feature extractor"),
    ],
)
def test_a_model_without_its_processor_is_named(tmp_path: Path, kind: str, what: str) -> None:
    with pytest.raises(NotFoundError, match=f"pvc://data/base has no {what}") as caught:
        load_processor(kind, pretrained(make_tiny_bert(tmp_path)), a_part(transcript=[]))  # type: ignore[arg-type]

    assert "preprocessor_config.json" in (caught.value.hint or "")
