"""Summaries are sent once, at their time, with the figures of their period."""

from datetime import date, datetime, timedelta
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.receivers.notices_data import (
    add_person,
    add_policy,
    add_target,
    deliver_all,
    receiving,
)
from tests.support.rows import add, all_rows, change
from webapp import clock
from webapp.domain.notices.summary import Period, SummaryFigures
from webapp.domain.notices.target_kinds import Kind
from webapp.jobs.tasks import notices
from webapp.models import InboxRow, NotificationSettings, OutboxRow, Proof, Ticket
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.transactions import reading, transaction
from webapp.services.watch.summary_figures import read_summary_figures
from webapp.services.watch.write_summaries import write_summaries

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def polled(desk: Desk) -> Desk:
    """A desk whose first poll is over, with a daily and a weekly summary to come."""
    desk.poll()
    change(
        NotificationSettings,
        1,
        time_zone="Europe/Berlin",
        daily_summary_at="07:30",
        last_daily_summary_for=today(),
    )
    return desk


def today() -> date:
    return clock.utcnow().astimezone(BERLIN).date()


def tomorrow_at(hour: int, minute: int) -> datetime:
    morning = datetime.combine(today() + timedelta(days=1), datetime.min.time(), tzinfo=BERLIN)
    return morning.replace(hour=hour, minute=minute)


def sleep_until(desk: Desk, moment: datetime) -> None:
    desk.clock.advance(minutes=(moment - desk.clock.now()) / timedelta(minutes=1))


def figures(desk: Desk, hours: int = 1) -> SummaryFigures:
    now = desk.clock.now()
    period = Period(day=now.date(), begins=now - timedelta(hours=hours), ends=now)
    with reading() as session:
        return read_summary_figures(session, period)


def add_tickets(desk: Desk) -> None:
    for number, organization, severity in (
        (1, 7, "critical"),
        (2, 7, "high"),
        (3, 8, "high"),
        (4, 8, "odd"),
    ):
        desk.account.add_incident(organization, now=desk.clock.now(), id=number, severity=severity)
    desk.poll()


@both_databases
def test_a_daily_summary_is_sent_once_to_who_wants_it(polled: Desk) -> None:
    add_target("mail", tells_summaries=True)
    add_target("hook", Kind.WEBHOOK, tells_summaries=True)
    add_target("quiet")
    add_tickets(polled)
    sleep_until(polled, tomorrow_at(7, 29))
    assert write_summaries(clock.utcnow()) == 0
    sleep_until(
        polled, datetime.combine(today(), datetime.min.time(), BERLIN).replace(hour=7, minute=30)
    )
    with receiving() as mailbox:
        notices()
        notices()
        deliver_all()
        assert write_summaries(clock.utcnow()) == 0
        deliver_all()
    assert sorted(name for name, _ in mailbox.messages) == ["hook", "mail"]
    [message] = mailbox.to("mail")
    assert message.title.startswith("Daily summary: 4 incidents (1 critical, 2 high, 1 unknown)")
    [sent] = mailbox.to("hook")
    assert sent.event == "summary.daily"
    assert sent.data["by_severity"] == {"critical": 1, "high": 2, "odd": 1}
    [settings] = all_rows(NotificationSettings)
    assert settings.last_daily_summary_for == today()


@both_databases
def test_several_that_look_at_once_send_one(app: Flask, polled: Desk) -> None:
    add_target("mail", tells_summaries=True)
    sleep_until(polled, tomorrow_at(8, 0))
    now, barrier, written = clock.utcnow(), Barrier(4), []

    def _look() -> None:
        with app.app_context():
            barrier.wait()
            written.append(write_summaries(now))

    threads = [Thread(target=_look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written) == [0, 0, 0, 1]
    assert len(all_rows(OutboxRow)) == 1


@both_databases
def test_a_weekly_summary_comes_besides(polled: Desk) -> None:
    add_target("mail", tells_summaries=True)
    next_day = today() + timedelta(days=1)
    change(NotificationSettings, 1, weekly_summary_on=next_day.weekday())
    sleep_until(polled, tomorrow_at(7, 31))
    assert write_summaries(clock.utcnow()) == 2
    assert [row.event for row in all_rows(OutboxRow)] == ["summary.daily", "summary.weekly"]
    assert write_summaries(clock.utcnow()) == 0


def test_nobody_who_wants_none_gets_one(polled: Desk) -> None:
    change(NotificationSettings, 1, daily_summary_at=None)
    sleep_until(polled, tomorrow_at(8, 0))
    assert write_summaries(clock.utcnow()) == 0


def test_times_that_cannot_be_read_stop_nothing(polled: Desk) -> None:
    change(NotificationSettings, 1, daily_summary_at="late")
    assert write_summaries(clock.utcnow()) == 0
    change(NotificationSettings, 1, daily_summary_at="07:30", time_zone="Nowhere/Land")
    assert write_summaries(clock.utcnow()) == 0


@both_databases
def test_the_figures_of_an_hour(polled: Desk) -> None:
    mail = add_target("mail")
    ada, _ = add_person("Ada")
    add_policy("all", [(0, [mail])])
    add_tickets(polled)
    with receiving():
        deliver_all()
    by_reference = {one.source_reference: one for one in all_rows(Ticket)}
    polled.clock.advance(minutes=10)
    change_ticket(
        by_reference["1"].id,
        TicketChange(sets_assignee=True, assignee_id=ada),
        actor_id=ada,
        seen_at=None,
    )
    polled.clock.advance(minutes=1)
    change(Ticket, by_reference["2"].id, is_muted=True)
    change(Ticket, by_reference["3"].id, is_drill=True)
    found = figures(polled)
    assert found.by_severity == {"critical": 1, "high": 1, "odd": 1}, "a drill does not count"
    assert sum(found.by_client.values()) == 3
    assert found.muted == 1
    assert (found.touched, found.minutes_to_touch, found.taken) == (1, 10.0, {"Ada": 1})
    assert found.untouched_count == 2
    assert {one.number for one in found.untouched} == {
        by_reference["2"].number,
        by_reference["4"].number,
    }
    assert set(found.overdue) == {by_reference["2"].number, by_reference["4"].number}


@both_databases
def test_intervals_that_polling_missed(polled: Desk) -> None:
    for _ in range(6):
        polled.poll(minutes=5)
    assert figures(polled).gaps == []
    polled.clock.advance(minutes=40)
    polled.poll()
    [gap] = figures(polled).gaps
    assert gap.connection == "Test account"
    assert round((gap.ends - gap.begins) / timedelta(minutes=1)) == 45
    assert not gap.was_paused
    polled.set(paused_at=polled.clock.now() - timedelta(minutes=20))
    assert figures(polled).gaps[0].was_paused


@both_databases
def test_the_last_proof_is_told(polled: Desk) -> None:
    now = polled.clock.now()
    with transaction() as session:
        for minutes, listed in ((50, 1), (30, 212)):
            begun = now - timedelta(minutes=minutes)
            session.add(
                Proof(
                    connection_id=polled.connection_id,
                    day=now.date(),
                    days=30,
                    started_at=begun,
                    finished_at=begun,
                    listed=listed,
                    ticketed=190,
                    excluded=18,
                    closed=3,
                    quarantined=1,
                )
            )
    [proof] = figures(polled).proofs
    assert (proof.connection, proof.listed) == ("Test account", 212)
    assert proof.counts == {
        "tickets": 190,
        "excluded": 18,
        "closed when first seen": 3,
        "in quarantine": 1,
        "unexplained": 0,
    }


def test_a_drill_in_quarantine_is_in_no_summary(polled: Desk) -> None:
    now = polled.clock.now()
    for key in ("drill-0123456789ab", "17"):
        add(
            InboxRow(
                connection_id=polled.connection_id,
                external_key=key,
                payload="{}",
                content_hash="x",
                first_fetched_at=now,
                fetched_at=now,
                quarantined_at=now,
            )
        )
    assert figures(polled).quarantined == 1
