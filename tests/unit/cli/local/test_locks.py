import os
from pathlib import Path

import pytest

from kubectl_finetune.errors import BusyError
from kubectl_finetune.local.locks import lock_directory


def test_a_second_run_is_refused_and_told_who_holds_the_folder(tmp_path: Path) -> None:
    with (
        lock_directory(tmp_path / ".lock"),
        pytest.raises(BusyError, match=f"process {os.getpid()}"),
        lock_directory(tmp_path / ".lock"),
    ):
        pass


def test_the_next_run_gets_the_folder(tmp_path: Path) -> None:
    with lock_directory(tmp_path / ".lock"):
        pass

    with lock_directory(tmp_path / ".lock") as lock:
        assert not lock.closed


def test_the_lock_holds_while_a_child_has_the_file(tmp_path: Path) -> None:
    with lock_directory(tmp_path / ".lock") as lock:
        inherited = os.dup(lock.fileno())

    with pytest.raises(BusyError), lock_directory(tmp_path / ".lock"):
        pass
    os.close(inherited)
