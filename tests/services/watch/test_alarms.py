"""Alarms from what the database, the queue and the disk say, told once by however many watchers."""

import shutil
from collections import namedtuple
from datetime import timedelta
from unittest.mock import patch

import pytest
from flask import Flask
from sqlalchemy import insert

from tests.services.watch.rounds import (
    NO_REDIS,
    NO_SCHEDULER,
    NO_WORKER,
    WELL,
    Rounds,
    alarms,
    ongoing,
    told,
)
from tests.support.databases import both_databases
from tests.support.fake_clock import START, FakeClock
from tests.support.poller import Desk
from tests.support.polling import counted_statements, set_faults
from tests.support.receivers.notices_data import add_person, add_target
from tests.support.rows import add, all_rows, change
from webapp.domain.notices.target_kinds import Kind
from webapp.domain.watch.alarm_kinds import Trouble
from webapp.models import (
    Alert,
    Drill,
    InboxRow,
    OutboxRow,
    PollRun,
    Proof,
    Target,
    Ticket,
    WatcherRound,
)
from webapp.process_identity import machine_name
from webapp.services.notices import write_message
from webapp.services.transactions import reading, transaction
from webapp.services.watch import find_conditions
from webapp.services.watch.other_watchers import read_watchers
from webapp.services.watch.stuck_targets import list_stuck_targets

Usage = namedtuple("Usage", "total used free")
ROOMY = Usage(total=1000, used=100, free=900)


@pytest.fixture(autouse=True)
def roomy_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: ROOMY)


@pytest.fixture
def rounds(desk: Desk) -> Rounds:
    """A watcher over a desk that is polled and well, and one channel that tells alarms."""
    desk.poll()
    add_target("channel", tells_alarms=True)
    add_target("quiet channel")
    return Rounds()


def kinds() -> list[str]:
    return [view.kind for view in ongoing()]


def test_nothing_is_told_while_all_is_well(rounds: Rounds) -> None:
    done = rounds.run()
    assert (done.must_deliver, done.problems) == (False, [])
    assert (told(), alarms()) == ([], [])
    [row] = read_watchers()
    assert (row.machine, row.completed_at) == (machine_name(), row.began_at)


@both_databases
def test_a_worker_that_is_gone_is_told_once_repeated_and_over(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    assert rounds.run(NO_WORKER).must_deliver
    assert told() == []  # `up` may be starting it again
    fake_clock.advance(seconds=20)
    rounds.run(NO_WORKER)
    rounds.run(NO_WORKER)
    assert told() == ["began worker-gone"]
    assert kinds() == [Trouble.WORKER]
    fake_clock.advance(hours=2)
    rounds.run(NO_WORKER)
    assert told() == ["began worker-gone", "repeated worker-gone"]
    desk.poll()
    rounds.run()
    assert kinds() == []
    fake_clock.advance(seconds=60)
    rounds.run()
    rounds.run()
    assert told()[2:] == ["ended worker-gone"]
    [alarm] = [one for one in alarms() if one.kind == Trouble.WORKER]
    assert alarm.ended_at == fake_clock.now() - timedelta(seconds=60)


def test_no_redis_silences_worker_scheduler_and_what_is_overdue(
    rounds: Rounds, fake_clock: FakeClock
) -> None:
    rounds.run(NO_REDIS)
    fake_clock.advance(minutes=30)
    rounds.run(NO_REDIS)
    assert told() == ["began redis-gone"]
    assert kinds() == [Trouble.REDIS]
    overdue = next(one for one in alarms() if one.kind == Trouble.OVERDUE)
    assert overdue.inhibited_by == Trouble.REDIS


def test_while_redis_is_gone_nobody_says_that_the_worker_is_back(
    rounds: Rounds, fake_clock: FakeClock
) -> None:
    rounds.run(NO_WORKER)
    fake_clock.advance(seconds=30)
    rounds.run(NO_WORKER)
    for _ in range(5):
        rounds.run(NO_REDIS)
        fake_clock.advance(minutes=1)
    assert told() == ["began worker-gone", "began redis-gone"]


def test_without_a_scheduler_the_watcher_delivers_everything(rounds: Rounds) -> None:
    assert rounds.run(NO_SCHEDULER).must_deliver


def test_where_a_timer_polls_no_part_is_missed(rounds: Rounds, fake_clock: FakeClock) -> None:
    [run] = all_rows(PollRun)
    change(PollRun, run.id, trigger="timer")
    rounds.run(NO_REDIS)
    fake_clock.advance(minutes=1)
    assert rounds.run(NO_REDIS).must_deliver
    assert told() == []


@both_databases
def test_several_watchers_tell_an_alarm_once(rounds: Rounds, fake_clock: FakeClock) -> None:
    watchers = [rounds, Rounds(), Rounds()]
    for seconds in (0, 30, 3 * 3600):
        fake_clock.advance(seconds=seconds)
        for watcher in watchers:
            watcher.run(NO_WORKER)
    assert [word for word in told() if "worker" in word] == [
        "began worker-gone",
        "repeated worker-gone",
    ]


def test_a_refused_connection_is_an_alarm_at_once(rounds: Rounds, desk: Desk) -> None:
    set_faults(desk, forbidden=True)
    desk.poll()
    assert len(rounds.run().problems) == 0  # within three intervals
    assert told() == ["began connection-refused"]
    [view] = ongoing()
    assert view.subject == f"connection:{desk.connection_id}"
    assert "lacks permission" in view.sentence


def test_a_failure_that_the_next_poll_heals_is_no_alarm(rounds: Rounds, desk: Desk) -> None:
    set_faults(desk, html_200=True)
    desk.poll()
    rounds.run()
    set_faults(desk)
    desk.poll()
    rounds.run()
    assert told() == []
    set_faults(desk, html_200=True)
    for _ in range(3):
        desk.poll()
        rounds.run()
    assert told() == ["began connection-error"]


def test_an_overdue_connection_is_told_and_stops_the_heartbeat(
    rounds: Rounds, fake_clock: FakeClock
) -> None:
    fake_clock.advance(minutes=16)
    done = rounds.run()
    assert told() == ["began connection-overdue"]
    assert done.problems == ["Test account was not polled with success within 15 minutes."]


def test_a_paused_connection_is_no_alarm(rounds: Rounds, desk: Desk, fake_clock: FakeClock) -> None:
    desk.set(paused_at=fake_clock.now())
    fake_clock.advance(hours=5)
    assert rounds.run().problems == []
    assert told() == []


def test_a_clock_that_differs_from_huntress_is_told_in_either_direction(
    rounds: Rounds, desk: Desk
) -> None:
    for seconds, expected in ((60, []), (-61, ["began clock-off"])):
        desk.set(huntress_skew_seconds=seconds)
        rounds.run()
        assert told() == expected


def test_reports_in_quarantine_are_told_after_hours_and_not_once_dismissed(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    row = add(
        InboxRow(
            connection_id=desk.connection_id,
            external_key="1",
            payload="{}",
            content_hash="x",
            fetched_at=now,
            first_fetched_at=now,
            quarantined_at=now,
        )
    )
    assert well_after(rounds, desk, hours=3.9) == []
    assert well_after(rounds, desk, hours=0.2) == ["began quarantine-waiting"]
    change(InboxRow, row.id, dismissed_at=fake_clock.now())
    well_after(rounds, desk, hours=0.1)
    assert well_after(rounds, desk, hours=0.1)[-1] == "ended quarantine-waiting"


def well_after(rounds: Rounds, desk: Desk, *, hours: float) -> list[str]:
    """Polls go on for hours; what was told since the beginning."""
    desk.poll(minutes=60 * hours)
    rounds.run()
    return told()


@both_databases
def test_incidents_that_a_good_poll_passed_over_are_late(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    desk.poll()
    sent_at = fake_clock.now()
    desk.poll()
    desk.poll()
    desk.poll(minutes=6)
    add_alert(desk, fake_clock, sent_at + timedelta(seconds=1))
    rounds.run()
    assert told() == ["began incidents-late"]
    [view] = ongoing()
    assert "1 incident took more than 15 minutes" in view.sentence
    for _ in range(2):
        desk.poll(minutes=60)
        rounds.run()
    assert told()[-1] == "ended incidents-late"


@pytest.mark.parametrize("reason", ["drill", "no ticket", "before the start", "no poll passed"])
def test_incidents_that_could_not_come_earlier_are_not_late(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock, reason: str
) -> None:
    sent_at = fake_clock.now() + timedelta(seconds=1)
    if reason == "no poll passed":
        fake_clock.advance(minutes=20)
        change(PollRun, all_rows(PollRun)[-1].id, finished_at=fake_clock.now())
    else:
        for _ in range(4):
            desk.poll()
    if reason == "before the start":
        desk.set(polling_started_at=sent_at + timedelta(seconds=1))
    add_alert(desk, fake_clock, sent_at, is_drill=reason == "drill", bare=reason == "no ticket")
    rounds.run()
    assert "began incidents-late" not in told()


def add_alert(
    desk: Desk,
    fake_clock: FakeClock,
    sent_at: object,
    *,
    is_drill: bool = False,
    bare: bool = False,
) -> None:
    desk.account.add_incident(now=fake_clock.now(), severity="high")
    desk.poll(minutes=0)
    [alert] = all_rows(Alert)
    values = {"triggered_at": sent_at, "created_at": fake_clock.now(), "is_drill": is_drill}
    change(Alert, alert.id, **values, **({"ticket_id": None} if bare else {}))


def test_reports_that_wait_in_the_inbox_while_polls_succeed_are_late(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    for _ in range(3):
        desk.poll()
    add(
        InboxRow(
            connection_id=desk.connection_id,
            external_key="1",
            payload="{}",
            content_hash="x",
            fetched_at=now,
            first_fetched_at=now,
        )
    )
    rounds.run()
    assert told() == ["began incidents-late"]


def outbox_row(now: object, **values: object) -> OutboxRow:
    row = {
        "key": "k",
        "target_name": "channel",
        "event": "ticket.created",
        "facts": {},
        "created_at": now,
        "due_at": now,
        "next_try_at": now,
    }
    return OutboxRow(**{**row, **values})


@both_databases
def test_messages_that_are_due_and_not_tried_are_stuck(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    [channel, quiet] = all_rows(Target)
    now = fake_clock.now()
    add(outbox_row(now, target_id=channel.id))
    add(outbox_row(now, target_id=quiet.id, key="later", next_try_at=now + timedelta(hours=9)))
    for _ in range(2):
        desk.poll()
        assert rounds.run().problems == []
    desk.poll()
    done = rounds.run()
    assert done.must_deliver
    assert done.problems == ["1 message has not been sent to channel, the oldest for 15 minutes."]
    assert told() == ["began outbox-stuck"]


@pytest.mark.parametrize(
    "state",
    [
        {"failing_since": START, "failures": 1},
        {"last_success_at": START + timedelta(minutes=12)},
        {"rests_until": START + timedelta(minutes=40), "failing_since": START},
    ],
)
def test_a_target_that_fails_rests_or_takes_messages_is_not_stuck(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock, state: dict[str, object]
) -> None:
    [channel, _] = all_rows(Target)
    now = fake_clock.now()
    add(outbox_row(now, target_id=channel.id))
    change(Target, channel.id, **state)
    for _ in range(4):
        desk.poll()
    assert rounds.run().problems == []


@both_databases
def test_what_waits_behind_an_earlier_message_of_its_ticket_is_not_stuck(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    first, second = desk.account.add_incident(7, now=fake_clock.now(), id=1), 2
    desk.account.add_incident(7, now=fake_clock.now(), id=second)
    desk.poll()
    assert first is not None
    one, two = (ticket.id for ticket in all_rows(Ticket))
    [channel, _] = all_rows(Target)
    now = fake_clock.now()
    later = now + timedelta(hours=2)
    add(outbox_row(now, target_id=channel.id, ticket_id=one, next_try_at=later, message_key="m"))
    for key, ticket_id in (("b", one), ("c", two)):
        add(outbox_row(now, target_id=channel.id, ticket_id=ticket_id, key=key, bundle="x"))
    for _ in range(4):
        desk.poll()
    assert rounds.run().problems == []
    add(outbox_row(now, target_id=channel.id, key="alone"))
    assert rounds.run().problems == [
        "1 message has not been sent to channel, the oldest for 20 minutes."
    ]


@both_databases
def test_what_a_flood_holds_back_is_not_stuck_until_it_fits_again(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    desk.account.add_incident(7, now=fake_clock.now(), id=1)
    desk.poll()
    [ticket] = all_rows(Ticket)
    target_id, now = add_target("phone", Kind.SMS), fake_clock.now()
    for number in range(11):  # within an hour a phone gets eleven
        add(
            outbox_row(
                now,
                target_id=target_id,
                ticket_id=ticket.id,
                key=f"sent {number}",
                message_key=f"sent {number}",
                state="sent",
                sent_at=now,
            )
        )
    add(outbox_row(now, target_id=target_id, ticket_id=ticket.id))
    problems = []
    for _ in range(15):
        desk.poll()
        problems.append(rounds.run().problems)
    assert problems[:14] == [[]] * 14
    assert problems[14] == ["1 message has not been sent to phone, the oldest for 75 minutes."]


def test_several_stuck_targets_are_one_alarm(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    for name in ("third", "fourth", "fifth"):
        add_target(name)
    for target in all_rows(Target):
        add(outbox_row(now, target_id=target.id, key=target.name))
    for _ in range(3):
        desk.poll()
    assert rounds.run().problems == [
        "5 messages have not been sent to channel, quiet channel, third and 2 more,"
        " the oldest for 15 minutes."
    ]


@both_databases
def test_twenty_thousand_stuck_messages_are_counted_and_not_read(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    [channel, _] = all_rows(Target)
    now = fake_clock.now()
    with transaction() as session:
        session.execute(
            insert(OutboxRow),
            [
                {
                    "key": f"k{number}",
                    "target_id": channel.id,
                    "target_name": "channel",
                    "event": "ticket.created",
                    "facts": {},
                    "bundle": f"b{number // 2}",
                    "created_at": now,
                    "due_at": now,
                    "next_try_at": now,
                }
                for number in range(20_000)
            ],
        )
    fake_clock.advance(minutes=16)
    with reading() as session, counted_statements() as statements:
        [stuck] = list_stuck_targets(session, fake_clock.now())
        loaded = len(session.identity_map)
    assert (stuck.name, stuck.messages, stuck.oldest_due_at) == ("channel", 10_000, now)
    assert len(statements) < 8
    assert loaded < 1_000


def test_a_refused_target_is_told_through_the_others(rounds: Rounds, fake_clock: FakeClock) -> None:
    refused = add_target("refused", tells_alarms=True, paused_at=fake_clock.now())
    add_target("paused by a person", paused_at=fake_clock.now(), paused_by_id=add_person("Ann")[0])
    change(Target, refused, pause_reason="404 Not Found")
    rounds.run()
    rows = all_rows(OutboxRow)
    assert [(row.event, row.target_name) for row in rows] == [("alarm.began", "channel")]
    [view] = ongoing()
    assert view.sentence == "refused is paused: 404 Not Found"


def test_a_failing_target_is_told_through_the_others_and_given_up_messages_too(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    failing = add_target(
        "failing", tells_alarms=True, failing_since=now, last_answer="503 Service Unavailable"
    )
    add(outbox_row(now, target_id=failing, state="failed"))
    waits = {"attempts": 1, "next_try_at": now + timedelta(hours=2)}
    add(outbox_row(now, target_id=failing, key="tried", **waits))
    rounds.run()
    for _ in range(3):
        desk.poll()
    rounds.run()
    by_target = {(row.facts["data"]["kind"], row.target_name) for row in alarm_messages()}
    assert by_target == {
        ("messages-failed", "channel"),
        ("messages-failed", "failing"),
        ("target-failing", "channel"),
    }


def alarm_messages() -> list[OutboxRow]:
    return all_rows(OutboxRow, OutboxRow.event.startswith("alarm."))


def test_an_almost_full_disk_is_the_alarm_of_this_machine_alone(
    rounds: Rounds, fake_clock: FakeClock
) -> None:
    full = Usage(total=1000, used=901, free=99)
    with patch.object(shutil, "disk_usage", lambda _folder: full):
        rounds.run()
    assert told() == ["began disk-low"]
    assert ongoing()[0].sentence.startswith("9.9 % of the disk")
    for _ in range(3):  # a watcher of another machine sees its own disk, not this one's
        with watching_from("other"):
            Rounds().run()
        fake_clock.advance(minutes=1)
    assert told() == ["began disk-low"]
    for _ in range(2):
        rounds.run()
        fake_clock.advance(minutes=1)
    assert told() == ["began disk-low", "ended disk-low"]


class watching_from:  # noqa: N801 - it reads as a function
    """Inside the block, this machine is another one."""

    def __init__(self, machine: str) -> None:
        names = ("find_conditions", "other_watchers")
        self._patches = [
            patch(f"webapp.services.watch.{name}.machine_name", lambda: machine) for name in names
        ]

    def __enter__(self) -> None:
        for one in self._patches:
            one.start()

    def __exit__(self, *_error: object) -> None:
        for one in self._patches:
            one.stop()


def test_nine_percent_is_too_little_and_ten_is_not() -> None:
    assert find_conditions.is_almost_full(99, 1000)
    assert not find_conditions.is_almost_full(100, 1000)
    assert not find_conditions.is_almost_full(0, 0)


def test_the_watcher_of_another_machine_is_missed_and_in_the_end_forgotten(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    add(WatcherRound(machine="other", began_at=now, completed_at=now))
    rounds.run()
    assert told() == []
    desk.poll()
    rounds.run()
    assert told() == ["began watcher-silent"]
    for _ in range(2):
        desk.poll(minutes=200)
        rounds.run()
    desk.poll()
    rounds.run()
    assert told()[-1] == "ended watcher-silent"


def test_what_a_proof_could_not_explain_is_told_for_a_day(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    add_proof(desk, fake_clock, unexplained=2)
    rounds.run()
    assert told() == ["began proof-unexplained"]
    assert "2 incidents without a ticket" in ongoing()[0].sentence


def test_a_proof_that_does_not_come_any_more_is_overdue(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    add_proof(desk, fake_clock)
    desk.poll(minutes=60 * 35)
    rounds.run()
    add_proof(desk, fake_clock, error="no answer")
    desk.poll(minutes=61)
    rounds.run()
    desk.poll(minutes=120)
    rounds.run()
    assert told() == ["began proof-overdue"]


def test_what_a_proof_put_right_before_it_was_killed_is_told(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    add_proof(desk, fake_clock, unexplained=2, healed=2, finished_at=None)
    rounds.run()
    assert told() == ["began proof-unexplained"]


def add_proof(desk: Desk, fake_clock: FakeClock, **values: object) -> None:
    now = fake_clock.now()
    add(
        Proof(
            connection_id=desk.connection_id,
            day=now.date(),
            days=30,
            started_at=now,
            **{"finished_at": now, **values},
        )
    )


def test_a_failed_drill_is_told_until_another_one_succeeds(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    add_drill(desk, fake_clock, "1", failed_at="policy", problem="No policy fits.")
    rounds.run()
    assert told() == ["began drill-failed"]
    assert ongoing()[0].sentence.endswith("“policy”. No policy fits.")
    desk.poll()
    add_drill(desk, fake_clock, "2")
    for _ in range(2):
        rounds.run()
        desk.poll()
    rounds.run()
    assert told()[-1] == "ended drill-failed"


def add_drill(desk: Desk, fake_clock: FakeClock, key: str, **values: object) -> None:
    now = fake_clock.now()
    add(
        Drill(
            connection_id=desk.connection_id,
            external_key=key,
            started_at=now,
            ended_at=now,
            **values,
        )
    )


def test_a_grave_alarm_goes_to_whoever_is_on_call_too(
    rounds: Rounds, desk: Desk, fake_clock: FakeClock
) -> None:
    person_id, method_id = add_person("Ann")
    unconfirmed = add_target("new-phone", user_id=person_id)
    change(Target, unconfirmed, confirmed_at=None)
    desk.set(huntress_skew_seconds=100)  # not grave
    add_drill(desk, fake_clock, "1", failed_at="inbox")  # grave
    with patch.object(write_message, "who_is_on_call", lambda *_: a_user(person_id)):
        rounds.run()
    by_kind = {
        (row.facts["data"]["kind"], row.target_id, row.is_urgent) for row in alarm_messages()
    }
    [channel, *_] = all_rows(Target)
    assert by_kind == {
        ("clock-off", channel.id, False),
        ("drill-failed", channel.id, True),
        ("drill-failed", method_id, True),
    }


def a_user(key: int) -> object:
    return namedtuple("Person", "id")(key)


def test_a_community_edition_without_connections_is_well(app: Flask, fake_clock: FakeClock) -> None:
    done = Rounds().run(WELL)
    assert (done.problems, told(), all_rows(Ticket)) == ([], [], [])
