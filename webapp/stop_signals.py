"""Requests to end this process (SIGTERM, Ctrl-C): their effect waits for the end of a transaction.

A handler that raises does so wherever the program is. Raised inside the database's library, the
exception leaves a transaction open that nobody can end any more, and the process, which then gives
its lease back, waits for its own lock. Raised where Python frees an object, it is swallowed.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class _Stops:
    are_held_back: bool = False
    wanted: BaseException | None = None


_stops = _Stops()


def stop_with(error: BaseException) -> None:
    """Raise `error` at once, or at the end of the block that holds stops back.

    If it is swallowed, it is raised again at the end of the next such block. This is for signal
    handlers, which Python runs in the main thread.
    """
    _stops.wanted = error
    if not _stops.are_held_back:
        raise error


def stop_is_heard() -> None:
    """Say that the stop has reached its receiver, whose cleaning-up is not to be cut short."""
    _stops.wanted = None


@contextmanager
def stops_held_back() -> Iterator[None]:
    """Let a stop that is asked for inside the block have its effect at the block's end.

    Only the main thread needs it: no handler interrupts another one.
    """
    if threading.current_thread() is not threading.main_thread() or _stops.are_held_back:
        yield
        return
    _stops.are_held_back = True
    try:
        yield
    finally:
        _stops.are_held_back = False
        if _stops.wanted is not None:
            raise _stops.wanted
