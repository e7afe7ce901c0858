from collections.abc import Callable
from pathlib import Path

import pytest

from finetune_trainer.checkpoints.best import BestKeeper, Ranking
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.checkpoints.writers import Writers
from finetune_trainer.errors import TransientError
from trainer_damages import CORRUPTIONS

OURS = Identity("uid", "config", "data")


def a_keeper(folder: Path, metric: str = "f1", identity: Identity = OURS) -> BestKeeper:
    return BestKeeper(folder, identity, Ranking(metric, greater_is_better=metric != "loss"))


def keep(keeper: BestKeeper, step: int, value: float) -> None:
    def save(folder: Path) -> None:
        (folder / "model.safetensors").write_text(f"weights {step}")

    keeper.keep(step, {"f1": value, "loss": value}, save)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_first_value_is_the_best_so_far(tmp_path: Path) -> None:
    assert a_keeper(tmp_path).is_better(0.0)


@pytest.mark.parametrize(
    ("metric", "value", "better"),
    [
        pytest.param("f1", 0.6, True, id="a higher score"),
        pytest.param("f1", 0.5, False, id="an equal score"),
        pytest.param("loss", 0.4, True, id="a lower loss"),
        pytest.param("loss", 0.6, False, id="a higher loss"),
        pytest.param("f1", float("nan"), False, id="no number"),
    ],
)
def test_better_follows_the_direction(
    tmp_path: Path, metric: str, value: float, better: bool
) -> None:
    keeper = a_keeper(tmp_path, metric)
    keep(keeper, 1, 0.5)

    assert keeper.is_better(value) is better


def test_only_the_best_is_kept_with_its_scores(tmp_path: Path) -> None:
    keeper = a_keeper(tmp_path)
    keep(keeper, 10, 0.5)
    keep(keeper, 20, 0.6)

    assert names(tmp_path) == ["best-20"]
    assert keeper.best is not None
    assert keeper.best.scores == {"f1": 0.6, "loss": 0.6}


def test_a_later_attempt_finds_it(tmp_path: Path) -> None:
    keep(a_keeper(tmp_path), 10, 0.5)
    later = a_keeper(tmp_path)

    found = later.find()

    assert found is not None
    assert (found.step, found.value) == (10, 0.5)
    assert not later.is_better(0.4)


def test_of_two_that_a_kill_left_the_better_one_stays(tmp_path: Path) -> None:
    keep(a_keeper(tmp_path), 10, 0.5)
    (tmp_path / "best-10").rename(tmp_path / "aside")
    keep(a_keeper(tmp_path), 20, 0.6)
    (tmp_path / "aside").rename(tmp_path / "best-10")

    found = a_keeper(tmp_path).find()

    assert found is not None
    assert found.step == 20
    assert names(tmp_path) == ["best-20"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Identity("other", "config", "data"), id="another job"),
        pytest.param(Identity("uid", "config", "other"), id="other data"),
    ],
)
def test_the_best_of_another_job_is_not_ours(tmp_path: Path, other: Identity) -> None:
    keep(a_keeper(tmp_path, identity=other), 10, 0.9)

    assert a_keeper(tmp_path).find() is None


@pytest.mark.parametrize(
    "damage", [pytest.param(damage, id=name) for name, damage in CORRUPTIONS.items()]
)
def test_a_broken_one_is_set_aside_and_must_be_trained_again(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    keep(a_keeper(tmp_path), 10, 0.9)
    damage(tmp_path / "best-10")
    keeper = a_keeper(tmp_path)

    assert keeper.find() is None
    assert keeper.lost_step == 10
    assert names(tmp_path) == ["bad-best-10"]
    (warning,) = keeper.warnings
    assert warning.startswith("CheckpointCorrupt: best-10 is not used: ")


def test_a_broken_one_that_was_beaten_is_no_loss(tmp_path: Path) -> None:
    keep(a_keeper(tmp_path), 10, 0.5)
    (tmp_path / "best-10").rename(tmp_path / "aside")
    keep(a_keeper(tmp_path), 20, 0.6)
    (tmp_path / "aside").rename(tmp_path / "best-10")
    (tmp_path / "best-10" / "model.safetensors").unlink()
    keeper = a_keeper(tmp_path)

    assert keeper.find() is not None
    assert keeper.lost_step is None


def test_a_broken_one_that_had_beaten_another_is_a_loss(tmp_path: Path) -> None:
    keep(a_keeper(tmp_path), 10, 0.5)
    (tmp_path / "best-10").rename(tmp_path / "aside")
    keep(a_keeper(tmp_path), 20, 0.6)
    (tmp_path / "aside").rename(tmp_path / "best-10")
    (tmp_path / "best-20" / "model.safetensors").unlink()
    keeper = a_keeper(tmp_path)

    assert keeper.find() is not None
    assert keeper.lost_step == 20


def test_nothing_is_published_once_another_pod_writes(tmp_path: Path) -> None:
    def refuse() -> None:
        raise TransientError("another pod writes")

    keeper = BestKeeper(
        tmp_path, OURS, Ranking("f1", greater_is_better=True), Writers(may_publish=refuse)
    )

    with pytest.raises(TransientError):
        keep(keeper, 10, 0.5)
    assert names(tmp_path) == []
