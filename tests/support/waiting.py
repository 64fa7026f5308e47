"""Waiting for other processes."""

import time
from collections.abc import Callable


def wait_until(is_done: Callable[[], object], seconds: float = 10.0) -> bool:
    """Ask `is_done` until it says yes; False when it has not after `seconds`."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if is_done():
            return True
        time.sleep(0.02)
    return bool(is_done())
