"""Triagedesk under a clock that runs faster: `python -m tests.faults.scaled COMMAND …`.

SCALED_CLOCK is "START:FACTOR": from START on (seconds since 1970), FACTOR seconds pass in one. What
processes owe each other (heartbeats, time-outs of Redis) stays in real seconds; what people wait
for (intervals, leases, limits, Huntress) goes by the fast clock.
"""

import os
import time
from dataclasses import replace

from tests.support.fake_clock import scaled_now
from webapp import clock, task_queue
from webapp.cli import triagedesk, up
from webapp.jobs import schedule, scheduler, worker
from webapp.services.calls import open_client

VARIABLE = "SCALED_CLOCK"


def hurry(start: float, factor: float) -> None:
    """Let this process, and the parts it starts, live under the fast clock."""
    clock._now = scaled_now(start, factor)
    clock._sleep = lambda seconds: time.sleep(seconds / factor)
    jobs = tuple(
        replace(job, every_seconds=max(1, round(job.every_seconds / factor)))
        for job in schedule.PERIODIC_JOBS
    )
    scheduler.TriageScheduler.__init__.__defaults__ = (jobs,)
    task_queue.SILENT_AFTER = task_queue.SILENT_AFTER * factor
    worker.MONITORING_SECONDS = 1
    worker.MAINTENANCE_SECONDS = 2
    defaults = open_client.open_client.__kwdefaults__ or {}
    defaults["timeout"] /= factor  # Huntress is waited for as long as people would wait
    start_python = up._python

    def start_scaled(*words: str) -> list[str]:
        return start_python(
            *("tests.faults.scaled" if word == "webapp" else word for word in words)
        )

    up._python = start_scaled


def main() -> None:
    start, factor = os.environ[VARIABLE].split(":")
    hurry(float(start), float(factor))
    triagedesk()


if __name__ == "__main__":
    main()
