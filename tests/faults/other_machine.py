"""Triagedesk on another machine: `python -m tests.faults.other_machine COMMAND …`.

MACHINE is its name, and CLOCK_AHEAD says by how many seconds its clock is ahead of the right time.
"""

import os
import platform
from datetime import UTC, datetime, timedelta

from webapp import clock
from webapp.cli import triagedesk

CLOCK_AHEAD, NAME = "CLOCK_AHEAD", "MACHINE"


def main() -> None:
    platform.node = lambda: os.environ[NAME]
    ahead = timedelta(seconds=float(os.environ.get(CLOCK_AHEAD, "0")))
    clock.shared = clock.SharedClock(wall=lambda: datetime.now(UTC) + ahead)
    clock._now = clock.shared.now
    triagedesk()


if __name__ == "__main__":
    main()
