"""The pulse of a part: it tells its supervisor, through a pipe, that it still runs.

Whoever starts a part without a supervisor gives it no pipe, and nothing is told.
"""

import contextlib
import os

PIPE = "SUPERVISOR_PULSE_FD"
RESTARTED = "SUPERVISOR_RESTARTED"
"""Why the supervisor started the part again, in words; set only where it had hung."""


def beat() -> None:
    """Tell the supervisor that this part does its work; never waits and never fails."""
    number = os.environ.get(PIPE)
    if number is not None:
        with contextlib.suppress(OSError):  # the pipe is full, or nobody reads it any more
            os.write(int(number), b".")


def is_supervised() -> bool:
    """Whether a supervisor listens, and starts this part again if it hangs or dies."""
    return PIPE in os.environ


def why_restarted() -> str | None:
    """Return why the supervisor had to start this part again; None where it did not hang."""
    return os.environ.get(RESTARTED)
