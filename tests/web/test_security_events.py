"""Who was refused and who took a file along is on record, from where and in which session."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from tests.support.desk_data import Desk
from tests.support.rows import all_rows
from tests.web.pages import Browser
from webapp.models import AuditEvent
from webapp.services.audit_trail.record_aside import forget_refusals
from webapp.web import csv_files

pytestmark = pytest.mark.slow

EXPORTS = {
    "/tickets/export?state=open&q=tor": ("export.tickets", None),
    "/incidents/export": ("export.incidents", None),
    "/clients/export": ("export.clients", None),
    "/assets/export": ("export.assets", None),
    "/audit/export?who=1": ("export.audit", None),
    "/integrations/huntress/1/organizations/export": ("export.mappings", "1"),
    "/integrations/huntress/1/proofs/export": ("export.proofs", "1"),
}


@pytest.fixture(autouse=True)
def no_refusals_yet() -> Iterator[None]:
    forget_refusals()
    yield
    forget_refusals()


def events(app: Flask) -> list[AuditEvent]:
    with app.app_context():
        return all_rows(AuditEvent)


def test_every_export_is_known_here(app: Flask) -> None:
    found = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.endswith("/export")}
    known = {path.partition("?")[0].replace("/1/", "/<int:connection_id>/") for path in EXPORTS}
    assert found == known


@pytest.mark.parametrize("path", EXPORTS)
def test_an_export_is_on_record(app: Flask, admin: Browser, desk: Desk, path: str) -> None:
    assert admin.client.get(path).status_code == 200
    [event] = events(app)
    assert (event.action, event.subject_id) == EXPORTS[path]
    assert (event.actor_id, event.address) == (desk.admin_id, "127.0.0.1")
    assert event.session_ref
    assert (event.after or {})["file"].endswith(".csv")
    if "q=tor" in path:
        assert (event.after or {})["q"] == "tor"


@pytest.mark.parametrize("path", EXPORTS)
def test_it_is_on_record_before_the_first_byte(
    app: Flask, admin: Browser, desk: Desk, path: str
) -> None:
    """Whoever hangs up at once has been recorded, and a database that is away sends nothing."""
    response = admin.client.get(path, buffered=False)
    assert len(events(app)) == 1
    response.close()
    error = OperationalError("", {}, Exception("disk is full"))
    with patch.object(csv_files, "record_export", side_effect=error):
        refused = admin.client.get(path)
    assert refused.status_code == 503
    assert refused.mimetype == "text/html"


def test_a_page_that_is_refused_is_on_record(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    assert helpdesk.client.get("/users/1").status_code == 403
    assert helpdesk.send("/users/invite", {}).status_code == 403
    found = events(app)
    assert [(event.action, event.subject_type, event.subject_id) for event in found] == [
        ("access.refused", "page", "/users/<int:user_id>"),
        ("access.refused", "page", "/users/invite"),
    ]
    assert {event.actor_id for event in found} == {desk.helpdesk_id}
    assert found[0].after == {"status": 403, "why": "forbidden"}
    assert all(event.address == "127.0.0.1" and event.session_ref for event in found)


def test_a_form_from_another_site_is_on_record(app: Flask, admin: Browser, desk: Desk) -> None:
    admin.client.post("/theme", data={}, headers={"Origin": "http://evil.example"})
    admin.client.post("/theme", data={}, headers={"Sec-Fetch-Site": "same-origin"})
    reasons = [(event.after or {})["why"] for event in events(app)]
    assert reasons == ["sent by another site", "the form had expired"]


def test_strangers_leave_one_event_in_a_minute(app: Flask, visitor: Browser, desk: Desk) -> None:
    for _ in range(50):
        visitor.client.post("/sign-in", data={}, headers={"Origin": "http://evil.example"})
    [event] = events(app)
    assert (event.actor_id, event.address, event.subject_id) == (None, "127.0.0.1", "/sign-in")


def test_an_address_that_holds_a_secret_is_not_repeated(
    app: Flask, visitor: Browser, desk: Desk
) -> None:
    visitor.client.post("/take/a-secret", data={}, headers={"Origin": "http://evil.example"})
    [event] = events(app)
    assert event.subject_id == "/take/<token>"
    assert "a-secret" not in str(vars(event))


def test_to_be_asked_to_sign_in_is_no_refusal(app: Flask, visitor: Browser, desk: Desk) -> None:
    for path in ("/", "/users", "/nothing-here"):
        visitor.client.get(path)
    assert events(app) == []
