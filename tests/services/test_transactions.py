"""A request to stop that comes amid a unit of work."""

import gc
import itertools
import os
import signal
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.support.databases import both_databases
from webapp.models import Client
from webapp.services.transactions import reading, transaction
from webapp.stop_signals import stop_is_heard, stop_with

STEP = 53
"""Every so manieth line of Python is tried; a transaction runs through some thousands."""


@pytest.fixture(autouse=True)
def leaving_on_sigterm() -> Iterator[None]:
    """SIGTERM ends this process as it ends a poll."""

    def leave(_signum: int, _frame: FrameType | None) -> None:
        stop_with(SystemExit("asked to stop"))

    before = signal.signal(signal.SIGTERM, leave)
    yield
    signal.signal(signal.SIGTERM, before)
    stop_is_heard()


@contextmanager
def stopped_at(wanted: int) -> Iterator[Callable[[], bool]]:
    """Ask this process to stop at that line of Python; yields whether it has come so far."""
    lines, before = 0, sys.gettrace()

    def trace(_frame: FrameType, what: str, _value: object) -> Any:
        nonlocal lines
        lines += what == "line"
        if lines == wanted:
            sys.settrace(before)
            os.kill(os.getpid(), signal.SIGTERM)
        return trace

    try:
        sys.settrace(trace)
        yield lambda: lines >= wanted
    finally:
        sys.settrace(before)


def add_client(name: str) -> None:
    with transaction() as session:
        session.add(Client(name=name))


def names() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Client.name).order_by(Client.id)))


def is_stopped(line: int) -> bool:
    """Add a client and be asked to stop at a line; whether there was such a line."""
    try:
        with stopped_at(line) as has_come:
            add_client(f"Client {line}")
            if not has_come():
                return False
        add_client(f"After {line}")  # whoever frees an object may have swallowed it
    except SystemExit:
        return True
    raise AssertionError(f"the stop at line {line} was lost")


@both_databases
def test_a_stop_waits_for_the_end_of_a_transaction(app: Flask) -> None:
    """What a poll does then, giving its lease back, must not wait for its own lock."""
    add_client("so that statements are compiled")
    finished = 0
    for line in itertools.count(1, STEP):
        if not is_stopped(line):
            break
        stop_is_heard()
        with transaction() as session:
            session.execute(update(Client).values(notes=f"stopped at line {line}"))
        finished += f"Client {line}" in names()
    assert finished > 20, "a stop has its effect at the end"


def test_a_stop_waits_for_the_end_of_reading(app: Flask) -> None:
    read: list[str] = []

    def read_on() -> None:
        with reading() as session:
            os.kill(os.getpid(), signal.SIGTERM)
            read.extend(session.scalars(select(Client.name)))

    with pytest.raises(SystemExit, match="asked to stop"):
        read_on()
    assert read


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stop_that_python_swallows_comes_again(app: Flask) -> None:
    """Whatever is raised while an object is freed is printed and forgotten."""
    freed: list[bool] = []

    def stop(_reference: object) -> None:
        freed.append(True)
        os.kill(os.getpid(), signal.SIGTERM)
        freed.append(False)  # the handler runs before this line

    class Thing:
        pass

    reference = weakref.ref(thing := Thing(), stop)
    del thing
    gc.collect()
    assert (reference(), freed) == (None, [True])
    with pytest.raises(SystemExit, match="asked to stop"):
        add_client("Acme")
    stop_is_heard()
    assert "Acme" in names()
