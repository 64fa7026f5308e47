"""A folder of tests stands on tests/support and on itself, so that each can be read by itself."""

import ast

import pytest

from tests.support.source_tree import ROOT, imported_names

FOLDERS = sorted(path.parent.name for path in (ROOT / "tests").glob("*/__init__.py"))


def imports_of_tests(folder: str) -> list[tuple[str, str]]:
    """`path:line` and the name of everything below `tests` that the folder's modules import."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", name)
        for path in sorted((ROOT / "tests" / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imported_names(node)
        if name.startswith("tests.")
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"tests/{folder}")
def test_a_folder_imports_no_other_folder(folder: str) -> None:
    broken = [
        f"{where} imports {name}"
        for where, name in imports_of_tests(folder)
        if name.split(".")[1] not in ("support", folder)
    ]
    assert not broken


def test_imports_are_found() -> None:
    assert {"support", "web"} <= {name.split(".")[1] for _where, name in imports_of_tests("web")}


def test_processes_are_started_by_the_harness_alone() -> None:
    """`Command` and `run_python` end what they start; the supervisor's test looks at its own."""
    starters = {
        str(path.relative_to(ROOT / "tests"))
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("subprocess.Popen", "subprocess.run")
    }
    assert starters == {
        "project/test_dist.py",
        "project/test_sbom.py",
        "support/postgres.py",
        "support/processes.py",
        "support/valkey.py",
    }
