"""Whether a process is still there, told from its identity."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.processes import Command
from tests.support.waiting import wait_until
from webapp import process_identity
from webapp.models.connection import LEASE_HOLDER_LENGTH
from webapp.process_identity import (
    ProcessIdentity,
    is_gone,
    is_stopped,
    other_machine,
    own_identity,
    parse_identity,
)


def test_an_identity_survives_being_written() -> None:
    own = own_identity()
    assert parse_identity(str(own)) == own
    assert own.pid == os.getpid()
    assert len(str(own)) < LEASE_HOLDER_LENGTH


@pytest.mark.parametrize("text", [None, "", "x", "a|b|c|d", "a|b|1", "a|b|-1|d", "a|b|1|d|e"])
def test_nonsense_names_nobody_and_nobody_is_gone(text: str | None) -> None:
    assert parse_identity(text) is None
    assert not is_gone(text)


def test_a_living_process_is_there() -> None:
    assert not is_gone(str(own_identity()))


def changed(**values: object) -> str:
    return str(replace(own_identity(), **values))  # type: ignore[arg-type]


def test_another_process_of_the_same_number_is_another_process() -> None:
    assert is_gone(changed(started="1"))


@pytest.mark.parametrize("machine_id", ["5ab0", ""])
def test_a_process_from_before_the_last_start_is_gone(
    monkeypatch: pytest.MonkeyPatch, machine_id: str
) -> None:
    """Unless machines of one name cannot be told apart: it may run on another one."""
    monkeypatch.setattr(process_identity, "_machine", lambda: f"localhost/{machine_id}")
    boot, _, namespace = own_identity().space.partition("/")
    assert is_gone(changed(space=f"{boot[::-1]}/{namespace}")) == bool(machine_id)


@pytest.mark.parametrize("other", ["machine", "space"])
def test_nobody_tells_of_processes_it_cannot_see(other: str) -> None:
    """Another machine, or another container of this one."""
    boot = own_identity().space.partition("/")[0]
    values = {"machine": "elsewhere", "space": f"{boot}/pid:[1]"}
    assert not is_gone(changed(**{other: values[other]}, pid=2**22 + 1))


def test_another_machine_is_named() -> None:
    assert other_machine(changed(machine="elsewhere/0123456789abcdef")) == "elsewhere"
    assert other_machine(str(own_identity())) is None
    assert other_machine("nonsense") is None


def test_an_ended_and_a_stopped_process_are_seen(tmp_path: Path) -> None:
    child = Command(["-c", "input()"], tmp_path, piped=True).process
    with open(f"/proc/{child.pid}/stat", encoding="utf-8") as stat:
        started = stat.read().rpartition(")")[2].split()[19]
    name = str(ProcessIdentity(own_identity().machine, own_identity().space, child.pid, started))
    assert not is_gone(name)
    assert not is_stopped(child.pid)
    child.send_signal(signal.SIGSTOP)
    assert wait_until(lambda: is_stopped(child.pid))
    child.kill()
    assert wait_until(lambda: is_gone(name)), "a zombie has ended"
    child.communicate()
    assert is_gone(name)
    assert not is_stopped(child.pid)
