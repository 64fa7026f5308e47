"""The clock is set back or forward by an hour: nothing is told twice, nothing comes an hour late.

A process's own clock never goes back, so a clock that was set back shows after a restart: a watcher
does its first round.
"""

import shutil
from collections import namedtuple
from collections.abc import Iterator
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from sqlalchemy import update

from tests.services.watch.rounds import NO_WORKER, Rounds, told
from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.receivers.notices_data import (
    Mailbox,
    add_person,
    add_policy,
    add_target,
    deliver_all,
    receiving,
)
from tests.support.rows import add, all_rows, audit_events, fresh
from webapp import clock
from webapp.domain.notices.target_kinds import Kind
from webapp.models import (
    Alarm,
    ClientMute,
    Escalation,
    OutboxRow,
    Target,
    Ticket,
    WatcherRound,
)
from webapp.outbound.errors import DeliveryError, Failure
from webapp.services.errors import NotFoundError
from webapp.services.notices import deliver
from webapp.services.notices.deliver import deliver_target
from webapp.services.notices.mute_client import record_ended_mutes
from webapp.services.schedule.due_connections import find_due_connections
from webapp.services.tickets.take_ticket import read_take_link, take_ticket
from webapp.services.transactions import transaction
from webapp.services.watch.clock_set_back import mend_times

pytestmark = both_databases
HOUR = timedelta(hours=1)


class KilledError(BaseException):
    """Stands for SIGKILL."""


@pytest.fixture(autouse=True)
def roomy_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("Usage", "total used free")(total=1000, used=100, free=900)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving() as mailbox:
        yield mailbox


@pytest.fixture
def polled(desk: Desk) -> Desk:
    """A desk whose first poll is over."""
    desk.poll()
    return desk


def incident(desk: Desk, number: int = 1, organization: int = 7) -> None:
    desk.account.add_incident(organization, now=huntress_now(desk), id=number, severity="critical")
    desk.poll()


def huntress_now(desk: Desk) -> datetime:
    """Huntress's time, which goes on whatever happens here."""
    return desk.simulator._clock()


def set_clock(desk: Desk, hours: int) -> None:
    """Set the clock here; Huntress's goes on as before."""
    ahead = huntress_now(desk) - desk.clock.now() - timedelta(hours=hours)
    desk.simulator._clock = lambda: desk.clock.now() + ahead
    desk.clock.advance(hours=hours)


def set_back(desk: Desk) -> None:
    """A watcher did its round just before; the clock is set; everything is started again."""
    Rounds().run()
    set_clock(desk, -1)
    Rounds().run()


def test_a_step_is_told_when_its_wait_is_over(polled: Desk, mailbox: Mailbox) -> None:
    first, second = add_target("first"), add_target("second")
    add_policy("critical", [(0, [first]), (10, [second])], repeats=1)
    incident(polled)
    deliver_all()
    polled.clock.advance(minutes=2)
    set_back(polled)
    deliver_all()
    polled.clock.advance(minutes=7)
    deliver_all()
    assert (len(mailbox.to("first")), len(mailbox.to("second"))) == (1, 0)
    polled.clock.advance(minutes=1)
    deliver_all()
    assert (len(mailbox.to("first")), len(mailbox.to("second"))) == (1, 1)
    for _ in range(4):
        polled.clock.advance(minutes=30)
        deliver_all()
    assert (len(mailbox.to("first")), len(mailbox.to("second"))) == (1, 2)


def test_a_target_that_was_down_is_tried_again_soon(polled: Desk, mailbox: Mailbox) -> None:
    key = add_target("hook", Kind.WEBHOOK)
    add_policy("all", [(0, [key])])
    mailbox.failures["hook"] = DeliveryError(Failure.TRANSIENT, "It is down.", retry_after=7000)
    incident(polled)
    deliver_all()
    polled.clock.advance(minutes=115)
    deliver_all()
    assert fresh(Target, key).rests_until or all_rows(OutboxRow)[0].next_try_at > clock.utcnow()
    mailbox.failures.clear()
    set_back(polled)
    polled.clock.advance(minutes=2)
    deliver_all()
    assert len(mailbox.to("hook")) == 1


def test_a_target_that_rests_is_asked_again(polled: Desk, mailbox: Mailbox) -> None:
    key = add_target("hook", Kind.WEBHOOK)
    add_policy("all", [(0, [key])])
    mailbox.failures["hook"] = DeliveryError(Failure.TRANSIENT, "It is down.")
    for number in (1, 2):
        incident(polled, number)
    deliver_all()
    assert fresh(Target, key).rests_until is not None
    mailbox.failures.clear()
    set_back(polled)
    polled.clock.advance(minutes=6)
    deliver_all()
    assert len(mailbox.to("hook")) == 2


def test_the_lease_of_a_process_that_died_holds_up_for_minutes(
    polled: Desk, mailbox: Mailbox
) -> None:
    key = add_target("hook", Kind.WEBHOOK)
    add_policy("all", [(0, [key])])
    incident(polled)
    with (
        patch.object(deliver, "_note_success", side_effect=KilledError),
        patch.object(deliver, "_release"),
        pytest.raises(KilledError),
    ):
        deliver_target(key)
    set_back(polled)
    assert deliver_all() == 0, "whoever has the lease may be at work"
    polled.clock.advance(minutes=3)
    assert deliver_all() == 1
    first, second = mailbox.to("hook")
    assert first.key == second.key


def test_what_was_sent_before_limits_nothing_for_an_hour(polled: Desk, mailbox: Mailbox) -> None:
    add_policy("all", [(0, [add_target("mail")])])
    for number in range(1, 6):
        polled.account.add_incident(number, now=huntress_now(polled), id=number)
    polled.poll()
    deliver_all()
    assert len(mailbox.to("mail")) == 5
    set_back(polled)
    polled.account.add_incident(9, now=huntress_now(polled), id=9)
    polled.poll(minutes=0)
    deliver_all()
    polled.clock.advance(minutes=2)
    deliver_all()
    assert len(mailbox.to("mail")) == 6


def test_what_is_held_until_a_time_of_the_day_is_still_held(polled: Desk) -> None:
    key, now = add_target("mail"), clock.utcnow()
    morning = now + timedelta(hours=6)
    for bundle in (f"held:{morning.isoformat()}", "page:1:7:0"):
        add(
            OutboxRow(
                key=bundle,
                target_id=key,
                target_name="mail",
                event="ticket.created",
                facts={},
                bundle=bundle,
                created_at=now,
                due_at=morning,
                next_try_at=morning,
            )
        )
    set_back(polled)
    held, other = all_rows(OutboxRow)
    assert (held.due_at, held.next_try_at) == (morning, morning)
    assert (other.due_at, other.next_try_at) == (morning - HOUR, morning - HOUR)


def test_an_alarm_is_told_once_and_its_end_once(polled: Desk) -> None:
    add_target("channel", tells_alarms=True)
    before = Rounds()
    for _ in range(12):
        before.run(NO_WORKER)
        polled.clock.advance(seconds=30)
    assert told() == ["began worker-gone"]
    set_clock(polled, -1)
    after = Rounds()
    for _ in range(6):
        done = after.run(NO_WORKER)
        polled.clock.advance(seconds=30)
    assert told() == ["began worker-gone"]
    assert done.must_deliver
    [alarm] = all_rows(Alarm)
    assert alarm.last_told_at is not None
    assert alarm.last_told_at < clock.utcnow()
    for _ in range(20):
        after.run()
        polled.clock.advance(seconds=30)
    assert told() == ["began worker-gone", "ended worker-gone"]


def test_the_heartbeat_goes_on_with_a_poll_that_is_due_at_once(polled: Desk) -> None:
    assert Rounds().run().problems == []
    for hours in (-1, 2):
        set_clock(polled, hours)
        assert Rounds().run().problems != [], "as far as can be told, nothing was polled lately"
        assert find_due_connections(clock.utcnow()) == [polled.connection_id]
        polled.poll(minutes=0)
        assert Rounds().run().problems == []


def test_a_mute_lasts_until_its_time_by_the_clock(polled: Desk, mailbox: Mailbox) -> None:
    add_policy("all", [(0, [add_target("mail")])])
    client_id = polled.connection().fallback_client_id
    now = clock.utcnow()
    until = now + timedelta(minutes=30)
    add(ClientMute(client_id=client_id, starts_at=now - 2 * HOUR, until=until))
    set_back(polled)
    polled.clock.advance(minutes=80)
    incident(polled, 1)
    polled.clock.advance(minutes=6)
    assert record_ended_mutes(clock.utcnow()) == 1
    incident(polled, 2)
    set_clock(polled, -1)
    Rounds().run()
    assert record_ended_mutes(clock.utcnow()) == 0
    incident(polled, 3)
    deliver_all()
    assert [one.is_muted for one in all_rows(Ticket)] == [True, False, False]
    ends = [one for one in audit_events() if one.action == "client.unmuted"]
    assert len(ends) == 1


def test_a_take_it_link_works_and_ends(polled: Desk, mailbox: Mailbox) -> None:
    _, method = add_person("Ada")
    add_policy("all", [(0, [method])])
    incident(polled, 1)
    incident(polled, 2, organization=8)
    deliver_all()
    first, second = (
        next(link.url for link in message.links if "/take/" in link.url).rpartition("/")[2]
        for message in mailbox.to("ada-phone")
    )
    set_back(polled)
    take_ticket(first)
    assert all_rows(Ticket)[0].assignee is not None
    polled.clock.advance(hours=26)
    with pytest.raises(NotFoundError, match="expired"):
        read_take_link(second)


def test_forward_every_step_is_told_once_and_with_its_waits(polled: Desk, mailbox: Mailbox) -> None:
    names = ("first", "second", "third")
    steps = [(10 * place, [add_target(name)]) for place, name in enumerate(names)]
    add_policy("critical", [(min(minutes, 10), ids) for minutes, ids in steps])
    incident(polled)
    deliver_all()
    polled.clock.advance(hours=1)
    for _ in range(5):
        Rounds().run()
        deliver_all()
    assert [len(mailbox.to(name)) for name in names] == [1, 1, 0], "the third waits for its turn"
    polled.clock.advance(minutes=10)
    deliver_all()
    assert [len(mailbox.to(name)) for name in names] == [1, 1, 1]
    polled.clock.advance(hours=5)
    deliver_all()
    assert len(mailbox.messages) == 3


def test_two_watchers_mend_it_once(polled: Desk) -> None:
    add_policy("critical", [(0, [add_target("first")]), (600, [add_target("second")])])
    incident(polled)
    [escalation] = all_rows(Escalation)
    due_at = escalation.due_at
    add(WatcherRound(machine="elsewhere", began_at=clock.utcnow(), completed_at=clock.utcnow()))
    Rounds().run()
    set_clock(polled, -1)
    assert mend_times(clock.utcnow()) == HOUR
    assert mend_times(clock.utcnow()) is None
    assert due_at is not None
    assert fresh(Escalation, escalation.id).due_at == due_at - HOUR


def test_beside_a_watcher_that_goes_on_as_before_only_the_first_round_mends(polled: Desk) -> None:
    Rounds().run()
    set_clock(polled, -1)
    now = clock.utcnow()
    assert mend_times(now) == HOUR
    with transaction() as session:
        session.execute(update(WatcherRound).values(completed_at=now + HOUR))
    assert mend_times(now, last_round_at=now - timedelta(seconds=10)) is None
    assert mend_times(now, last_round_at=now + HOUR) == HOUR, "its own clock went back"
