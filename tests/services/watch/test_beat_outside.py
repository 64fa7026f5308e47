"""What becomes of the outside heartbeat, and where it is recorded."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.fake_clock import FakeClock
from tests.support.receivers.http_receiver import HttpReceiver
from webapp.services.watch.beat_outside import beat_outside
from webapp.services.watch.other_watchers import end_watcher, read_watchers, record_round


@pytest.fixture
def receiver(app: Flask, fake_clock: FakeClock) -> Iterator[HttpReceiver]:
    record_round(fake_clock.now(), fake_clock.now())
    with HttpReceiver() as receiver:
        yield receiver


def paths(receiver: HttpReceiver) -> list[str]:
    return [one.path for one in receiver.requests]


def recorded() -> str | None:
    [mine] = read_watchers()
    return mine.heartbeat_answer if mine.heartbeat_at else None


def test_all_is_well(receiver: HttpReceiver) -> None:
    assert beat_outside(f"{receiver.origin}/ping/x", "") == "200 OK" == recorded()
    assert paths(receiver) == ["/ping/x"]


def test_a_service_that_can_be_told_so_is_told_that_it_is_not_well(receiver: HttpReceiver) -> None:
    beat_outside(f"{receiver.origin}/ping/x", "Acme is late.")
    beat_outside(f"{receiver.origin}/api/push/x?status=up&msg=OK&ping=", "Acme is late.")
    assert paths(receiver) == ["/ping/x/fail", "/api/push/x?status=down&msg=Acme+is+late.&ping="]
    assert recorded() == "told that it is not well (200 OK): Acme is late."


def test_any_other_service_is_not_called(receiver: HttpReceiver) -> None:
    beat_outside(f"{receiver.origin}/beat", "Acme is late.")
    assert paths(receiver) == []
    assert recorded() == "not called: Acme is late."


def test_a_watcher_that_was_stopped_on_purpose_is_forgotten(receiver: HttpReceiver) -> None:
    end_watcher()
    assert beat_outside(f"{receiver.origin}/ping/x", "") == "200 OK"
    assert read_watchers() == []
