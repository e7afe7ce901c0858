"""Serves metrics and health, each on a port of its own: one is scraped, the other is probed."""

import asyncio
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from finetune_operator.runtime.health import Health, Verdict

Render = Callable[[], bytes]


def build_metrics_app(take_snapshot: Callable[[], Render]) -> web.Application:
    """Give the application of the metrics port.

    Args:
        take_snapshot: gives what renders the text. The snapshot is taken here, where the store
            cannot change under it; the text of a thousand jobs is made in a thread.
    """

    async def serve(request: web.Request) -> web.Response:
        del request
        text = await asyncio.to_thread(take_snapshot())
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", serve)
    return app


def build_health_app(health: Health) -> web.Application:
    """Give the application of the health port."""

    async def live(request: web.Request) -> web.Response:
        del request
        return _answer(health.judge_liveness())

    async def ready(request: web.Request) -> web.Response:
        del request
        return _answer(health.judge_readiness())

    app = web.Application()
    app.router.add_get("/healthz", live)
    app.router.add_get("/readyz", ready)
    return app


def _answer(verdict: Verdict) -> web.Response:
    return web.Response(status=200 if verdict.is_good else 503, text=verdict.text)


async def serve(app: web.Application, address: str, port: int) -> web.AppRunner:
    """Start a server; the caller cleans the runner up."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address or None, port).start()
    return runner
