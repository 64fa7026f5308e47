"""The harness itself: what a test has started is gone when the test is over."""

from pathlib import Path

from tests.support.processes import Command, all_ended, close_all

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
LEAVES_CHILDREN = f"""
import subprocess, sys, time
for has_own_group in (False, True):
    subprocess.Popen([sys.executable, "-c", {STUBBORN!r}], start_new_session=has_own_group)
print("started", flush=True)
time.sleep(600)
"""


def test_nothing_outlives_a_command(tmp_path: Path) -> None:
    command = Command(["-c", LEAVES_CHILDREN], tmp_path)
    assert command.says("started")
    family = command.family()
    assert len(family) == 3
    command.close()
    assert all_ended(family, 5)


def test_what_a_dead_command_left_in_its_group_is_ended(tmp_path: Path) -> None:
    command = Command(["-c", LEAVES_CHILDREN], tmp_path)
    assert command.says("started")
    [parent, in_group, on_its_own] = sorted(command.family(), key=lambda process: process.pid)
    parent.kill()
    command.process.wait()
    command.close()
    assert all_ended([parent, in_group], 5)
    on_its_own.kill()


def test_commands_end_together_and_answer_before(tmp_path: Path) -> None:
    echo = "import sys; [print(line.upper(), end='', flush=True) for line in sys.stdin]"
    commands = [Command(["-c", echo], tmp_path / str(n), piped=True) for n in range(2)]
    assert [command.ask("hello") for command in commands] == ["HELLO", "HELLO"]
    close_all(commands)
    assert all(command.process.poll() is not None for command in commands)
