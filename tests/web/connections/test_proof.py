"""The daily proof on a connection's page: the strip of days, the button, the export."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, add_connection
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, change
from tests.web.pages import Browser
from webapp import task_queue
from webapp.models import Connection, Proof

SignIn = Callable[[tuple[str, str]], Browser]
PAGE = "/integrations/huntress/1"


@pytest.fixture
def viewer(app: Flask, people: tuple[int, int], fake_clock: FakeClock, sign_in: SignIn) -> Browser:
    """An admin of a connection with a clean proof of today and a hole of yesterday."""
    now = fake_clock.now()
    with app.app_context():
        connection_id = add_connection(now)
        change(Connection, connection_id, polling_started_at=now)
        common = {"connection_id": connection_id, "days": 30, "listed": 5, "calls": 1}
        for days, values in (
            (1, {"ticketed": 4, "unexplained": 1, "healed": 1, "unexplained_ids": ["77"]}),
            (0, {"ticketed": 5}),
        ):
            at = now - timedelta(days=days)
            times = {"day": at.date(), "started_at": at, "finished_at": at}
            add(Proof(**common, **times, **values))
    return sign_in(ADMIN)


def test_the_strip_says_each_day_in_words(viewer: Browser) -> None:
    section = viewer.get(PAGE).one("section", id="proof")
    strip = next(one for one in section.iter("ol"))
    days = list(strip.iter("li"))
    assert len(days) == 90
    assert [one.get("class") for one in days[-3:]] == ["tone-grey", "tone-red", "tone-green"]
    assert "".join(days[-2].itertext()) == "8 Jun: 5 listed: 4 tickets, 1 unexplained."
    assert "no proof" in "".join(days[0].itertext())
    assert "5 listed: 5 tickets, 0 unexplained." in "".join(section.itertext())


def test_the_export_holds_every_proof(viewer: Browser) -> None:
    response = viewer.client.get(f"{PAGE}/proofs.csv", base_url="http://localhost")
    lines = response.get_data(as_text=True).splitlines()
    assert len(lines) == 3
    assert ",77," in lines[2]
    assert viewer.client.get("/integrations/huntress/9/proofs.csv").status_code == 404


def test_the_button_asks_a_worker(viewer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    response = viewer.send(f"{PAGE}/prove", {})
    assert (response.status_code, response.location) == (303, f"{PAGE}#proof")
    assert "triagedesk prove 1" in viewer.get(PAGE).text, "no worker is running"
    ready = task_queue.QueueStatus(True, has_worker=True)
    monkeypatch.setattr(task_queue, "read_queue_status", lambda: ready)
    asked: list[str] = []
    monkeypatch.setattr(task_queue, "enqueue", lambda name, **_: not asked.append(name))
    viewer.send(f"{PAGE}/prove", {})
    assert asked == ["prove"]
    assert "The proof has begun" in viewer.get(PAGE).text


def test_only_an_admin_may(viewer: Browser, sign_in: SignIn) -> None:
    helpdesk = sign_in(HELPDESK)
    assert helpdesk.client.get(f"{PAGE}/proofs.csv").status_code == 403
    assert helpdesk.send(f"{PAGE}/prove", {}).status_code == 403
