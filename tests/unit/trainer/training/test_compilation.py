import pytest

from finetune_api.v1alpha1.training import Training
from finetune_trainer.errors import ConfigError
from finetune_trainer.training.compilation import check_compiler


def find_nothing(name: str) -> None:
    del name


@pytest.mark.parametrize(
    ("device", "says"),
    [
        pytest.param("cpu", "has no C++ compiler", id="a CPU needs C++"),
        pytest.param("cuda", "has no C compiler", id="a GPU needs C"),
    ],
)
def test_compiling_without_a_compiler_is_refused(device: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_compiler(Training(compile=True), device, variables={}, find=find_nothing)

    assert f"training.compile is true, but this image {says}" in str(caught.value)
    assert caught.value.hint is not None
    assert "set compile to false" in caught.value.hint


@pytest.mark.parametrize(
    ("variables", "there"),
    [
        pytest.param({}, "g++", id="the usual one"),
        pytest.param({}, "clang++", id="another one"),
        pytest.param({"CXX": "/opt/bin/mine"}, "/opt/bin/mine", id="the one that is named"),
    ],
)
def test_any_compiler_will_do(variables: dict[str, str], there: str) -> None:
    check_compiler(
        Training(compile=True),
        "cpu",
        variables=variables,
        find=lambda name: name if name == there else None,
    )


def test_nobody_asks_where_nothing_is_compiled() -> None:
    check_compiler(Training(), "cpu", variables={}, find=find_nothing)
