"""Starting commands in processes of their own, and seeing that nothing of them is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


def clean_environment(**variables: str) -> dict[str, str]:
    """This environment without any Triagedesk setting, plus `variables`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TRIAGEDESK_")}
    return kept | {"PYTHONUNBUFFERED": "1"} | variables


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Command:
    """A Python command line in a process of its own; its output goes to a file."""

    def __init__(
        self, words: Sequence[str], folder: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self._log_path = folder / "output.log"
        self._log = self._log_path.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=dict(env) if env is not None else clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def output(self) -> str:
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def says(self, text: str, seconds: float = 20) -> bool:
        """Whether `text` appears in the output within `seconds`, or before the process ends."""
        has_ended = self.process.poll
        wait_until(lambda: text in self.output or has_ended() is not None, seconds)
        return text in self.output

    def family(self) -> list[psutil.Process]:
        """The process and all it has started, directly or not."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def part(self, word: str) -> psutil.Process:
        """The direct child with `word` in its command line."""
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if word in child.cmdline())

    def close(self) -> None:
        """End it and everything it has started, nicely if possible."""
        if self.process.poll() is None:
            family = self.family()
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                for process in family:
                    process.kill()
                self.process.wait()
        self._log.close()


def all_ended(family: Sequence[psutil.Process], seconds: float) -> bool:
    return wait_until(lambda: not any(is_running(process.pid) for process in family), seconds)
