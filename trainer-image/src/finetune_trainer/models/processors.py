"""Loads what turns values into what a model takes: a tokenizer, an image or a sound processor.

`training.assembly` calls it by the kind that a task names. Needs torch.
"""

from collections.abc import Callable
from typing import Any

import transformers

from finetune_trainer.errors import ConfigError, NotFoundError
from finetune_trainer.models.sources import Pretrained
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
    except (OSError, ValueError) as error:
        raise NotFoundError(
            f"model.source {pretrained.source} has no tokenizer that can be loaded: {error}",
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


PROCESSORS: dict[ProcessorKind, Callable[[Pretrained], Any]] = {
    "Tokenizer": load_tokenizer,
}


def load_processor(kind: ProcessorKind, pretrained: Pretrained) -> Any:
    """Load a processor.

    Raises:
        TrainerError: there is none beside the model, or it does not do.
    """
    return PROCESSORS[kind](pretrained)
