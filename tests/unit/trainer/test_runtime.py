import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune_api.v1alpha1.training import Precision
from finetune_trainer import runtime
from finetune_trainer.errors import ConfigError


@pytest.mark.parametrize(
    ("millicores", "quota", "affinity", "threads"),
    [
        pytest.param(None, "max 100000", 8, 8, id="without a limit all cores"),
        pytest.param(2000, "max 100000", 64, 2, id="the pod's request"),
        pytest.param(1500, "max 100000", 64, 2, id="part of a core is rounded up"),
        pytest.param(8000, "200000 100000", 64, 2, id="the quota is lower than the request"),
        pytest.param(8000, "max 100000", 4, 4, id="the affinity is lowest"),
        pytest.param(100, "10000 100000", 4, 1, id="at least one"),
        pytest.param(None, "garbage", 3, 3, id="a quota that cannot be read counts as none"),
    ],
)
def test_threads_follow_the_lowest_limit(
    tmp_path: Path, millicores: int | None, quota: str, affinity: int, threads: int
) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)

    assert runtime.count_threads(millicores, file, affinity) == threads


@pytest.mark.parametrize(
    ("wanted", "has_bfloat16", "precision"),
    [
        pytest.param("Auto", True, "BFloat16", id="Auto takes bfloat16 where the CPU has it"),
        pytest.param("Auto", False, "Float32", id="Auto stays exact elsewhere"),
        pytest.param("Float32", True, "Float32", id="what is asked for is done"),
    ],
)
def test_precision_follows_the_hardware(
    wanted: Precision, has_bfloat16: bool, precision: str
) -> None:
    assert runtime.choose_precision(wanted, "cpu", has_bfloat16=has_bfloat16) == precision


def test_float16_without_a_gpu_is_refused() -> None:
    with pytest.raises(ConfigError, match="Float16"):
        runtime.choose_precision("Float16", "cpu", has_bfloat16=True)


@pytest.mark.parametrize(
    ("flags", "known"),
    [
        pytest.param("flags\t\t: fpu avx2 avx512_bf16", True, id="AMD and Intel"),
        pytest.param("Features\t: fp asimd bf16", True, id="ARM"),
        pytest.param("flags\t\t: fpu avx2", False, id="older"),
    ],
)
def test_bfloat16_is_read_from_the_cpu_flags(tmp_path: Path, flags: str, known: bool) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\n{flags}\n")

    assert runtime.cpu_has_bfloat16(file) is known


def test_the_faster_matmul_keeps_float32_accuracy_or_is_not_used() -> None:
    import torch

    before = torch.get_float32_matmul_precision()
    try:
        used = runtime.use_faster_matmul()
        assert torch.get_float32_matmul_precision() == ("medium" if used else "highest")
        left, right = torch.rand(64, 64), torch.rand(64, 64)
        exact = left.double() @ right.double()
        assert torch.allclose((left @ right).double(), exact, rtol=1e-5)
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.fixture
def _collecting_as_before() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("_collecting_as_before")
def test_what_has_come_to_stay_is_never_looked_through_again() -> None:
    runtime.delay_garbage_collection()
    assert not gc.isenabled()

    runtime.begin_garbage_collection()

    assert gc.isenabled()
    assert gc.get_freeze_count() > 1000


@pytest.mark.usefixtures("_collecting_as_before")
def test_garbage_of_a_process_that_goes_on_is_left_to_it() -> None:
    before = gc.get_freeze_count()

    runtime.begin_garbage_collection()

    assert gc.get_freeze_count() == before
