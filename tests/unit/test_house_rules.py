"""What keeps this house one that somebody wants to live in, checked."""

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_MODULE_LINES = 400
MAX_TEST_LINES = 500
MAX_FUNCTION_LINES = 60
FORBIDDEN_NAMES = {"utils", "common", "helpers", "misc", "manager"}


def list_modules() -> list[Path]:
    names = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "*.py"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return [ROOT / name for name in names]


def test_no_package_shadows_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_modules_are_small() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in list_modules()
        if (lines := len(path.read_text().splitlines()))
        > (MAX_TEST_LINES if "tests" in path.parts else MAX_MODULE_LINES)
    }
    assert too_long == {}


def test_functions_are_small() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in list_modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert too_long == []


def test_every_module_says_why_it_exists() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in list_modules()
        if "tests" not in path.parts and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in list_modules() if path.stem in FORBIDDEN_NAMES] == []
