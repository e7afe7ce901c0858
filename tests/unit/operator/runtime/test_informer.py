"""kopf as informer: what it tells the store, and what it is kept from doing."""

import itertools

import kopf

from finetune_operator.core import kinds
from finetune_operator.core.records import Key
from finetune_operator.runtime.informer import Forever, Informer, build_kopf_settings
from finetune_operator.runtime.store import Store
from operator_builders import NAME, NAMESPACE, a_batch_job, a_job

KEY = Key(NAMESPACE, NAME)


class Rig:
    """An informer that notes whom it woke."""

    def __init__(self) -> None:
        self.store = Store()
        self.woken: list[Key] = []
        self.woken_soon: list[Key] = []
        self.listings = 0
        self.informer = Informer(
            self.store, self.woken.append, self.woken_soon.append, self._count_listing
        )

    def _count_listing(self) -> None:
        self.listings += 1


def test_a_new_job_is_looked_at_at_once_and_a_childs_change_soon() -> None:
    rig = Rig()

    rig.informer.hear(kinds.FINETUNE_JOBS, {"type": "ADDED", "object": a_job().raw})
    rig.informer.hear(kinds.JOBS, {"type": "ADDED", "object": a_batch_job(1)})

    assert (rig.woken, rig.woken_soon) == ([KEY], [KEY])


def test_a_deleted_job_is_forgotten() -> None:
    rig = Rig()
    rig.informer.hear(kinds.FINETUNE_JOBS, {"type": "ADDED", "object": a_job().raw})

    rig.informer.hear(kinds.FINETUNE_JOBS, {"type": "DELETED", "object": a_job().raw})

    assert rig.store.jobs == {}


def test_a_list_asks_for_a_sweep() -> None:
    rig = Rig()

    rig.informer.hear(kinds.FINETUNE_JOBS, {"type": None, "object": a_job().raw})

    assert rig.listings == 1


def test_kopf_neither_compares_nor_remembers_nor_writes() -> None:
    settings = build_kopf_settings()
    storage = settings.persistence

    assert storage.diffbase_storage.build(body=kopf.Body({"spec": {"a": 1}})) == {}
    assert not settings.posting.enabled
    assert settings.queueing.worker_limit is None


def test_the_pauses_between_tries_never_end_and_stay_short() -> None:
    forever = Forever()

    pauses = list(itertools.islice(forever, 100))

    assert max(pauses) <= 2.5
    assert list(itertools.islice(forever, 2)) == [0.1, 0.25]
