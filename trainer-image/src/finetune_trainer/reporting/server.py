"""Serves /progress and /metrics from threads of its own; a training never fails because of it.

`__main__` starts it before anything else, so that the operator sees a life sign while data loads.
The operator asks and nobody is told: the trainer needs neither an address nor a credential.
"""

import logging
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from finetune_api.contract.environment import METRICS_PATH, PROGRESS_PATH
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments

logger = logging.getLogger(__name__)
PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"
READ_TIMEOUT_SECONDS = 10
Page = tuple[str, Callable[[], bytes]]


class _Listener(ThreadingHTTPServer):
    """Lets a client leave in the middle of an answer without a word: it asks again soon."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what is a fault of ours, and nothing else."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            logger.warning("a request of %s failed", client_address, exc_info=error)


class ReportServer:
    """An HTTP server in the background."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, name="report-server", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def start_server(
    board: Board, instruments: Instruments, address: str, port: int
) -> ReportServer | None:
    """Start serving; None, and a line in the log, where that cannot be."""
    pages: dict[str, Page] = {
        PROGRESS_PATH: (JSON, lambda: _render_progress(board)),
        METRICS_PATH: (PROMETHEUS_TEXT, instruments.render),
    }
    try:
        server = _Listener((address, port), _make_handler(pages))
    except OSError as error:
        logger.warning("no progress is served at %s:%d: %s", address, port, error)
        return None
    logger.info("serving %s and %s at %s:%d", PROGRESS_PATH, METRICS_PATH, *server.server_address)
    return ReportServer(server)


def _render_progress(board: Board) -> bytes:
    return board.snapshot().model_dump_json(by_alias=True, exclude_none=True).encode()


def _make_handler(pages: dict[str, Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers GET for the two pages."""

        timeout = READ_TIMEOUT_SECONDS

        def do_GET(self) -> None:  # the name is the base class's
            page = pages.get(self.path.partition("?")[0])
            if page is None:
                self.send_error(404)
                return
            content_type, render = page
            content = render()
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a request every ten seconds would bury the log."""

    return Handler
