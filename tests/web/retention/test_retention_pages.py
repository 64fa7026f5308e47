"""The pages of retention: ages, and clients and people who leave."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, all_rows, change, fresh
from tests.web.pages import Browser
from webapp.models import (
    Alert,
    AuditEvent,
    Backup,
    Client,
    Erasure,
    OrganizationMapping,
    RetentionAge,
    Ticket,
    User,
)
from webapp.services.people.users import deactivate_user
from webapp.services.retention.go_on import go_on_with_all

AGES = "/desk/retention"


@pytest.fixture
def client(app: Flask, admin: Browser) -> Client:
    """A client with tickets that no routing falls back to."""
    with app.app_context():
        [mapping, *_] = all_rows(OrganizationMapping, OrganizationMapping.client_id.is_not(None))
        return fresh(Client, mapping.client_id)


@pytest.fixture
def sick(app: Flask, desk: Desk) -> User:
    """The helpdesk person, deactivated."""
    with app.app_context():
        return deactivate_user(desk.helpdesk_id)


def test_ages_are_shown_and_saved(app: Flask, admin: Browser) -> None:
    page = admin.get(AGES)
    assert page.one("input", name="exchanges").get("value") == "7"
    assert page.one("input", name="closed_tickets").get("value") == "never"
    response = admin.post(AGES, {"exchanges": "3", "closed_tickets": "400"}, on=AGES)
    assert response.status_code == 303
    assert "Saved: closed tickets, api calls." in admin.get(AGES).text
    with app.app_context():
        assert {row.kind: row.days for row in all_rows(RetentionAge)} == {
            "closed_tickets": 400,
            "exchanges": 3,
        }
        [event] = all_rows(AuditEvent, AuditEvent.action == "retention.ages_set")
        assert (event.before, event.after) == (
            *({"closed_tickets": None, "exchanges": 7}, {"closed_tickets": 400, "exchanges": 3}),
        )
    assert admin.post(AGES, {}, on=AGES).status_code == 303
    assert "Nothing was changed." in admin.get(AGES).text


def test_what_cannot_be_is_refused_at_its_field_and_stays_typed(app: Flask, admin: Browser) -> None:
    page = admin.page_of(
        admin.post(AGES, {"audit": "30", "exchanges": "0", "runs": "x"}, on=AGES), status=400
    )
    assert "Audit log cannot be kept for 30 days: choose at least 90 days" in page.text
    assert "API calls cannot be kept for 0 days: choose at least 1 day" in page.text
    assert "Poll history: enter a whole number of days." in page.text
    assert page.one("input", name="audit").get("value") == "30"
    with app.app_context():
        assert all_rows(RetentionAge) == []


def test_two_people_do_not_overwrite_each_other(app: Flask, admin: Browser) -> None:
    form = admin.get(AGES).form(AGES)
    admin.client.post(AGES, data={**form, "runs": "30"})
    page = admin.page_of(admin.client.post(AGES, data={**form, "runs": "60"}), status=409)
    assert "poll history are kept for 30 days now" in page.text
    assert page.one("input", name="runs").get("value") == "60"


def test_the_page_says_what_would_be_deleted(
    app: Flask, desk: Desk, sign_in: Callable[..., Browser], fake_clock: FakeClock
) -> None:
    fake_clock.advance(days=366)
    admin = sign_in(ADMIN)
    assert "raw reports last changed before 10 June 2025" not in admin.get(AGES).text
    assert "last changed before 10 June 2026" in admin.get(AGES).text
    response = admin.post(f"{AGES}/apply", {}, on=AGES)
    assert response.status_code == 303
    assert "No worker can be reached" in admin.get(AGES).text


def test_a_client_is_downloaded_and_forgotten(app: Flask, admin: Browser, client: Client) -> None:
    path = f"/clients/{client.id}/forget"
    assert path in [link.get("href") for link in admin.get(f"/clients/{client.id}").all("a")]
    page = admin.get(path)
    assert "No backup that was made here holds it." in page.text
    sent = admin.post(f"/clients/{client.id}/download", {}, on=path)
    assert sent.headers["Content-Disposition"].endswith('.zip"')
    archive = zipfile.ZipFile(io.BytesIO(sent.data))
    assert json.loads(archive.read("client.json"))[0]["name"] == client.name
    page = admin.page_of(admin.post(path, {"name": "something"}, on=path), status=400)
    assert f"Type the client's name as it is written: {client.name}" in page.text
    response = admin.post(path, {"name": client.name}, on=path)
    assert response.status_code == 303
    assert "This client is being forgotten." in admin.get(path).text
    with app.app_context():
        go_on_with_all()
        change(Erasure, all_rows(Erasure)[0].id, wiped_at=None)
    assert "write-ahead log still holds it" in admin.get(path).text
    with app.app_context():
        go_on_with_all()
    page = admin.get(path)
    assert "This client is forgotten." in page.text
    assert "write-ahead log" not in page.text
    assert client.name not in page.text
    shown = admin.get(f"/clients/{client.id}")
    assert shown.heading == f"Forgotten client {client.id}"
    assert f"/clients/{client.id}/delete" not in [form.get("action") for form in shown.all("form")]
    with app.app_context():
        assert all_rows(Ticket, Ticket.client_id == client.id) == []


def test_backups_of_before_are_named(app: Flask, admin: Browser, client: Client) -> None:
    with app.app_context():
        now = all_rows(User)[0].created_at - timedelta(hours=1)
        add(
            Backup(
                trigger="schedule",
                state="completed",
                place="/srv",
                file_name="a.age",
                started_at=now,
                finished_at=now,
            )
        )
    words = admin.get(f"/clients/{client.id}/forget").text
    assert "1 backup made here still holds it, the oldest of 9 June 2026" in words


def test_a_client_that_is_used_says_by_what(app: Flask, admin: Browser) -> None:
    with app.app_context():
        fallback = all_rows(Client)[0]
    path = f"/clients/{fallback.id}/forget"
    page = admin.page_of(admin.post(path, {"name": fallback.name}, on=path), status=400)
    assert "falls back to it" in page.text
    with app.app_context():
        assert all_rows(Erasure) == []


def test_somebody_who_left_is_forgotten(app: Flask, admin: Browser, sick: User) -> None:
    path = f"/users/{sick.id}/forget"
    assert path in [link.get("href") for link in admin.get(f"/users/{sick.id}").all("a")]
    document = json.loads(admin.post(f"/users/{sick.id}/download", {}, on=path).text)
    assert document["person"][0]["email"] == HELPDESK[0]
    page = admin.page_of(admin.post(path, {"email": "x"}, on=path), status=400)
    assert f"as it is written: {HELPDESK[0]}" in page.text
    assert admin.post(path, {"email": HELPDESK[0]}, on=path).status_code == 303
    assert "This person is forgotten" in admin.get(path).text
    page = admin.get(f"/users/{sick.id}")
    assert page.heading == f"Former user {sick.id}"
    assert f"/users/{sick.id}/activate" not in [form.get("action") for form in page.all("form")]


def test_somebody_active_cannot_be_forgotten(app: Flask, admin: Browser, desk: Desk) -> None:
    path = f"/users/{desk.helpdesk_id}/forget"
    assert "may still sign in" in admin.get(path).text
    page = admin.page_of(admin.send(path, {"email": HELPDESK[0]}), status=400)
    assert "Deactivate them first" in page.text


def test_everybody_downloads_their_own_and_nobody_elses(
    app: Flask, helpdesk: Browser, desk: Desk
) -> None:
    sent = helpdesk.post("/preferences/download", {}, on="/preferences")
    assert sent.mimetype == "application/json"
    assert sent.json["person"][0]["id"] == desk.helpdesk_id
    for path in (
        *(f"/users/{desk.admin_id}/download", f"/users/{desk.admin_id}/forget"),
        *("/clients/1/download", "/clients/1/forget", AGES, f"{AGES}/apply"),
    ):
        assert helpdesk.send(path, {}).status_code == 403, path


@pytest.mark.parametrize(
    "path",
    [
        *("/preferences/download", "/users/2/download", "/users/2/forget"),
        *("/clients/1/download", "/clients/1/forget", AGES, f"{AGES}/apply"),
    ],
)
def test_who_is_not_present_is_asked_first(
    app: Flask, admin: Browser, fake_clock: FakeClock, path: str
) -> None:
    fake_clock.advance(minutes=11)
    page = admin.page_of(admin.send(path, {"name": "x", "email": "x"}), status=403)
    assert "assword" in page.text
    with app.app_context():
        done = {event.action for event in all_rows(AuditEvent)}
        assert not done & {"export.client", "export.person", "client.forgetting"}
        assert not done & {"user.forgetting", "retention.ages_set"}


def test_an_incident_without_its_report_says_so(app: Flask, admin: Browser) -> None:
    with app.app_context():
        alert = all_rows(Alert, Alert.ticket_id.is_not(None))[0]
        change(Alert, alert.id, raw_report=None, message="still here")
    page = admin.get(f"/tickets/{alert.ticket_id}")
    assert "report is not kept here, because of its age" in page.text
    assert "still here" in admin.get("/incidents").text
