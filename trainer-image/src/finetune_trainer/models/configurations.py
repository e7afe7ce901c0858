"""What a model's configuration says about later use: training may neither change nor spoil it.

`training.trainers` asks. Needs no torch.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

logger = logging.getLogger(__name__)
CACHE = "use_cache"


@contextmanager
def keeping_cache_setting(config: Any) -> Iterator[None]:
    """Take back afterwards what is done to `use_cache`.

    The Trainer turns the cache off for good: it only costs memory while training. A model that was
    saved so would write texts many times slower for whoever uses it.
    """
    kept = getattr(config, CACHE, None)
    try:
        yield
    finally:
        if kept is not None:
            setattr(config, CACHE, kept)
        elif hasattr(config, CACHE):
            delattr(config, CACHE)


def mend_generation(model: Any) -> None:
    """Make sure that the settings for generation can be saved.

    Many models come with a temperature but without do_sample. transformers only warns of it when it
    loads them, and refuses to save them once the tokenizer has changed anything.
    """
    generation = getattr(model, "generation_config", None)
    if generation is None:
        return
    if _is_sound(generation):
        return
    generation.do_sample = True
    if not _is_sound(generation):
        model.generation_config = type(generation).from_model_config(model.config)


def _is_sound(generation: Any) -> bool:
    try:
        generation.validate(strict=True)
    except ValueError as error:
        logger.warning("generation_config.json: %s", error)
        return False
    return True
