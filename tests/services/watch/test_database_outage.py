"""Without a database, the watcher tells by itself: once that it is away, once that it is back."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.waiting import wait_until
from webapp.domain.notices.message import Message
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.settings import Destination
from webapp.services.watch.alarm_targets import AlarmTarget
from webapp.services.watch.database_outage import DatabaseOutage

NOW = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)


def target(number: int) -> AlarmTarget:
    destination = Destination(
        kind=Kind.EMAIL, settings={"to": f"t{number}"}, secrets={"token": "hunter2"}
    )
    return AlarmTarget(number, f"target {number}", destination)


class Wire:
    """Takes what is sent; a target that is `down` fails, one that `hangs` waits for `release`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.down: set[str] = set()
        self.hangs: set[str] = set()
        self.release = threading.Event()
        self.tries = 0

    def send(self, destination: Destination, message: Message) -> str:
        name = destination.settings["to"]
        self.tries += 1
        if name in self.hangs:
            self.release.wait(20)
        if name in self.down:
            raise DeliveryError(Failure.TRANSIENT, "It does not answer.")
        self.sent.append((name, message))
        return "200 OK"

    def events(self, name: str) -> list[str]:
        return [message.event for at, message in self.sent if at == name]


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.release.set()


@pytest.fixture
def outage(wire: Wire) -> DatabaseOutage:
    outage = DatabaseOutage("http://127.0.0.1/health", send=wire.send)
    outage.note_success([target(1), target(2)], NOW)
    return outage


def fail(outage: DatabaseOutage, *, after: float) -> None:
    outage.note_failure("connection refused", NOW + timedelta(seconds=after))
    assert wait_until(lambda: not outage.is_sending, 10)


def succeed(outage: DatabaseOutage, *, after: float) -> None:
    outage.note_success(outage.targets, NOW + timedelta(seconds=after))
    assert wait_until(lambda: not outage.is_sending, 10)


def test_it_is_told_after_half_a_minute_once_and_its_end_once(
    outage: DatabaseOutage, wire: Wire
) -> None:
    for second in (0, 10, 20):
        fail(outage, after=second)
    assert wire.sent == []
    for second in (30, 40, 600):
        fail(outage, after=second)
    assert wire.events("t1") == wire.events("t2") == ["alarm.began"]
    for second in (610, 620):
        succeed(outage, after=second)
    assert wire.events("t1") == wire.events("t2") == ["alarm.began", "alarm.ended"]
    began, ended = (message for name, message in wire.sent if name == "t1")
    assert began.subject == ended.subject
    assert began.key != ended.key
    assert "connection refused" in began.title
    assert "12:00 UTC until 9 June 2026, 12:10 UTC" in ended.lines[0]


def test_a_short_outage_is_not_told(outage: DatabaseOutage, wire: Wire) -> None:
    fail(outage, after=0)
    fail(outage, after=20)
    succeed(outage, after=29)
    fail(outage, after=31)
    succeed(outage, after=40)
    assert wire.sent == []


def test_it_is_told_again_every_few_hours(outage: DatabaseOutage, wire: Wire) -> None:
    for minutes in (0, 1, 60, 119, 122, 130):
        fail(outage, after=60 * minutes)
    assert wire.events("t1") == ["alarm.began", "alarm.repeated"]


def test_a_target_that_fails_is_tried_again_and_hears_it_in_order(
    outage: DatabaseOutage, wire: Wire
) -> None:
    wire.down = {"t1"}
    for second in (0, 30, 40):
        fail(outage, after=second)
    assert (wire.events("t1"), wire.events("t2")) == ([], ["alarm.began"])
    succeed(outage, after=50)
    assert wire.events("t1") == []
    wire.down = set()
    for second in (60, 70):
        succeed(outage, after=second)
    assert wire.events("t1") == wire.events("t2") == ["alarm.began", "alarm.ended"]


def test_a_target_that_never_answers_is_given_up(outage: DatabaseOutage, wire: Wire) -> None:
    wire.down = {"t1", "t2"}
    for second in range(0, 1000, 10):
        fail(outage, after=second)
    assert 20 < wire.tries / 2 < 50


def test_a_target_that_hangs_holds_up_neither_the_watcher_nor_the_others(
    outage: DatabaseOutage, wire: Wire
) -> None:
    wire.hangs = {"t1"}
    outage.note_failure("gone", NOW)
    outage.note_failure("gone", NOW + timedelta(seconds=30))
    assert wait_until(lambda: wire.events("t2") == ["alarm.began"], 10)
    outage.note_failure("gone", NOW + timedelta(seconds=40))
    assert wire.tries == 2
    wire.release.set()
    assert wait_until(lambda: wire.events("t1") == ["alarm.began"], 10)


def test_a_clock_that_was_set_back_begins_the_outage_anew(
    outage: DatabaseOutage, wire: Wire
) -> None:
    fail(outage, after=0)
    fail(outage, after=-3600)
    fail(outage, after=-3580)
    assert wire.sent == []
    fail(outage, after=-3570)
    assert wire.events("t1") == ["alarm.began"]


def test_no_secret_is_in_what_is_kept(outage: DatabaseOutage) -> None:
    assert "hunter2" not in repr(outage)
