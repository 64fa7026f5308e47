"""The page of drills: starting one, its stations and seconds, the schedule, the ticket's banner."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.desk_data import HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, all_rows, change
from tests.web.pages import Browser
from webapp import task_queue
from webapp.models import Drill, InboxRow, NotificationSettings, Ticket

SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def with_worker(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A worker is running; the names of the jobs that are enqueued."""
    jobs: list[str] = []
    ready = task_queue.QueueStatus(True, has_worker=True)
    monkeypatch.setattr(task_queue, "read_queue_status", lambda: ready)
    monkeypatch.setattr(task_queue, "enqueue", lambda name, **_: not jobs.append(name))
    return jobs


def test_the_button_puts_a_report_into_the_inbox(
    app: Flask, admin: Browser, with_worker: list[str]
) -> None:
    response = admin.send("/drills", {})
    assert (response.status_code, response.location) == (303, "/drills")
    assert with_worker == ["drill"]
    with app.app_context():
        [drill] = all_rows(Drill)
        assert all_rows(InboxRow, InboxRow.external_key == drill.external_key)
    assert "The report waits in the inbox" in admin.get("/drills").text
    admin.send("/drills", {})
    assert "A drill is running already." in admin.get("/drills").text


def test_without_a_worker_nothing_is_started(app: Flask, admin: Browser) -> None:
    admin.send("/drills", {})
    assert "No worker is running" in admin.get("/drills").text
    with app.app_context():
        assert all_rows(Drill) == []


def test_the_seconds_of_each_station_are_shown(
    app: Flask, admin: Browser, desk: Desk, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    with app.app_context():
        [ticket, *_] = all_rows(Ticket)
        change(Ticket, ticket.id, is_drill=True)
        add(
            Drill(
                connection_id=1,
                external_key="drill-1",
                ticket_id=ticket.id,
                started_at=now,
                ended_at=now,
                failed_at="taken",
                problem="Nobody took the ticket in time.",
                stations={
                    "inbox": now.isoformat(),
                    "plan": (now + timedelta(seconds=1.5)).isoformat(),
                },
            )
        )
    page = admin.get("/drills").text
    assert "Failed at Taken" in page
    assert "Nobody took the ticket in time." in page
    assert "1.5" in page
    assert "DRILL." in admin.get(f"/tickets/{ticket.id}").text


def test_the_schedule_is_kept_and_refusals_keep_what_was_typed(app: Flask, admin: Browser) -> None:
    assert admin.send("/drills/schedule", {"days": "7"}).status_code == 303
    with app.app_context():
        assert all_rows(NotificationSettings)[0].drill_every_days == 7
    refused = admin.send("/drills/schedule", {"days": "often"})
    assert refused.status_code == 400
    text = refused.get_data(as_text=True)
    assert 'value="often"' in text
    assert "Choose 1 to 365 days" in text
    admin.send("/drills/schedule", {"days": ""})
    with app.app_context():
        assert all_rows(NotificationSettings)[0].drill_every_days is None


def test_only_an_admin_may(desk: Desk, sign_in: SignIn) -> None:
    helpdesk = sign_in(HELPDESK)
    assert helpdesk.client.get("/drills").status_code == 403
    assert helpdesk.send("/drills", {}).status_code == 403
