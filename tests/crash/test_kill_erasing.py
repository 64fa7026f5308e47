"""Forgetting a client is killed at random moments: never half done, it goes on to its end."""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from tests.support.databases import postgresql_in_soak
from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk, simulated_desk
from tests.support.polling import ticketed_ids
from tests.support.rows import all_rows, fresh
from tests.support.security.forgetting import MARK, NAME, OTHERS, Marked, fill, rows_that_say
from webapp import create_app
from webapp.extensions import db
from webapp.huntress.simulator import SimulatedAccount
from webapp.models import AuditEvent, Client, Erasure, OrganizationMapping
from webapp.services.retention import drop_tickets, erase_client
from webapp.services.retention.forget_client import begin_forgetting_client, forgotten_name
from webapp.services.retention.go_on import go_on_with_all

KILLS = 20


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Iterator[Desk]:
    with simulated_desk(app, fake_clock, SimulatedAccount(now=fake_clock.now())) as desk:
        yield desk


@pytest.fixture
def marked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Marked:
    """A client with tickets; each transaction erases one of them, so that there are many."""
    for module in (drop_tickets, erase_client):
        monkeypatch.setattr(module, "TICKETS_AT_ONCE", 1)
    return fill(desk)


def go_on(config: Any) -> None:
    app = create_app(config)
    with app.app_context():
        go_on_with_all()
    os._exit(0)


@postgresql_in_soak
def test_killed_at_random_moments_it_is_never_half_done(app: Flask, marked: Marked) -> None:
    chance = random.Random(7)
    begin_forgetting_client(marked.client_id, typed_name=NAME)
    db.session.remove()
    db.engine.dispose()
    config = app.extensions["triagedesk_config"]
    kills = 0
    for _ in range(KILLS):
        child = multiprocessing.get_context("fork").Process(target=go_on, args=(config,))
        child.start()
        time.sleep(chance.uniform(0.02, 0.6))  # whatever it is doing by then
        if child.is_alive() and child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
            kills += 1
        child.join(30)
        look(marked)
        db.session.remove()
        db.engine.dispose()
    go_on_with_all()
    assert kills >= 3, "it was never interrupted"
    [erasure] = all_rows(Erasure)
    assert erasure.finished_at is not None
    assert rows_that_say(MARK) == []
    assert erasure.counts["tickets"] == 6
    assert ticketed_ids(marked.desk) == [str(key) for key in OTHERS]
    assert fresh(Client, marked.client_id).name == forgotten_name(marked.client_id)
    assert len(all_rows(AuditEvent, AuditEvent.action == "client.forgotten")) == 1


def look(marked: Marked) -> None:
    """Whatever was killed: the client is marked, and either still called so or done for good."""
    [erasure] = all_rows(Erasure)
    client = fresh(Client, marked.client_id)
    organizations = all_rows(OrganizationMapping, OrganizationMapping.name.contains(MARK))
    assert not client.is_active
    assert not any(row.creates_tickets for row in organizations)
    if erasure.finished_at is None:
        assert client.name == NAME
        assert erasure.words
    else:
        assert rows_that_say(MARK) == []
