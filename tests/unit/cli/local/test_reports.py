import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cli_builders import build_report
from kubectl_finetune.local.attempts import Attempt
from kubectl_finetune.local.reports import ReportReader


@contextmanager
def serve(body: bytes) -> Iterator[ReportReader]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield ReportReader(Attempt(1, "local-1", server.server_port, 0))
        thread.join()


def test_the_report_of_our_attempt_is_read() -> None:
    with serve(build_report(step=3).model_dump_json(by_alias=True).encode()) as reader:
        assert reader.read() == build_report(step=3)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"not JSON", id="no JSON"),
        pytest.param(b'{"step": 3}', id="no report"),
        pytest.param(
            build_report(jobUid="local-2").model_dump_json(by_alias=True).encode(),
            id="another job's",
        ),
        pytest.param(
            build_report(attempt=9).model_dump_json(by_alias=True).encode(),
            id="another attempt's",
        ),
    ],
)
def test_anything_else_is_not_believed(body: bytes) -> None:
    with serve(body) as reader:
        assert reader.read() is None


def test_a_trainer_that_does_not_listen_yet_has_nothing_to_say() -> None:
    assert ReportReader(Attempt(1, "local-1", 9, 0)).read() is None
