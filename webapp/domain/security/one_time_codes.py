"""Codes of authenticator apps (TOTP, RFC 6238): how they are typed, and which may be taken when."""

from datetime import datetime

STEP_SECONDS = 30
CODE_DIGITS = 6
WINDOW_STEPS = 1
"""How many steps the clock of a phone may be ahead or behind (RFC 6238, section 5.2)."""

_SEPARATORS = str.maketrans("", "", " \t\r\n-\u00a0\u2009\u202f")


def read_app_code(typed: str) -> str | None:
    """The six digits that somebody typed, perhaps in groups; None if it is no such code."""
    code = typed.translate(_SEPARATORS)
    is_code = len(code) == CODE_DIGITS and code.isascii() and code.isdecimal()
    return code if is_code else None


def time_step(now: datetime) -> int:
    """The number of the time step at `now`, counted from 1970."""
    return int(now.timestamp()) // STEP_SECONDS


def steps_to_try(now: datetime, last_step: int | None) -> list[int]:
    """The steps whose codes may be taken now, the present one first.

    A code is taken once: neither the step of the last code nor an earlier one comes again
    (RFC 6238, section 5.2).
    """
    present = time_step(now)
    steps = sorted(
        range(present - WINDOW_STEPS, present + WINDOW_STEPS + 1), key=lambda s: abs(s - present)
    )
    return [step for step in steps if last_step is None or step > last_step]
