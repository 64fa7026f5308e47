"""Runs the parts of `triagedesk up`, restarts a part that dies, and ends all of them together.

Everything happens in one thread, because the kernel ends a part when the thread that started it
ends.
"""

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import TextIO

from webapp import clock
from webapp.runtime import pulse
from webapp.runtime.parent_death import follow_parent

LOOP_SECONDS = 0.25
STOP_SECONDS = 9.0
STEADY_SECONDS = 30.0
FIRST_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 30.0
SILENT_SECONDS = 15.0
"""After so long without a beat a part hangs; each beats at least every few seconds."""

START_SECONDS = 120.0
"""After so long without its first beat, a part that was started hangs."""

KILL_SECONDS = 5.0
CHUNK = 65_536
REMEMBERED_LINES = 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """A process to keep running.

    Parts with a higher `stop_rank` are ended after the others. A line of output is not passed on if
    it contains one of the `hidden` texts. A part that `has_pulse` beats (see `pulse.py`); if its
    pulse stops, it hangs and is started again.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    stop_rank: int = 0
    pass_fds: tuple[int, ...] = ()
    hidden: tuple[str, ...] = ()
    has_pulse: bool = False


@dataclass
class _Running:
    """A part and, while it runs, its process; `pulse` is the pipe of its pulse."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    failures: int = 0
    rest: bytes = b""
    pulse: int | None = None
    beat_at: float | None = None
    hung_at: float | None = None
    restarted: str | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED_LINES))


@dataclass
class Supervisor:
    """Keeps parts running.

    Call start() for each part, then run(), which returns after a signal, then stop(), which ends
    the parts within seconds. What the parts write is passed on by lines, with `writes_json` each as
    a JSON object.
    """

    output: TextIO = field(default_factory=lambda: sys.stdout)
    writes_json: bool = False
    _running: list[_Running] = field(default_factory=list, init=False)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector, init=False)
    _stop_signals: int = field(default=0, init=False)
    _looked_at: float = field(default=0.0, init=False)

    def install_signal_handlers(self) -> None:
        """Let SIGINT, SIGTERM and SIGHUP end run().

        A second signal ends the parts without waiting.
        """
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._request_stop)

    def _request_stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._stop_signals += 1

    @property
    def is_stopping(self) -> bool:
        """Whether a signal asked to stop."""
        return self._stop_signals > 0

    def start(self, part: Part) -> None:
        """Start a part; run() restarts it whenever it ends."""
        running = _Running(part)
        self._running.append(running)
        self._launch(running)

    def run(self) -> None:
        """Pass the parts' output on and restart parts that end, until a signal asks to stop."""
        while not self.is_stopping:
            self._pump(LOOP_SECONDS)
            self._end_hung()
            self._restart_dead()

    def wait_until(self, is_done: Callable[[], bool], seconds: float) -> bool:
        """Do the same as run() until `is_done()` is true.

        Returns whether it was within `seconds`.
        """
        give_up_at = time.monotonic() + seconds
        while not is_done():
            if self.is_stopping or time.monotonic() > give_up_at:
                return False
            self._pump(0.05)
            self._end_hung()
            self._restart_dead()
        return True

    def has_said(self, name: str, text: str) -> bool:
        """Whether one of the last lines of the part `name` contains `text`."""
        return any(text in line for r in self._running if r.part.name == name for line in r.lines)

    def stop(self) -> None:
        """End all parts, the lowest stop_rank first; a part that does not end in time is killed."""
        for rank in sorted({running.part.stop_rank for running in self._running}):
            self._stop_group([r for r in self._running if r.part.stop_rank == rank])
        self._selector.close()

    def _launch(self, running: _Running) -> None:
        env, pass_fds = dict(running.part.env), running.part.pass_fds
        writing = None
        if running.part.has_pulse:
            running.pulse, writing = os.pipe()
            for end in (running.pulse, writing):
                os.set_blocking(end, False)
            env[pulse.PIPE], pass_fds = str(writing), (*pass_fds, writing)
        if running.restarted:
            env[pulse.RESTARTED] = running.restarted
        running.beat_at = running.hung_at = None
        try:
            process = self._spawn(running.part, env, pass_fds)
        except (OSError, subprocess.SubprocessError):
            if running.pulse is not None:
                os.close(running.pulse)
                running.pulse = None
            raise
        finally:
            if writing is not None:
                os.close(writing)
        if running.pulse is not None:
            self._selector.register(running.pulse, selectors.EVENT_READ, running)
        running.process, running.started_at, running.rest = process, time.monotonic(), b""
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
            self._selector.register(process.stdout, selectors.EVENT_READ, running)

    def _spawn(
        self, part: Part, env: Mapping[str, str], pass_fds: tuple[int, ...]
    ) -> subprocess.Popen[bytes]:
        parent_pid = os.getpid()
        return subprocess.Popen(  # noqa: S603 - our own command lines
            part.command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            start_new_session=True,
            preexec_fn=lambda: follow_parent(parent_pid),  # safe, as there is only one thread
        )

    def _end_hung(self) -> None:
        """End a part whose pulse has stopped: SIGTERM, and SIGKILL where that changes nothing.

        If this process itself was stopped for a while, the parts may have been stopped with it.
        """
        now = time.monotonic()
        was_stopped, self._looked_at = now - self._looked_at > SILENT_SECONDS / 2, now
        for running in self._running:
            process, beat_at = running.process, running.beat_at or running.started_at
            if was_stopped and running.beat_at:
                running.beat_at = now
                continue
            limit = SILENT_SECONDS if running.beat_at else START_SECONDS
            if process is None or running.pulse is None or now - beat_at < limit:
                continue
            if running.hung_at is None:
                running.hung_at = now
                at = clock.utcnow().strftime("%Y-%m-%d %H:%M UTC")
                running.restarted = f"it hung and was started again at {at}"
                self._say(running, f"hangs: no sign of life for {now - beat_at:.0f} s, ending it")
                process.terminate()
            elif now - running.hung_at > KILL_SECONDS:
                _signal_group(process, signal.SIGKILL)

    def _restart_dead(self) -> None:
        now = time.monotonic()
        for running in self._running:
            process = running.process
            if process is not None and process.poll() is not None:
                self._bury(running)
                lived = now - running.started_at
                running.failures = 0 if lived > STEADY_SECONDS else running.failures + 1
                self._put_off(running, now, f"ended ({_describe(process.returncode)})")
            elif process is None and now >= running.restart_at:
                self._restart(running, now)

    def _restart(self, running: _Running, now: float) -> None:
        """Start a part again; if the machine cannot start a process, the other parts go on."""
        try:
            self._launch(running)
        except (OSError, subprocess.SubprocessError) as error:
            running.failures += 1
            self._put_off(running, now, f"cannot be started ({error})")

    def _put_off(self, running: _Running, now: float, why: str) -> None:
        wait = min(FIRST_BACKOFF_SECONDS * 2**running.failures, MAX_BACKOFF_SECONDS) / 2
        running.restart_at = now + wait
        self._say(running, f"{why}, restarting in {wait:.1f} s")

    def _bury(self, running: _Running) -> None:
        """Pass on an ended process's last output and kill the rest of its process group."""
        process = running.process
        if process is None:
            return
        _signal_group(process, signal.SIGKILL)
        self._drain(running)
        running.process = None

    def _drain(self, running: _Running) -> None:
        if running.pulse is not None:
            self._selector.unregister(running.pulse)
            os.close(running.pulse)
            running.pulse = None
        stream = running.process.stdout if running.process else None
        if stream is None or stream.closed:
            return
        while self._read(running):
            pass
        if running.rest:
            self._say(running, running.rest.decode(errors="replace"))
            running.rest = b""
        self._selector.unregister(stream)
        stream.close()

    def _pump(self, seconds: float) -> None:
        if not self._selector.get_map():
            time.sleep(seconds)
        for key, _events in self._selector.select(seconds):
            running = key.data
            if key.fileobj == running.pulse:
                self._feel(running)
            elif not self._read(running) and running.process.poll() is None:
                time.sleep(0.01)  # it closed its output but lives on; do not spin

    def _feel(self, running: _Running) -> None:
        with contextlib.suppress(BlockingIOError):
            if running.pulse is not None and os.read(running.pulse, CHUNK):
                running.beat_at = time.monotonic()

    def _read(self, running: _Running) -> bool:
        stream = running.process.stdout if running.process else None
        if stream is None or stream.closed:
            return False
        try:
            chunk = os.read(stream.fileno(), CHUNK)
        except BlockingIOError:
            return False
        *lines, running.rest = (running.rest + chunk).split(b"\n")
        if len(running.rest) > CHUNK:
            lines, running.rest = [*lines, running.rest], b""
        for line in lines:
            self._say(running, line.decode(errors="replace"))
        return bool(chunk)

    def _say(self, running: _Running, line: str) -> None:
        running.lines.append(line)
        if any(text in line for text in running.part.hidden):
            return
        try:
            self.output.write(f"{self._format(running.part.name, line)}\n")
            self.output.flush()
        except OSError:  # nobody reads our output any more; the parts go on
            pass

    def _format(self, name: str, line: str) -> str:
        """A line of a part as it is passed on: JSON as it is, and all else with the part's name."""
        if line.startswith("{"):
            return line
        if not self.writes_json:
            return f"{name:<9} | {line}"
        moment = f"{clock.utcnow():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        return json.dumps({"time": moment, "level": "info", "logger": name, "message": line})

    def _stop_group(self, group: Sequence[_Running]) -> None:
        alive = [r for r in group if r.process is not None and r.process.poll() is None]
        for running in alive:
            _terminate(running.process)
        give_up_at = time.monotonic() + STOP_SECONDS
        while any(r.process and r.process.poll() is None for r in alive):
            if time.monotonic() > give_up_at or self._stop_signals > 1:
                break
            self._pump(0.05)
        for running in group:
            if running.process is not None:
                _signal_group(running.process, signal.SIGKILL)
                running.process.wait()
                self._drain(running)


def _terminate(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.terminate()


def _signal_group(process: subprocess.Popen[bytes], signum: int) -> None:
    """Signal the process group that the part leads; does nothing if the group has ended."""
    try:
        os.killpg(process.pid, signum)
    except (ProcessLookupError, PermissionError):
        logger.debug("the group of %s has ended", process.pid)


def _describe(returncode: int) -> str:
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"exit code {returncode}"
