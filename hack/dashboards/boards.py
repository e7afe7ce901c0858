"""Which boards there are, and how they become the files that the chart ships."""

import json
from collections.abc import Callable

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.finetunejobs import build_finetunejob_board

FOLDER = "charts/finetune-operator/dashboards"

BOARDS: dict[str, Callable[[], Dashboard]] = {
    "finetunejob.json": build_finetunejob_board,
}


def build_files() -> dict[str, str]:
    """Give the JSON of every board, by its path in the repository."""
    return {f"{FOLDER}/{name}": encode_board(build()) for name, build in BOARDS.items()}


def encode_board(board: Dashboard) -> str:
    """Give the JSON of one board, sorted, so that a change shows as a small difference."""
    return JSONEncoder(sort_keys=True, indent=2).encode(board) + "\n"


def read_board(board: Dashboard) -> dict[str, object]:
    """Give a board as plain data, as Grafana will read it."""
    content: dict[str, object] = json.loads(encode_board(board))
    return content
