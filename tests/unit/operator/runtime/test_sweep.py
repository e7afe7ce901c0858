"""The sweep: finds what the watch did not tell, in both directions."""

from prometheus_client import CollectorRegistry

from finetune_operator.core import kinds
from finetune_operator.core.records import Key
from finetune_operator.core.settings import Settings
from finetune_operator.runtime.health import Health
from finetune_operator.runtime.observers import Observers
from finetune_operator.runtime.store import Store
from finetune_operator.runtime.sweep import Sweep
from operator_cluster import FakeCluster, submit


class Rig:
    """A sweep over a cluster whose watch is dead."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.store = Store()
        self.woken: list[Key] = []
        self.registry = CollectorRegistry()
        self.sweep = Sweep(
            self.cluster,
            self.store,
            self.woken.append,
            Observers(self.registry),
            lambda: self.cluster.now,
            grace_seconds=0,
        )

    def count_repairs(self) -> float:
        labels = {"kind": "finetunejobs"}
        return (
            self.registry.get_sample_value("finetune_operator_sweep_repairs_total", labels) or 0.0
        )


async def test_the_first_lists_fill_the_store_and_ask_for_every_job() -> None:
    rig = Rig()
    key = submit(rig.cluster)

    await rig.sweep.fill(())

    assert rig.woken == [key]
    assert rig.sweep.finished_at == rig.cluster.now


async def test_a_missed_deletion_is_found() -> None:
    rig = Rig()
    key = submit(rig.cluster)
    await rig.sweep.fill(())
    rig.cluster.remove(kinds.FINETUNE_JOBS, *key)

    await rig.sweep.sweep(())

    assert rig.store.jobs == {}
    assert rig.count_repairs() == 1


async def test_a_missed_change_is_fetched_and_held_against_the_watch() -> None:
    rig = Rig()
    health = Health(rig.sweep, Settings(), lambda: rig.cluster.now)
    await rig.sweep.fill(())

    for name in ("one", "two"):
        submit(rig.cluster, name)
        await rig.sweep.sweep(())

    assert sorted(key.name for key in rig.store.jobs) == ["one", "two"]
    assert not health.judge_liveness().is_good


async def test_a_quiet_sweep_makes_the_watch_good_again() -> None:
    rig = Rig()
    await rig.sweep.fill(())
    submit(rig.cluster)
    await rig.sweep.sweep(())

    await rig.sweep.sweep(())

    assert rig.sweep.missed_in_a_row == 0
    assert rig.count_repairs() == 1


async def test_an_operator_whose_sweep_does_not_come_round_is_not_alive() -> None:
    rig = Rig()
    health = Health(rig.sweep, Settings(sweep_seconds=100), lambda: rig.cluster.now)
    assert not health.judge_readiness().is_good
    await rig.sweep.fill(())
    assert health.judge_readiness().is_good
    assert health.judge_liveness().is_good

    rig.cluster.now += 361

    assert "no sweep" in health.judge_liveness().text
