from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from finetune_api.v1alpha1.status import HistoryPoint
from finetune_trainer.checkpoints.fold_results import FoldResults
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.training.folds import FoldResult

OURS = Identity("uid", "config", "data")
RESULT = FoldResult(
    number=2,
    rows={"train": 8, "validation": 2},
    baseline={"f1": 1 / 3},
    scores={"f1": 0.1 + 0.2},
    best_step=10,
    steps=20,
    stopped="NoImprovement",
    history=(HistoryPoint(step=10, evaluation_loss=0.5), HistoryPoint(step=12, loss=0.25)),
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_result_comes_back_exactly(tmp_path: Path) -> None:
    FoldResults(tmp_path, OURS).keep(RESULT)

    assert FoldResults(tmp_path, OURS).find(2) == RESULT
    assert FoldResults(tmp_path, OURS).find(1) is None


def test_the_checkpoints_of_a_fold_go_when_its_result_is_sealed(tmp_path: Path) -> None:
    results = FoldResults(tmp_path, OURS)
    (results.name_folder(2) / "checkpoint-20").mkdir(parents=True)

    results.keep(RESULT)

    assert names(tmp_path) == ["fold-2-result"]


def test_checkpoints_that_a_kill_left_beside_the_result_go_too(tmp_path: Path) -> None:
    FoldResults(tmp_path, OURS).keep(RESULT)
    (tmp_path / "fold-2" / "checkpoint-20").mkdir(parents=True)
    (tmp_path / ".tmp-fold-3-result-77").mkdir()

    FoldResults(tmp_path, OURS).find(2)

    assert names(tmp_path) == ["fold-2-result"]


def flip_a_bit(folder: Path) -> None:
    path = folder / "result.json"
    path.write_bytes(path.read_bytes().replace(b"10", b"11"))


def lose_the_seal(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def belong_to_another_job(folder: Path) -> None:
    FoldResults(folder.parent, Identity("other", "config", "data")).keep(RESULT)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(flip_a_bit, id="a changed number"),
        pytest.param(lose_the_seal, id="no seal"),
        pytest.param(belong_to_another_job, id="the result of another job"),
    ],
)
def test_a_result_that_cannot_be_trusted_is_measured_again(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    FoldResults(tmp_path, OURS).keep(RESULT)
    damage(tmp_path / "fold-2-result")
    results = FoldResults(tmp_path, OURS)

    assert results.find(2) is None
    assert results.warnings[0].startswith("fold 2 is trained again: fold-2-result cannot be used")
    assert names(tmp_path) == []


def test_a_result_replaces_an_older_one(tmp_path: Path) -> None:
    results = FoldResults(tmp_path, OURS)
    results.keep(RESULT)

    results.keep(replace(RESULT, best_step=12))

    found = results.find(2)
    assert found is not None
    assert found.best_step == 12
