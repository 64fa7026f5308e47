"""`triagedesk up` in a process of its own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import Up, close_all

StartUp = Callable[..., Up]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Not below tmp_path: a Unix socket's path must stay short."""
    folder = Path(tempfile.mkdtemp(prefix="td-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start_up(short_folder: Path) -> Iterator[StartUp]:
    started: list[Up] = []

    def start(*options: str, **variables: str) -> Up:
        started.append(Up(short_folder, *options, **variables))
        return started[-1]

    yield start
    close_all(started)
