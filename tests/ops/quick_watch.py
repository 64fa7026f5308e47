"""`python -m tests.ops.quick_watch`: `triagedesk watch` that lives twenty times as fast.

What it owes people (how long a condition has to hold, when the heartbeat beats) goes by the fast
clock; what processes owe each other stays in real seconds.
"""

import time

from tests.support.fake_clock import scaled_now
from webapp import clock
from webapp.cli import triagedesk
from webapp.jobs import watcher

FACTOR = 20


def main() -> None:
    clock._now = scaled_now(time.time(), FACTOR)
    watcher.Watcher.__init__.__kwdefaults__["round_seconds"] = watcher.ROUND_SECONDS / FACTOR
    watcher.HEARTBEAT_SECONDS = watcher.HEARTBEAT_SECONDS / FACTOR
    watcher.FIRST_HEARTBEAT = -watcher.HEARTBEAT_SECONDS
    triagedesk(["watch"])


if __name__ == "__main__":
    main()
