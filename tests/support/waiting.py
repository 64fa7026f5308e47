"""Waiting for other processes."""

import time
from collections.abc import Callable

PATIENCE = 4
"""How many times longer than asked for is waited: a loaded machine is no failure."""


def wait_until(is_done: Callable[[], object], seconds: float = 10.0) -> bool:
    """Ask `is_done` until it says yes; False when it has not after PATIENCE times `seconds`."""
    give_up_at = time.monotonic() + PATIENCE * seconds
    while time.monotonic() < give_up_at:
        if is_done():
            return True
        time.sleep(0.02)
    return bool(is_done())
