"""docs/security.md names every requirement of OWASP ASVS 5.0, L1 and L2, and tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT
from tools.authorization_matrix import write_matrix

SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in SECURITY.splitlines()
    if re.match(r"\| \d+\.\d+\.\d+ \|", line)
]
LEVELS = ROOT / "tests" / "cases" / "asvs_requirements.txt"


@cache
def names_in(path: Path) -> frozenset[str]:
    """The names of the functions and classes of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_every_requirement_stands_in_the_table_once() -> None:
    wanted = [line.split() for line in LEVELS.read_text(encoding="utf-8").splitlines()]
    assert len(wanted) == 217
    assert [row[:2] for row in ROWS] == wanted


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_requirement_has_a_test_or_a_reason(row: list[str]) -> None:
    _number, _level, state, how, tests = row
    assert how
    named = re.findall(r"tests/[\w/]+\.py(?:::\w+)*", tests)
    assert state in ("met", "n/a")
    assert state == "n/a" or named
    for one in named:
        path, *names = one.split("::")
        assert (ROOT / path).is_file(), one
        assert set(names) <= names_in(ROOT / path), one
    for path in re.findall(r"`((?:webapp|docs|deploy|tools)/[\w/.-]+)`", how):
        assert (ROOT / path).exists(), path


def test_the_matrix_of_rights_is_that_of_the_code() -> None:
    stored = (ROOT / "docs" / "authorization.md").read_text(encoding="utf-8")
    assert stored == write_matrix(), "run `make matrix`"
