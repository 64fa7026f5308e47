"""Polls that do nothing say why; a poll that is not due does not even say that."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.fake_clock import START
from tests.support.poller import Desk
from tests.support.polling import break_reports, ticketed_ids
from tests.support.polling import runs as runs_of
from tests.support.rows import audit_actions
from webapp.models import PollRun
from webapp.models.poll_run import COUNTS
from webapp.services.errors import NotFoundError
from webapp.services.polling.outcome import PollOutcome, describe_run
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.schedule.due_connections import find_due_connections

pytestmark = pytest.mark.slow

SKIPS = {
    "paused": ("paused_at", "now", "Polling of this connection is paused."),
    "inactive": ("disconnected_at", "now", "This connection is disconnected."),
    "not_started": (
        "polling_started_at", None, "Polling of this connection was not started yet."
    ),
    "routing_config_incomplete": (
        "fallback_board_id", None,
        "Polling is paused until the routing configuration is complete.",
    ),
    "missing_credentials": ("api_secret", None, "Missing Huntress API credentials."),
}  # fmt: skip


@pytest.mark.parametrize("reason", SKIPS)
def test_a_skip_says_why_and_touches_nothing(desk: Desk, reason: str) -> None:
    column, value, words = SKIPS[reason]
    desk.account.add_incident(now=desk.clock.now(), id=1)
    desk.set(**{column: desk.clock.now() if value == "now" else value})
    trigger = "schedule" if reason == "not_started" else "command"
    outcome = poll_connection(desk.connection_id, trigger=trigger)
    assert (outcome.skip_reason, outcome.words) == (reason, words)
    assert desk.simulator.requests == []
    assert desk.inbox() == []
    run = outcome.run
    assert (run.state, run.skip_reason, run.trigger) == ("skipped", reason, trigger)
    connection = desk.connection()
    assert (connection.last_success_at, connection.lease_token) == (None, None)
    fails = reason == "missing_credentials"
    assert outcome.is_success is not fails
    assert outcome.as_dict()["success"] is not fails
    assert outcome.as_dict()["skipped"] == reason
    assert outcome.error == connection.last_error == (words if fails else None)


@both_databases
def test_the_first_poll_by_command_begins_the_schedule(desk: Desk) -> None:
    desk.set(polling_started_at=None)
    desk.account.add_incident(now=desk.clock.now(), id=1)
    for trigger in ("schedule", "manual"):
        desk.clock.advance(minutes=5)
        assert poll_connection(desk.connection_id, trigger=trigger).skip_reason == "not_started"
    assert desk.connection().polling_started_at is None
    outcome = desk.poll()
    started_at = desk.clock.now()
    assert (outcome.skip_reason, outcome.run.created) == (None, 1)
    assert desk.connection().polling_started_at == started_at
    assert audit_actions() == ["polling.started"]
    desk.poll()
    assert desk.connection().polling_started_at == started_at
    assert audit_actions() == ["polling.started"]


@pytest.mark.parametrize("reason", [one for one in SKIPS if one != "not_started"])
def test_a_command_that_is_skipped_begins_no_schedule(desk: Desk, reason: str) -> None:
    column, value, _words = SKIPS[reason]
    desk.set(polling_started_at=None, **{column: desk.clock.now() if value == "now" else value})
    assert desk.poll().skip_reason == reason
    assert desk.connection().polling_started_at is None
    assert audit_actions() == []


@pytest.mark.parametrize(
    "column",
    [
        "board_id",
        "fallback_client_id",
        "fallback_board_id",
        "critical_priority_id",
        "high_priority_id",
        "low_priority_id",
    ],
)
def test_every_required_setting_is_required(desk: Desk, column: str) -> None:
    desk.set(**{column: None})
    assert desk.poll().skip_reason == "routing_config_incomplete"


def test_a_skip_is_no_success_and_leaves_an_error_standing(desk: Desk) -> None:
    desk.simulator.api_secret = "hs_other"
    error = desk.poll().error
    desk.set(paused_at=desk.clock.now())
    assert desk.poll().error is None
    assert desk.connection().last_error == error


def test_consecutive_skips_share_a_row(desk: Desk) -> None:
    desk.set(paused_at=desk.clock.now())
    for _ in range(3):
        desk.poll()
    [run] = runs_of(desk)
    assert (run.repeats, run.finished_at) == (2, desk.clock.now())
    assert run.started_at == desk.clock.now() - timedelta(minutes=10)
    desk.set(paused_at=None, board_id=None)
    desk.poll()
    desk.set(paused_at=desk.clock.now())
    desk.poll()
    assert [run.skip_reason for run in runs_of(desk)] == [
        "paused",
        "routing_config_incomplete",
        "paused",
    ]


def test_what_waits_in_the_inbox_waits_on(desk: Desk, monkeypatch) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=1)
    broken = break_reports(monkeypatch, 1)
    desk.poll()
    broken.clear()
    desk.set(paused_at=desk.clock.now())
    desk.poll(minutes=60)
    assert desk.inbox()[0].attempts == 1
    desk.set(paused_at=None)
    desk.poll()
    assert ticketed_ids(desk) == ["1"]


def test_the_community_edition_polls_nothing_and_records_nothing(app, desk: Desk) -> None:
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    outcome = desk.poll()
    assert outcome.words == "The Huntress security integration is an Enterprise feature."
    assert (outcome.run, outcome.is_success) == (None, True)
    assert desk.count(PollRun) == 0
    assert desk.simulator.requests == []
    assert find_due_connections(desk.clock.now()) == []


@pytest.mark.parametrize("trigger", ["manual", "schedule", "command"])
def test_an_unknown_connection_is_an_error(app, fake_clock, trigger: str) -> None:
    for sweep in (False, True):
        with pytest.raises(NotFoundError):
            poll_connection(7, trigger=trigger, sweep=sweep)


# --- due or not


@pytest.mark.parametrize("trigger", ["manual", "schedule"])
def test_a_job_that_comes_twice_polls_once(desk: Desk, trigger: str) -> None:
    assert poll_connection(desk.connection_id, trigger=trigger).is_success
    again = poll_connection(desk.connection_id, trigger=trigger)
    assert (again.skip_reason, again.run, again.is_success) == ("not_due", None, True)
    assert len(runs_of(desk)) == 1
    desk.clock.advance(minutes=5)
    assert poll_connection(desk.connection_id, trigger=trigger).run.state == "completed"


def test_a_request_makes_one_poll_due(desk: Desk) -> None:
    desk.poll()
    desk.clock.advance(seconds=1)
    desk.set(poll_requested_at=desk.clock.now())
    assert find_due_connections(desk.clock.now()) == [desk.connection_id]
    assert poll_connection(desk.connection_id, trigger="manual").skip_reason is None
    assert poll_connection(desk.connection_id, trigger="manual").skip_reason == "not_due"
    assert find_due_connections(desk.clock.now()) == []


def is_due(desk: Desk) -> bool:
    return find_due_connections(desk.clock.now()) == [desk.connection_id]


def test_the_next_poll_is_due_an_interval_after_the_last_one_started(desk: Desk) -> None:
    assert is_due(desk), "one that never was is due at once"
    desk.poll()
    assert not is_due(desk)
    desk.clock.advance(seconds=294)
    assert not is_due(desk)
    desk.clock.advance(seconds=6)
    assert is_due(desk)


def test_an_interval_that_is_edited_counts_from_the_last_start(desk: Desk) -> None:
    desk.set(poll_interval_minutes=60)
    desk.poll()
    desk.clock.advance(minutes=10)
    assert not is_due(desk)
    desk.set(poll_interval_minutes=10)
    assert is_due(desk)
    desk.set(poll_interval_minutes=11)
    assert not is_due(desk)
    desk.set(poll_interval_minutes=1)
    assert is_due(desk)


@both_databases
@pytest.mark.parametrize(("stored", "counts"), [(-5, 1), (0, 1), (61, 60), (1_000, 60)])
def test_a_stored_interval_out_of_range_is_clamped(desk: Desk, stored: int, counts: int) -> None:
    desk.set(poll_interval_minutes=stored)
    desk.poll()
    desk.clock.advance(minutes=counts, seconds=-6)
    assert not is_due(desk)
    desk.clock.advance(seconds=6)
    assert is_due(desk)


@pytest.mark.parametrize(("stored", "counts"), [(0, 1), (31, 30), (400, 30)])
def test_a_stored_backfill_out_of_range_is_clamped(desk: Desk, stored: int, counts: int) -> None:
    desk.set(backfill_days=stored)
    before = desk.clock.now()
    assert desk.poll(minutes=0).is_success
    assert desk.connection().horizon == before - timedelta(days=counts)


def test_a_last_start_in_the_far_future_was_a_wrong_clock(desk: Desk) -> None:
    desk.set(last_poll_started_at=desk.clock.now() + timedelta(minutes=5))
    assert not is_due(desk)
    desk.set(last_poll_started_at=desk.clock.now() + timedelta(minutes=6))
    assert is_due(desk)


@pytest.mark.parametrize("column", ["paused_at", "disconnected_at"])
def test_a_tick_leaves_paused_and_disconnected_ones_alone(desk: Desk, column: str) -> None:
    desk.set(**{column: desk.clock.now()})
    assert not is_due(desk)


def test_a_tick_leaves_out_what_was_not_started_or_is_being_polled(desk: Desk) -> None:
    desk.set(polling_started_at=None)
    assert not is_due(desk)
    desk.set(
        polling_started_at=desk.clock.now(),
        lease_token="another",
        lease_expires_at=desk.clock.now() + timedelta(seconds=1),
    )
    assert not is_due(desk)
    desk.clock.advance(seconds=1)
    assert is_due(desk), "a lease that ran out is nobody's"


# --- in words


def test_the_outcome_in_words() -> None:
    counts = {**dict.fromkeys(COUNTS, 0), "collected": 12, "created": 9, "noted": 3}
    run = PollRun(state="completed", **counts)
    assert describe_run(run) == "12 collected, 9 tickets created, 3 updated"
    run.created, run.closed, run.quarantined = 1, 2, 1
    assert describe_run(run) == (
        "12 collected, 1 ticket created, 3 updated, 2 closed, 1 quarantined"
    )
    run.recorded_reasons = {"org_opted_out": 19, "already_closed": 1_075}
    assert describe_run(run) == (
        "12 collected, 1 ticket created, 3 updated, 1,075 closed before, 19 excluded, 2 closed, "
        "1 quarantined"
    )
    run.collected, run.missed_open = 1_200, 1
    assert describe_run(run).startswith("1,200 collected, ")
    assert describe_run(run).endswith(", 1 opened and closed between polls")
    run.state, run.error = "error", "It rains."
    assert describe_run(run).endswith(". Last poll failed: It rains.")
    assert describe_run(PollRun(state="skipped", skip_reason="paused")).endswith("is paused.")


def test_an_outcome_without_a_run_is_no_success() -> None:
    outcome = PollOutcome()
    assert not outcome.is_success
    assert (outcome.words, outcome.error, outcome.is_running) == ("", None, False)


def test_polls_come_every_interval_though_each_begins_a_little_after_its_tick(desk: Desk) -> None:
    desk.set(poll_interval_minutes=1)
    starts = []
    for tick in range(181):
        ticked_at = START + timedelta(seconds=10 * tick, milliseconds=100 * (tick % 3))
        desk.clock.advance(seconds=(ticked_at - desk.clock.now()).total_seconds())
        if is_due(desk):
            desk.clock.advance(seconds=0.7)  # what queue and worker take
            starts.append(desk.clock.now())
            desk.set(last_poll_started_at=desk.clock.now())
    mean = (starts[-1] - starts[0]) / (len(starts) - 1)
    assert abs(mean - timedelta(minutes=1)) < timedelta(seconds=1)


def test_a_poll_that_ended_is_one_line_of_the_log_that_tells_all(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=1)
    with caplog.at_level("INFO", "webapp.services.polling"):
        desk.poll()
        desk.simulator.api_secret = "revoked"
        desk.clock.advance(minutes=5)
        poll_connection(desk.connection_id, trigger="schedule")
    told = [one for one in caplog.records if "poll " in one.getMessage()]
    assert [one.levelname for one in told] == ["INFO", "WARNING"]
    well, ill = (one.getMessage() for one in told)
    assert re.fullmatch(
        r"Connection 1 \(.+\): poll 1 \(command\) completed:"
        r" 1 collected, 1 created, 0 noted, \d+ calls, \d+\.\d s",
        well,
    )
    assert "poll 2 (schedule) error: 0 collected" in ill
    assert runs_of(desk)[-1].error in ill
