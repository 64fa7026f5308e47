"""Parts of an installation in processes of their own, with shorter intervals than real ones.

    python -m tests.support.parts worker|scheduler     as `triagedesk worker|scheduler`
    python -m tests.support.parts polls                polls on command, each in a forked child

The last one reads lines: `poll ID [sweep]` answers the child's pid, `wait PID` its exit code.
"""

import logging
import os
import sys
from dataclasses import replace

from webapp import create_app, task_queue
from webapp.cli import triagedesk
from webapp.config import load_config
from webapp.jobs import schedule, scheduler, worker
from webapp.runtime.logging_setup import setup_logging
from webapp.services.polling.poll_connection import poll_connection


def shorten_intervals() -> None:
    """The tick comes every second, and the dead are given up after seconds, not a minute."""
    jobs = tuple(replace(job, every_seconds=1) for job in schedule.PERIODIC_JOBS[:1])
    scheduler.TriageScheduler.__init__.__defaults__ = (jobs,)
    task_queue.SILENT_AFTER = task_queue.SILENT_AFTER / 20
    worker.MONITORING_SECONDS = 1
    worker.MAINTENANCE_SECONDS = 2
    logging.getLogger("rq.worker").addFilter(tell_tries)


def tell_tries(record: logging.LogRecord) -> bool:
    """Say each time that a worker looked for Redis in vain: the product says it once."""
    text = record.getMessage()
    if "retrying in" in text:
        print(text, file=sys.stderr, flush=True)
    return True


def poll_on_command() -> None:
    """Fork a child for each poll: it can be killed at any moment, and the next one is there."""
    for line in sys.stdin:
        word, number, *rest = line.split()
        if word == "poll":
            pid = os.fork()
            if pid == 0:
                os._exit(_poll(int(number), sweep="sweep" in rest))
            answer = pid
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(int(number), 0)[1])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _poll(connection_id: int, *, sweep: bool) -> int:
    with create_app(load_config(os.environ)).app_context():
        outcome = poll_connection(connection_id, trigger="command", sweep=sweep)
    return 0 if outcome.is_success else 1


def main() -> None:
    part = sys.argv[1]
    setup_logging()
    if part == "polls":
        poll_on_command()
    else:
        shorten_intervals()
        triagedesk([part])


if __name__ == "__main__":
    main()
