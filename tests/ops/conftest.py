"""`triagedesk up` in a process of its own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import Command, clean_environment
from webapp.runtime.network import find_free_port


class Up(Command):
    """A running `triagedesk up` and how to reach it."""

    def __init__(self, folder: Path, *options: str, **variables: str) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = clean_environment(
            TRIAGEDESK_DATA_DIR=str(self.data_dir),
            TRIAGEDESK_DEMO_DATA_DIR=str(folder / "demo"),
            **variables,
        )
        words = ["-m", "webapp", "up", "--port", str(self.port), *options]
        super().__init__(words, folder, self.env)

    @property
    def is_ready(self) -> bool:
        return self.says("Triagedesk is at") and self.says("Serving on")


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
        up = Up(short_folder, *options, **variables)
        started.append(up)
        return up

    yield start
    for up in started:
        up.close()
