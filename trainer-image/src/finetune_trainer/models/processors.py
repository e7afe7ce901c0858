"""Loads what turns values into what a model takes: a tokenizer, an image or a sound processor.

`training.assembly` calls it by the kind that a task names. Needs torch.
"""

from collections.abc import Callable
from typing import Any

import transformers

from finetune_trainer.data.tables import Part
from finetune_trainer.errors import ConfigError, NotFoundError
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.models.vocabularies import load_speech_processor
from finetune_trainer.tasks.base import ProcessorKind


def load_tokenizer(pretrained: Pretrained) -> Any:
    """Load the tokenizer; one that cannot pad pads with its end-of-text token.

    Raises:
        NotFoundError: there is none.
        ConfigError: it has no token to pad with.
    """
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            pretrained.tokenizer_folder, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # the tokenizers library raises nothing more special
        raise NotFoundError(
            f"model.source {pretrained.source} has no tokenizer that can be loaded: {error!s:.300}",
            hint="set model.tokenizerSource",
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if tokenizer.pad_token_id is None:
        raise ConfigError(
            f"the tokenizer of {pretrained.source} has no token to pad with",
            hint="set model.tokenizerSource to a tokenizer with a padding token",
        )
    return tokenizer


def load_image_processor(pretrained: Pretrained) -> Any:
    """Load what resizes and normalises images.

    Raises:
        NotFoundError: there is none.
    """
    return _load(transformers.AutoImageProcessor, pretrained, "image processor")


def load_feature_extractor(pretrained: Pretrained) -> Any:
    """Load what turns sounds into what a model listens to.

    Raises:
        NotFoundError: there is none.
    """
    return _load(transformers.AutoFeatureExtractor, pretrained, "feature extractor")


def _load(auto_class: Any, pretrained: Pretrained, what: str) -> Any:
    try:
        return auto_class.from_pretrained(
            pretrained.folder, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError) as error:
        raise NotFoundError(
            f"model.source {pretrained.source} has no {what} that can be loaded: {error}",
            hint="name a folder that holds preprocessor_config.json beside config.json",
        ) from error


PROCESSORS: dict[ProcessorKind, Callable[[Pretrained, Part | None], Any]] = {
    "Tokenizer": lambda pretrained, train: load_tokenizer(pretrained),
    "ImageProcessor": lambda pretrained, train: load_image_processor(pretrained),
    "FeatureExtractor": lambda pretrained, train: load_feature_extractor(pretrained),
    "SpeechProcessor": load_speech_processor,
}


def load_processor(kind: ProcessorKind, pretrained: Pretrained, train: Part | None = None) -> Any:
    """Load a processor.

    Args:
        kind: what the task needs.
        pretrained: the model's files.
        train: the training part, for a vocabulary that has to be made; None: it must be there.

    Raises:
        TrainerError: there is none beside the model, or it does not do.
    """
    return PROCESSORS[kind](pretrained, train)
