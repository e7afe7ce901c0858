"""The collector: asks who runs, believes little, waits for nobody."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from finetune_api.contract.progress import MAX_REPORT_BYTES
from finetune_operator.core import kinds
from finetune_operator.core.records import Key, PodRecord, read_pod
from finetune_operator.core.settings import Settings
from finetune_operator.runtime.collector import (
    Collector,
    DirectReader,
    UnansweredError,
    parse_report,
)
from finetune_operator.runtime.observers import Observers
from finetune_operator.runtime.store import Store
from operator_builders import NAME, NAMESPACE, UID, PodTale, a_batch_job, a_job, a_pod, a_report

KEY = Key(NAMESPACE, NAME)
Answer = Callable[[], bytes]


class FakeReader:
    """Answers as told, and counts."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def read(self, pod: PodRecord) -> bytes:
        self.asked.append(pod.name)
        return self.answer()

    async def close(self) -> None:
        """Nothing is open."""


def refuse() -> bytes:
    raise UnansweredError("nobody there")


def a_store(**tale: object) -> Store:
    store = Store()
    job = a_batch_job(1)
    store.apply(kinds.FINETUNE_JOBS, a_job().raw)
    store.apply(kinds.JOBS, job)
    store.apply(kinds.PODS, a_pod(job, 0, PodTale(**tale)))  # type: ignore[arg-type]
    return store


class Rig:
    """A collector on a clock that we move."""

    def __init__(self, answer: Answer, **tale: object) -> None:
        self.now = 0.0
        self.store = a_store(**tale)
        self.reader = FakeReader(answer)
        self.woken: list[Key] = []
        self.collector = Collector(
            self.store,
            self.reader,
            self.woken.append,
            Settings(progress_seconds=10),
            Observers(CollectorRegistry()),
            lambda: self.now,
        )

    async def ask(self, at: float) -> int:
        self.now = at
        self.collector.ask_who_is_due()
        while any(s.is_in_flight for s in self.collector._schedules.values()):
            await asyncio.sleep(0)
        return len(self.reader.asked)


async def test_a_running_pod_is_asked_and_its_report_wakes_the_job() -> None:
    rig = Rig(lambda: a_report(step=7).model_dump_json(by_alias=True).encode())

    await rig.ask(0)

    received = rig.store.find_report(UID)
    assert received is not None
    assert received.report.step == 7
    assert rig.woken == [KEY]


@pytest.mark.parametrize(
    "tale",
    [
        pytest.param({"waiting": "ContainerCreating"}, id="not yet running"),
        pytest.param({"exit_code": 0}, id="over"),
        pytest.param({"disrupted": "PreemptionByScheduler"}, id="taken away"),
    ],
)
async def test_other_pods_are_not_asked(tale: dict[str, object]) -> None:
    assert await Rig(refuse, **tale).ask(0) == 0


async def test_a_pod_is_asked_again_after_the_interval() -> None:
    rig = Rig(lambda: a_report().model_dump_json(by_alias=True).encode())

    counts = [await rig.ask(at) for at in (0, 5, 11)]

    assert counts == [1, 1, 2]


async def test_a_dead_pod_is_asked_less_and_less_often() -> None:
    rig = Rig(refuse)

    counts = [await rig.ask(at) for at in (0, 11, 22, 33, 44)]

    assert counts == [1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="no JSON"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"jobUid": "1", "attempt": 0, "reportTime": ""}', id="no attempt"),
        pytest.param(b" " * (MAX_REPORT_BYTES + 1), id="too long"),
        pytest.param(
            b'{"jobUid": "1", "attempt": 1, "reportTime": "", "loss": NaN}', id="not a number"
        ),
    ],
)
def test_what_is_no_report_is_not_believed(body: bytes) -> None:
    with pytest.raises(UnansweredError):
        parse_report(body)


async def test_a_pod_is_read_over_http_without_following_it_anywhere() -> None:
    async def answer(request: web.Request) -> web.Response:
        del request
        return web.Response(text="hello")

    async def redirect(request: web.Request) -> web.Response:
        del request
        raise web.HTTPFound("/progress")

    app = web.Application()
    app.router.add_get("/progress", answer)
    other = web.Application()
    other.router.add_get("/progress", redirect)

    assert await read_from(app) == b"hello"
    with pytest.raises(UnansweredError, match="302"):
        await read_from(other)


async def read_from(app: web.Application) -> bytes:
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    reader = DirectReader(Settings(progress_port=port))
    local = read_pod(a_pod(a_batch_job(1), 0, PodTale()) | {"status": {"podIP": "127.0.0.1"}})
    try:
        return await reader.read(local)
    finally:
        await reader.close()
        await runner.cleanup()
