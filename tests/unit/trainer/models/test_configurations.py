from types import SimpleNamespace

import pytest

from finetune_trainer.models.configurations import keeping_cache_setting, mend_generation


def train_in_vain(config: SimpleNamespace) -> None:
    with keeping_cache_setting(config):
        config.use_cache = False
        raise RuntimeError


@pytest.mark.parametrize(
    "before",
    [
        pytest.param({"use_cache": True}, id="a cache"),
        pytest.param({"use_cache": False}, id="no cache"),
        pytest.param({}, id="a model without such a thing"),
    ],
)
def test_the_cache_is_as_it_was_even_after_a_failure(before: dict[str, bool]) -> None:
    config = SimpleNamespace(**before)

    with pytest.raises(RuntimeError):
        train_in_vain(config)

    assert vars(config) == before


def a_model(**settings: object) -> SimpleNamespace:
    from transformers import GenerationConfig, GPT2Config

    return SimpleNamespace(generation_config=GenerationConfig(**settings), config=GPT2Config())


def test_settings_of_sampling_without_sampling_turn_it_on() -> None:
    model = a_model(temperature=0.6, top_p=0.9)

    mend_generation(model)

    model.generation_config.validate(strict=True)
    assert (model.generation_config.do_sample, model.generation_config.temperature) == (True, 0.6)


def test_settings_that_cannot_be_mended_give_way_to_the_default() -> None:
    model = a_model()
    model.generation_config.num_beams = 2
    model.generation_config.num_return_sequences = 4  # more than there are beams

    mend_generation(model)

    model.generation_config.validate(strict=True)
    assert model.generation_config.num_return_sequences in (None, 1)
    assert not model.generation_config.do_sample


def test_good_settings_and_models_that_write_nothing_stay_as_they_are() -> None:
    model = a_model(max_new_tokens=7)

    mend_generation(model)
    mend_generation(SimpleNamespace())

    assert model.generation_config.max_new_tokens == 7
    assert not model.generation_config.do_sample
