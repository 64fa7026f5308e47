import errno
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.processes import Command, all_ended, close_all
from tests.support.waiting import wait_until
from webapp.runtime.supervisor import STOP_SECONDS, Part, Supervisor

SLEEP = "import os, time; print('pid', os.getpid()); time.sleep(60)"
STUBBORN = (
    "import os, signal, time; signal.signal(signal.SIGTERM, lambda *_: print('never'));"
    "print('pid', os.getpid()); time.sleep(60)"
)
WITH_CHILD = (
    "import os, subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print('pid', os.getpid()); time.sleep(60)"
)
POLITE = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye')));"
    "print('ready'); time.sleep(60)"
)

Supervise = Callable[..., Command]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    started: list[Command] = []

    def start(**scripts: str) -> Command:
        words = [f"{name}={script}" for name, script in scripts.items()]
        command = Command(["-m", "tests.ops.supervised", *words], tmp_path)
        started.append(command)
        return command

    yield start
    close_all(started)


def pids(command: Command, name: str) -> list[int]:
    """The process ids a part has told of, oldest first."""
    marker = f"{name:<9} | pid "
    lines = [line for line in command.output.splitlines() if line.startswith(marker)]
    return [int(line.removeprefix(marker)) for line in lines]


def test_output_is_prefixed_by_part(supervise: Supervise) -> None:
    command = supervise(web="print('hällo'); print('no line end', end='')", worker=SLEEP)
    assert command.says("web       | hällo")
    assert command.says("web       | no line end")
    assert command.says("worker    | pid ")


def test_a_part_that_dies_is_restarted_and_the_others_are_left_alone(supervise: Supervise) -> None:
    command = supervise(web=SLEEP, worker=SLEEP)
    assert command.says("web       | pid")
    assert command.says("worker    | pid")
    os.kill(pids(command, "web")[0], signal.SIGKILL)

    assert wait_until(lambda: len(pids(command, "web")) == 2)
    assert "web       | ended (killed by SIGKILL), restarting in 0.5 s" in command.output
    assert len(pids(command, "worker")) == 1


def test_a_part_that_keeps_dying_is_restarted_ever_more_slowly(supervise: Supervise) -> None:
    command = supervise(web="raise SystemExit(3)")
    assert command.says("ended (exit code 3), restarting in 0.5 s")
    assert command.says("ended (exit code 3), restarting in 1.0 s")
    assert command.says("ended (exit code 3), restarting in 2.0 s")


def test_a_part_that_cannot_be_started_for_a_moment_is_started_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    supervisor = Supervisor(io.StringIO())
    supervisor.start(Part("web", [sys.executable, "-c", "raise SystemExit(3)"], os.environ))
    start, refusals = subprocess.Popen, [OSError(errno.ENOMEM, "Cannot allocate memory")]

    def start_or_refuse(*args: Any, **options: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return start(*args, **options)

    monkeypatch.setattr(subprocess, "Popen", start_or_refuse)
    try:
        assert supervisor.wait_until(
            lambda: supervisor.output.getvalue().count("ended (exit code 3)") == 2, 20
        )
    finally:
        supervisor.stop()
    assert "cannot be started ([Errno 12] Cannot allocate memory)" in supervisor.output.getvalue()


BEATING = (
    "import os, signal, time; from webapp.runtime import pulse;"
    "signal.signal(signal.SIGTERM, lambda *_: print('asked to end'));"
    "print('pid', os.getpid(), pulse.why_restarted(), flush=True);"
    "[(pulse.beat(), time.sleep(0.05)) for _ in range(10)]; print('silent', flush=True);"
    "[time.sleep(1) for _ in range(60)]"
)


def test_a_part_whose_pulse_stops_is_asked_killed_and_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webapp.runtime.supervisor.SILENT_SECONDS", 1.0)
    monkeypatch.setattr("webapp.runtime.supervisor.KILL_SECONDS", 0.5)
    output = io.StringIO()
    supervisor = Supervisor(output)
    script = [sys.executable, "-c", BEATING]
    supervisor.start(Part("worker", script, os.environ, has_pulse=True))
    supervisor.start(Part("web", [sys.executable, "-u", "-c", SLEEP], os.environ))
    try:
        assert supervisor.wait_until(lambda: output.getvalue().count("worker    | pid") == 2, 40)
    finally:
        supervisor.stop()
    said = output.getvalue()
    order = ("silent", "hangs: no sign of life", "asked to end", "killed by SIGKILL", "it hung and")
    assert [said.index(text) for text in order] == sorted(said.index(text) for text in order)
    assert said.count("web       | pid") == 1, "a part without a pulse is left alone"


def test_parts_that_were_stopped_together_with_their_supervisor_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when a container is paused: nobody beat, and nobody listened either."""
    monkeypatch.setattr("webapp.runtime.supervisor.SILENT_SECONDS", 1.0)
    output = io.StringIO()
    supervisor = Supervisor(output)
    script = [sys.executable, "-c", BEATING.replace("range(10)", "range(1200)")]
    supervisor.start(Part("worker", script, os.environ, has_pulse=True))
    [running] = supervisor._running
    assert running.process is not None
    try:
        assert supervisor.wait_until(lambda: running.beat_at is not None, 40)
        running.process.send_signal(signal.SIGSTOP)
        time.sleep(1.2)
        threading.Timer(0.1, running.process.send_signal, [signal.SIGCONT]).start()
        supervisor.wait_until(lambda: False, 0.5)
    finally:
        supervisor.stop()
    assert "hangs" not in output.getvalue()


def test_a_part_that_hangs_before_its_first_beat_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webapp.runtime.supervisor.START_SECONDS", 0.5)
    output = io.StringIO()
    supervisor = Supervisor(output)
    supervisor.start(Part("web", [sys.executable, "-uc", SLEEP], os.environ, has_pulse=True))
    try:
        assert supervisor.wait_until(lambda: "hangs" in output.getvalue(), 20)
    finally:
        supervisor.stop()


def test_what_a_dead_part_left_behind_is_ended(supervise: Supervise) -> None:
    command = supervise(web=WITH_CHILD)
    assert command.says("web       | pid")
    parent = psutil.Process(pids(command, "web")[0])
    (child,) = parent.children()
    parent.kill()
    assert all_ended([child], 5)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_everything(supervise: Supervise, signum: int) -> None:
    command = supervise(web=WITH_CHILD, worker=SLEEP, last=SLEEP)
    assert all(command.says(f"{name:<9} | pid") for name in ("web", "worker", "last"))
    family = command.family()
    assert len(family) == 5

    before = time.monotonic()
    command.process.send_signal(signum)
    assert command.process.wait(60) == 0
    assert time.monotonic() - before < STOP_SECONDS  # nobody had to be killed
    assert all_ended(family, 1)


def test_a_part_that_ignores_the_signal_is_killed(supervise: Supervise) -> None:
    command = supervise(web=STUBBORN)
    assert command.says("web       | pid")
    family = command.family()
    before = time.monotonic()
    command.process.send_signal(signal.SIGINT)
    assert command.says("web       | never")
    command.process.send_signal(signal.SIGINT)  # the second one does not wait
    command.process.wait(30)
    assert time.monotonic() - before < STOP_SECONDS
    assert all_ended(family, 1)


def test_the_last_part_outlives_the_others(supervise: Supervise) -> None:
    slow = POLITE.replace("sys.exit(print('bye'))", "(time.sleep(0.5), sys.exit(print('bye')))")
    command = supervise(last=POLITE, web=slow)
    assert command.says("last      | ready")
    assert command.says("web       | ready")
    command.process.terminate()
    command.process.wait(10)
    lines = [line for line in command.output.splitlines() if line.endswith("bye")]
    assert lines == ["web       | bye", "last      | bye"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children")
def test_a_killed_supervisor_takes_its_parts_with_it(supervise: Supervise) -> None:
    command = supervise(web=SLEEP, worker=SLEEP)
    assert command.says("web       | pid")
    assert command.says("worker    | pid")
    family = command.family()
    command.process.kill()
    command.process.wait()
    assert all_ended(family, 5)


class TestInProcess:
    @pytest.fixture
    def output(self) -> io.StringIO:
        return io.StringIO()

    @pytest.fixture
    def supervisor(self, output: io.StringIO) -> Iterator[Supervisor]:
        supervisor = Supervisor(output=output)
        yield supervisor
        supervisor.stop()

    def python(self, script: str) -> list[str]:
        return [sys.executable, "-u", "-c", script]

    def test_waits_for_a_condition(self, supervisor: Supervisor, output: io.StringIO) -> None:
        supervisor.start(Part("web", self.python(SLEEP), os.environ))
        assert supervisor.wait_until(lambda: "pid" in output.getvalue(), 10)
        assert not supervisor.wait_until(lambda: False, 0.1)

    def test_knows_what_a_part_has_said(self, supervisor: Supervisor) -> None:
        supervisor.start(Part("web", self.python("print('ready'); " + SLEEP), os.environ))
        assert supervisor.wait_until(lambda: supervisor.has_said("web", "read"), 10)
        assert not supervisor.has_said("worker", "ready")

    def test_hidden_lines_are_left_out(self, supervisor: Supervisor, output: io.StringIO) -> None:
        script = "print('usual noise'); print('news'); " + SLEEP
        supervisor.start(Part("web", self.python(script), os.environ, hidden=("noise",)))
        assert supervisor.wait_until(lambda: "news" in output.getvalue(), 10)
        assert "noise" not in output.getvalue()

    def test_a_line_without_end_is_passed_on_in_pieces(
        self, supervisor: Supervisor, output: io.StringIO
    ) -> None:
        script = "import time; print('x' * 300_000, end=''); time.sleep(60)"
        supervisor.start(Part("web", self.python(script), os.environ))
        assert supervisor.wait_until(lambda: output.getvalue().count("x") > 200_000, 10)

    def test_a_part_that_closes_its_output_lives_on(
        self, supervisor: Supervisor, output: io.StringIO, tmp_path: Path
    ) -> None:
        script = (
            "import os, time; from pathlib import Path; os.close(1); os.close(2);"
            f"[(Path({str(tmp_path)!r}, str(n)).touch(), time.sleep(0.05)) for n in range(1200)]"
        )
        supervisor.start(Part("web", self.python(script), os.environ))
        assert supervisor.wait_until((tmp_path / "10").exists, 10)
        assert "ended" not in output.getvalue()

    def test_an_output_nobody_reads_any_more_stops_nothing(self, supervisor: Supervisor) -> None:
        class Gone(io.StringIO):
            def write(self, _text: str) -> int:
                raise BrokenPipeError

        supervisor.output = Gone()
        started = time.monotonic()
        supervisor.start(Part("web", self.python(SLEEP), os.environ))
        assert supervisor.wait_until(lambda: time.monotonic() - started > 0.5, 5)
