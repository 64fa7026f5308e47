"""Starting commands in processes of their own, and seeing that nothing of them is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.support.waiting import wait_until
from webapp.runtime.network import find_free_port

ROOT = Path(__file__).parents[2]
ENDS_WITHIN_SECONDS = 20


def clean_environment(**variables: str) -> dict[str, str]:
    """This environment without any Triagedesk setting, plus `variables`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TRIAGEDESK_")}
    return kept | {"PYTHONUNBUFFERED": "1"} | variables


def run_python(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a Python command line to its end."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_program(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run another program to its end; returns what it says, on both streams, as `stdout`."""
    return subprocess.run(
        words,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def run_triagedesk(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a `triagedesk` command to its end."""
    return run_python("-m", "webapp", *words, **variables)


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that ended and nobody asked about is none."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def all_ended(family: Sequence[psutil.Process], seconds: float) -> bool:
    """Whether none of these processes is there any more, at the latest after `seconds`."""
    return wait_until(lambda: not any(is_running(process.pid) for process in family), seconds)


class Command:
    """A Python command line in a process group of its own; what it says goes to a file.

    A `piped` one is talked to: its stdin and stdout are pipes, and only stderr goes to the file.
    Another `program` than Python gets the words as they are.
    """

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        env: Mapping[str, str] | None = None,
        *,
        piped: bool = False,
        program: str = sys.executable,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self._log_path = folder / "output.log"
        self._log = self._log_path.open("wb")
        self.process = subprocess.Popen(
            [program, *words],
            cwd=ROOT,
            env=dict(env) if env is not None else clean_environment(),
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else self._log,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        """All it has said so far."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def says(self, text: str, seconds: float = 20) -> bool:
        """Whether `text` appears in the output within `seconds`, or before the process ends."""
        has_ended = self.process.poll
        wait_until(lambda: text in self.output or has_ended() is not None, seconds)
        return text in self.output

    def ask(self, line: str) -> str:
        """Send a line to a `piped` command; returns the line that it answers."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{line}\n".encode())
        stdin.flush()
        return self.read_line()

    def read_line(self) -> str:
        """The next line that a `piped` command says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().rstrip("\n")

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
        family: list[psutil.Process] = []
        if self.process.poll() is None:
            family = self.family()
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(ENDS_WITHIN_SECONDS)
        self._kill_the_rest(family)
        for stream in (self.process.stdin, self.process.stdout, self._log):
            if stream is not None:
                stream.close()

    def _kill_the_rest(self, family: Sequence[psutil.Process]) -> None:
        """Kill what outlived its parent: by its group, and by pid what has left that."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()  # psutil does not mistake a new process for the old one of its pid
        self.process.wait()


def close_all(commands: Sequence[Command]) -> None:
    """End commands that were started together, at the same time."""
    for command in commands:
        with suppress(ProcessLookupError):
            command.process.terminate()
    for command in commands:
        command.close()


class Up(Command):
    """A running `triagedesk up` on a free port, and how to reach it."""

    def __init__(
        self, folder: Path, *options: str, module: str = "webapp", **variables: str
    ) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = clean_environment(
            TRIAGEDESK_DATA_DIR=str(self.data_dir),
            TRIAGEDESK_DEMO_DATA_DIR=str(folder / "demo"),
            **variables,
        )
        words = ["-m", module, "up", "--port", str(self.port), *options]
        super().__init__(words, folder, self.env)

    @property
    def is_ready(self) -> bool:
        """Whether it serves pages; waits until it does."""
        return self.says("Triagedesk is at") and self.says("Serving on")
