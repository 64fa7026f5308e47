"""Installations to break, and the table of what became of them, at the end of the run."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.world import World

BuildWorld = Callable[..., World]
ROWS = pytest.StashKey[list[str]]()


@pytest.fixture
def build_world() -> Iterator[BuildWorld]:
    """Build an installation; everything ends with the test."""
    # Not below tmp_path: a Unix socket's path must stay short.
    folder = Path(tempfile.mkdtemp(prefix="td-"))
    built: list[World] = []

    def build(**options: Any) -> World:
        built.append(World(folder, **options))
        return built[-1]

    yield build
    for world in built:
        world.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Add a line to the report of what happened."""
    rows = request.config.stash.setdefault(ROWS, [])
    return rows.append


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table of faults."""
    for row in terminalreporter.config.stash.get(ROWS, []):
        terminalreporter.write_line(row)
