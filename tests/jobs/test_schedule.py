import re

from webapp.jobs.schedule import PERIODIC_JOBS, PeriodicJob, plan_schedule
from webapp.task_queue import JOBS

TICK = PeriodicJob("tick", every_seconds=10)
DAILY = PeriodicJob("housekeeping", every_seconds=86_400)


def test_the_tick_comes_every_ten_seconds() -> None:
    assert {job.name: job.every_seconds for job in PERIODIC_JOBS} == {
        "tick": 10,
        "notices": 10,
        "account_mails": 30,
        "housekeeping": 3600,
        "drills": 10,
        "proofs": 600,
        "backups": 60,
    }


def test_periodic_jobs_are_registered_jobs() -> None:
    assert all(job.name in JOBS for job in PERIODIC_JOBS)


def test_due_messages_wait_for_no_housekeeping_and_for_no_proof() -> None:
    beside = {name for name, kind in JOBS.items() if kind.queue == JOBS["notices"].queue}
    assert beside == {"notices", "deliver", "account_mails"}, (
        "more workers are forked where these wait"
    )


def test_an_id_is_made_from_the_definition() -> None:
    assert TICK.job_id == PeriodicJob("tick", every_seconds=10).job_id
    assert TICK.job_id != PeriodicJob("tick", every_seconds=11).job_id
    assert TICK.job_id != PeriodicJob("housekeeping", every_seconds=10).job_id
    assert re.fullmatch(r"[A-Za-z0-9_-]+", TICK.job_id)  # what RQ allows


def test_an_empty_schedule_lacks_everything() -> None:
    changes = plan_schedule([TICK, DAILY], [])
    assert changes.missing == (TICK, DAILY)
    assert changes.foreign == ()


def test_a_schedule_that_agrees_is_left_alone() -> None:
    changes = plan_schedule([TICK, DAILY], [DAILY.job_id, TICK.job_id])
    assert (changes.missing, changes.foreign) == ((), ())


def test_a_changed_definition_replaces_the_old_one() -> None:
    old = PeriodicJob("tick", every_seconds=60)
    changes = plan_schedule([TICK], [old.job_id, "somebody-else-s"])
    assert changes.missing == (TICK,)
    assert set(changes.foreign) == {old.job_id, "somebody-else-s"}


def test_the_next_run_is_an_interval_after_the_last_due_time() -> None:
    assert TICK.next_due(due=1000, now=1000.4) == 1010
    assert TICK.next_due(due=1000, now=1009.9) == 1010


def test_missed_runs_are_not_made_up() -> None:
    assert TICK.next_due(due=1000, now=1010.0) == 1020
    assert TICK.next_due(due=1000, now=9999.5) == 10009
