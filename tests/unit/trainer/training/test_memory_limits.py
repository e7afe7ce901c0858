from pathlib import Path

import pytest

from finetune_trainer.errors import ConfigError
from finetune_trainer.training.memory_estimates import MemoryEstimate
from finetune_trainer.training.memory_limits import check_fit, read_host_limit
from trainer_tasks import a_spec

GIBIBYTE = 2**30
SPEC = a_spec("TextClassification", training={"batchSize": 32})


def an_estimate(gibibytes: float) -> MemoryEstimate:
    return MemoryEstimate(0, activations=int(gibibytes * GIBIBYTE))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("1073741824\n", GIBIBYTE, id="a limit"),
        pytest.param("max\n", None, id="no limit"),
    ],
)
def test_the_limit_is_that_of_the_control_group_else_of_the_machine(
    tmp_path: Path, content: str, expected: int | None
) -> None:
    (tmp_path / "memory.max").write_text(content)

    limit = read_host_limit(tmp_path / "memory.max")

    assert limit == (expected or read_host_limit(tmp_path / "no-such-file"))


def test_a_job_that_cannot_fit_is_refused_with_numbers_and_remedy() -> None:
    with pytest.raises(ConfigError, match=r"about 10\.00 GiB .* but this pod has 8\.00 GiB") as no:
        check_fit(SPEC, an_estimate(10), 8 * GIBIBYTE, "this pod")

    assert no.value.hint is not None
    assert no.value.hint.startswith("lower training.batchSize")
    assert "12Gi" in no.value.hint


@pytest.mark.parametrize(
    ("gibibytes", "expected"),
    [
        pytest.param(4, None, id="plenty"),
        pytest.param(7.5, "it is close", id="close"),
        pytest.param(9, "it is close", id="a little above: the estimate may be wrong"),
    ],
)
def test_what_may_fit_is_tried(gibibytes: float, expected: str | None) -> None:
    warning = check_fit(SPEC, an_estimate(gibibytes), 8 * GIBIBYTE, "this pod")

    assert (expected is None) == (warning is None)
    assert expected is None or expected in (warning or "")
