"""What a node is told."""

from __future__ import annotations

from pathlib import Path

from devcluster.process_node.settings import NodeSettings


def test_settings_survive_the_way_to_another_process() -> None:
    settings = NodeSettings(
        folder=Path("/node"),
        gpus=2,
        path=(Path("/bin"),),
        pass_environment=("A",),
        image_commands={"*": ("true",)},
        image_environment={"*": {"A": "b"}},
    )

    assert NodeSettings.from_json(settings.to_json()) == settings
