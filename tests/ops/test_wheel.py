"""What an installed Triagedesk consists of."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.processes import ROOT


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    words = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run([sys.executable, *words], check=True, capture_output=True, timeout=120)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_holds_every_migration(names: set[str]) -> None:
    for path in (ROOT / "migrations").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert f"webapp/{path.relative_to(ROOT)}" in names


@pytest.mark.parametrize("folder", ["templates", "static"])
def test_holds_templates_and_static_files(names: set[str], folder: str) -> None:
    files = [path for path in (ROOT / "webapp" / folder).rglob("*") if path.is_file()]
    assert {str(path.relative_to(ROOT)) for path in files} <= names


def test_holds_the_command(names: set[str]) -> None:
    assert {"webapp/cli/up.py", "webapp/__main__.py"} <= names
    assert any(name.endswith("entry_points.txt") for name in names)


def test_holds_nothing_that_is_not_of_the_program(names: set[str]) -> None:
    tops = {Path(name).parts[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"webapp"}
    assert not [name for name in names if name.endswith((".pyc", ".db"))]
