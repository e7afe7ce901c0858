"""The letters of a speech model: those that it has, or those of the training transcripts.

`processors` calls it for SpeechRecognition. A model that was pre-trained on sound alone has no
vocabulary; it gets one of single characters, which is saved with it. Needs torch.
"""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import transformers

from finetune_trainer.data.tables import Part
from finetune_trainer.errors import ConfigError, DataError, NotFoundError
from finetune_trainer.models.sources import Pretrained

VOCABULARY_NAME = "vocab.json"
WORD_DELIMITER = "|"
UNKNOWN = "[UNK]"
PADDING = "[PAD]"
"""The blank of CTC, too."""
MAX_CHARACTERS = 8000


def load_speech_processor(pretrained: Pretrained, train: Part | None) -> Any:
    """Load what turns sounds into samples, and text into characters and back.

    Args:
        pretrained: the model's files; the vocabulary is that of model.tokenizerSource.
        train: the training part, for a model without a vocabulary.

    Raises:
        NotFoundError: there is no feature extractor, or no vocabulary and nothing to make it of.
        ConfigError: the vocabulary is none of characters.
    """
    try:
        auto_class: Any = transformers.AutoFeatureExtractor
        extractor = auto_class.from_pretrained(
            pretrained.folder, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError) as error:
        raise NotFoundError(
            f"model.source {pretrained.source} has no feature extractor that can be loaded:"
            f" {error}",
            hint="name a folder that holds preprocessor_config.json beside config.json",
        ) from error
    if (pretrained.tokenizer_folder / VOCABULARY_NAME).is_file():
        tokenizer = _load_tokenizer(pretrained)
    elif train is not None:
        tokenizer = make_tokenizer(train.column("transcript"))
    else:
        raise NotFoundError(
            f"model.source {pretrained.source} has no {VOCABULARY_NAME}",
            hint="name a model that was fine-tuned for speech recognition",
        )
    processor_class: Any = transformers.Wav2Vec2Processor
    return processor_class(feature_extractor=extractor, tokenizer=tokenizer)


def _load_tokenizer(pretrained: Pretrained) -> Any:
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            pretrained.tokenizer_folder, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"the vocabulary of {pretrained.source} cannot be loaded: {error}",
            hint="set model.tokenizerSource to a model with a vocabulary of characters",
        ) from error
    if not isinstance(tokenizer, transformers.Wav2Vec2CTCTokenizer):
        raise ConfigError(
            f"the tokenizer of {pretrained.source} is a {type(tokenizer).__name__};"
            " SpeechRecognition writes characters, as Wav2Vec2CTCTokenizer does",
            hint="name a Wav2Vec2, HuBERT or WavLM model",
        )
    return tokenizer


def make_tokenizer(transcripts: Iterable[str]) -> Any:
    """Make a vocabulary of the characters of some transcripts.

    Raises:
        DataError: there are too many of them for an output layer.
    """
    vocabulary = number_characters(transcripts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / VOCABULARY_NAME
        path.write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
        tokenizer_class: Any = transformers.Wav2Vec2CTCTokenizer
        return tokenizer_class(
            str(path),
            unk_token=UNKNOWN,
            pad_token=PADDING,
            # Nothing is spoken before the first character and after the last one.
            bos_token=None,
            eos_token=None,
            word_delimiter_token=WORD_DELIMITER,
        )


def number_characters(transcripts: Iterable[str]) -> dict[str, int]:
    """Number the padding, the border between words, what is unknown, and each character.

    Raises:
        DataError: there are too many of them for an output layer.
    """
    found = sorted({c for text in transcripts for c in text if not c.isspace()} - {WORD_DELIMITER})
    if len(found) > MAX_CHARACTERS:
        raise DataError(
            f"dataset.train: the transcripts hold {len(found)} different characters;"
            f" {MAX_CHARACTERS} are the most",
            hint="is dataset.columns.transcript the column of what is said?",
        )
    return {sign: n for n, sign in enumerate((PADDING, WORD_DELIMITER, UNKNOWN, *found))}
