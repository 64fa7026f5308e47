"""Triagedesk on a machine whose clock is wrong: `python -m tests.faults.ahead COMMAND …`.

CLOCK_AHEAD says by how many seconds this machine's clock is ahead of the right time.
"""

import os
from datetime import UTC, datetime, timedelta

from webapp import clock
from webapp.cli import triagedesk

VARIABLE = "CLOCK_AHEAD"


def main() -> None:
    ahead = timedelta(seconds=float(os.environ[VARIABLE]))
    clock.shared = clock.SharedClock(wall=lambda: datetime.now(UTC) + ahead)
    clock._now = clock.shared.now
    triagedesk()


if __name__ == "__main__":
    main()
