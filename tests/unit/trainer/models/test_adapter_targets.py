import pytest

from finetune_trainer.errors import ConfigError
from finetune_trainer.models.adapter_targets import choose_targets

NAMES = [f"encoder.layer.{n}.attention.{name}" for n in range(2) for name in ("query", "value")]


def test_the_usual_modules_of_the_family_are_taken() -> None:
    assert choose_targets((), ("query", "value"), NAMES, "bert") == ["query", "value"]


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("value", id="the end of a name"),
        pytest.param("layer.1.attention.value", id="a longer end"),
        pytest.param(NAMES[0], id="a whole name"),
    ],
)
def test_modules_that_are_named_are_taken(target: str) -> None:
    assert choose_targets((target,), ("query",), NAMES, "bert") == [target]


@pytest.mark.parametrize(
    ("target", "nearest"),
    [
        pytest.param("q_proj", "query", id="the name of another family"),
        pytest.param("valu", "value", id="a slip"),
        pytest.param("uery", "query", id="a part of a word"),
    ],
)
def test_a_name_that_matches_nothing_is_refused_with_the_nearest(target: str, nearest: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose_targets((target,), (), NAMES, "bert")

    assert f"targetModules: {target!r} is no linear layer of this bert model" in str(caught.value)
    assert caught.value.hint is not None
    assert "It has query, value" in caught.value.hint
    assert nearest in caught.value.hint


@pytest.mark.parametrize(
    "usual",
    [
        pytest.param((), id="an unknown family"),
        pytest.param(("query", "dense"), id="a family that was built otherwise"),
    ],
)
def test_without_usual_modules_the_layers_that_exist_are_named(usual: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="which layers of a x model take an adapter") as caught:
        choose_targets((), usual, NAMES, "x")

    assert caught.value.hint is not None
    assert "method.lora.targetModules to some of query, value" in caught.value.hint


def test_layers_that_have_only_a_number_are_named_in_full() -> None:
    with pytest.raises(ConfigError) as caught:
        choose_targets((), (), ["features.0", "features.3"], "timm_wrapper")

    assert caught.value.hint is not None
    assert "features.0, features.3" in caught.value.hint
