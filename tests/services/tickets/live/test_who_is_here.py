"""Who else has a ticket open, in a real Valkey, and without one."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from tests.support.valkey import ValkeyServer
from webapp.services.tickets.live import who_is_here
from webapp.services.tickets.live.who_is_here import GONE, LOOKING, WRITING, PersonHere, meet


@pytest.fixture
def valkey(app: Flask) -> Iterator[ValkeyServer]:
    server = ValkeyServer().start()
    app.extensions["triagedesk_config"] = replace(
        app.extensions["triagedesk_config"], redis_url=server.url
    )
    yield server
    server.close()


def test_people_meet_at_a_ticket(app: Flask, valkey: ValkeyServer) -> None:
    assert meet(1, 10, "Ada", LOOKING) == []
    assert meet(1, 11, "bo <b>Ito</b>", WRITING) == [PersonHere("Ada", False)]
    assert meet(2, 12, "Cleo", LOOKING) == [], "another ticket"
    assert meet(1, 10, "Ada", LOOKING) == [PersonHere("bo <b>Ito</b>", True)]
    assert meet(1, 13, "Zoë", LOOKING) == [
        PersonHere("Ada", False),
        PersonHere("bo <b>Ito</b>", True),
    ]
    meet(1, 11, "bo", GONE)
    assert meet(1, 10, "Ada", LOOKING) == [PersonHere("Zoë", False)]


def test_nothing_is_kept_that_outlives_the_absence(
    app: Flask, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(who_is_here, "HERE_SECONDS", 1)
    meet(1, 10, "Ada", LOOKING)
    assert 0 < valkey.connect().ttl("triagedesk:here:1") <= 2
    time.sleep(2.1)
    assert meet(1, 11, "Bo", LOOKING) == []
    time.sleep(2.1)
    assert not valkey.connect().exists("triagedesk:here:1")


def test_without_redis_nobody_waits(app: Flask, valkey: ValkeyServer) -> None:
    """One try, then it is left alone; it is asked again later."""
    meet(1, 10, "Ada", LOOKING)
    valkey.stop()
    began = time.monotonic()
    for _ in range(50):
        assert meet(1, 11, "Bo", LOOKING) == []
    assert time.monotonic() - began < 5
    valkey.start()
    assert meet(1, 11, "Bo", LOOKING) == [], "left alone for a while"
    app.extensions["triagedesk_who_is_here"]._left_alone_until = 0.0
    assert meet(1, 11, "Bo", LOOKING) in ([], [PersonHere("Ada", False)])
    assert meet(1, 12, "Cleo", LOOKING)[-1:] == [PersonHere("Bo", False)]


def test_what_others_put_there_breaks_nothing(app: Flask, valkey: ValkeyServer) -> None:
    now = valkey.connect().time()[0]
    valkey.connect().hset("triagedesk:here:1", mapping={"7": "odd", "8": f"{now} x", "9": ""})
    assert meet(1, 10, "Ada", LOOKING) == [PersonHere("Somebody", False)]
    valkey.connect().set("triagedesk:here:2", "no hash")
    assert meet(2, 10, "Ada", LOOKING) == []
