import socket
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from finetune_api.contract.progress import ProgressReport
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.reporting.server import start_server


@pytest.fixture
def board() -> Board:
    return Board("uid", 1)


@pytest.fixture
def url(board: Board) -> Iterator[str]:
    server = start_server(board, Instruments(board), "127.0.0.1", 0)
    assert server is not None
    yield f"http://127.0.0.1:{server.port}"
    server.close()


def get(url: str) -> tuple[str, bytes]:
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.headers["Content-Type"], response.read()


def test_progress_is_the_report_of_this_moment(board: Board, url: str) -> None:
    board.update(step=7)

    content_type, body = get(f"{url}/progress")

    assert content_type == "application/json"
    assert ProgressReport.model_validate_json(body).step == 7


def test_metrics_are_prometheus_text(board: Board, url: str) -> None:
    board.update(step=7)

    content_type, body = get(f"{url}/metrics")

    assert content_type.startswith("text/plain; version=0.0.4")
    assert b"\nfinetune_trainer_step 7.0\n" in body


def test_a_client_that_leaves_in_the_middle_leaves_no_trace(
    url: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    host, port = url.removeprefix("http://").split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            # Closed at once, by a reset instead of an orderly end.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    get(f"{url}/progress")  # whoever asks next is served

    assert "Traceback" not in capfd.readouterr().err
    assert caplog.records == []


def test_anything_else_is_not_there(url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{url}/etc/passwd")

    assert caught.value.code == 404
    caught.value.close()


def test_an_address_that_is_taken_is_no_failure(board: Board) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert start_server(board, Instruments(board), "127.0.0.1", port) is None


def test_an_address_that_is_not_ours_is_no_failure(board: Board) -> None:
    assert start_server(board, Instruments(board), "203.0.113.1", 9400) is None
