"""The ticket page: reading, noting, changing."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.web.pages import Browser, words_of
from webapp.models import Asset, AuditEvent, Comment, Status, Ticket, TicketAsset, User
from webapp.services.transactions import reading, transaction

SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def path(app: Flask, desk: Desk) -> str:
    """The page of an open ticket that nobody has touched."""
    with app.app_context(), transaction() as session:
        ticket = session.query(Ticket).filter(Ticket.closed_at.is_(None)).first()
        ticket.first_touched_at = None
        ticket.assignee_id = None
        ticket.status = session.query(Status).filter_by(name="Open").one()
        session.query(Comment).filter(Comment.author_id.is_not(None)).delete()
        return f"/tickets/{ticket.id}"


def stored(app: Flask, path: str) -> Ticket:
    with app.app_context(), reading() as session:
        return session.get(Ticket, int(path.rsplit("/", 1)[1]))


def last_comment(app: Flask) -> Comment:
    with app.app_context(), reading() as session:
        return session.query(Comment).order_by(Comment.id.desc()).first()


def test_the_report_is_rendered(admin: Browser, path: str) -> None:
    page = admin.get(path)
    headings = [words_of(heading) for heading in page.all("h3")]
    assert headings[0] == "What the SOC says"
    text = page.one("details", class_="ticket-text")
    assert "Security Incident" in [words_of(heading) for heading in text.iter("h4")]
    portal = [link for link in page.all("a") if link.get("href", "").startswith("https://tallow")]
    assert {words_of(link) for link in portal} == {
        "View in Huntress portal",
        "Huntress portal (opens in a new tab)",
    }
    for link in portal:
        assert {"noopener", "noreferrer", "nofollow"} <= set(str(link.get("rel")).split())


def test_the_side_panel_tells_the_facts(app: Flask, admin: Browser, path: str) -> None:
    with app.app_context(), transaction() as session:
        ticket = session.get(Ticket, stored(app, path).id)
        ticket.external_reference = "PSA-77"
        asset = Asset(client_id=ticket.client_id, name="RVC-EXAM1", hostname_key="rvc-exam1")
        session.add(asset)
        session.flush()
        session.add(TicketAsset(ticket_id=ticket.id, asset_id=asset.id))
    ticket = stored(app, path)
    words = words_of(admin.get(path).one("aside"))
    for part in (
        "Source Huntress, Tallow & Reed Managed IT",
        f"Incident {ticket.source_reference}",
        "Assets RVC-EXAM1",
        "Reference PSA-77",
        "First touched not yet",
        "Category none",
        "UTC",
    ):
        assert part in words


def test_a_ticket_that_is_not_there(admin: Browser, desk: Desk) -> None:
    assert admin.get("/tickets/4711", status=404).heading == "There is nothing here"
    assert admin.client.get("/tickets/99999999999999999999").status_code == 404
    assert admin.client.get("/tickets/abc").status_code == 404


@pytest.mark.parametrize("person", [ADMIN, HELPDESK])
def test_a_note_joins_the_timeline(
    app: Flask,
    path: str,
    sign_in: SignIn,
    person: tuple[str, str],
    fake_clock: FakeClock,
) -> None:
    browser = sign_in(person)
    response = browser.post(f"{path}/notes", {"body": "Called **them**."}, on=path)
    assert response.status_code == 303
    note = last_comment(app)
    assert response.location == f"{path}#entry-{note.id}"
    entry = browser.get(path).one("li", id=f"entry-{note.id}")
    assert words_of(entry).endswith(f"{person[1]} just now Called them.")
    assert [strong.text for strong in entry.iter("strong")] == [person[1], "them"]
    ticket = stored(app, path)
    assert ticket.first_touched_at == ticket.updated_at == fake_clock.now()


def test_an_empty_note_is_refused_beside_the_field(admin: Browser, path: str) -> None:
    response = admin.post(f"{path}/notes", {"body": " \n "}, on=path)
    page = admin.page_of(response, status=400)
    assert "Write the note first." in words_of(page.one("p", id="body-error"))


def test_a_refused_note_keeps_what_was_typed(admin: Browser, path: str) -> None:
    text = "x" * 20_001
    page = admin.page_of(admin.post(f"{path}/notes", {"body": text}, on=path), status=400)
    assert (page.one("textarea", id="body").text or "").strip() == text
    assert "at most 20,000 characters" in page.text


def test_a_note_may_begin_with_an_empty_line(app: Flask, admin: Browser, path: str) -> None:
    admin.post(f"{path}/notes", {"body": "\r\nfirst\r\n\r\nsecond"}, on=path)
    assert last_comment(app).body == "first\n\nsecond"


def test_a_note_for_no_ticket(admin: Browser, path: str) -> None:
    assert admin.send("/tickets/4711/notes", {"body": "hello"}).status_code == 404


def test_status_priority_and_assignee_are_changed_in_one_step(
    app: Flask, helpdesk: Browser, path: str, desk: Desk, fake_clock: FakeClock
) -> None:
    fake_clock.advance(minutes=9)
    change = {"status_id": "2", "priority_id": "3", "assignee_id": str(desk.admin_id)}
    response = helpdesk.post(f"{path}/change", change, on=path)
    assert response.status_code == 303
    page = helpdesk.get(path)
    assert "The ticket was updated." in page.text
    words = words_of(page.one("ol"))
    assert "Status changed from Open to In progress." in words
    assert "Assigned to Ada Okafor." in words
    ticket = stored(app, path)
    assert (ticket.status_id, ticket.priority_id, ticket.assignee_id) == (2, 3, desk.admin_id)
    assert ticket.priority_set_by_person_at == ticket.first_touched_at == fake_clock.now()


def test_the_big_button_closes_and_reopens(app: Flask, admin: Browser, path: str) -> None:
    page = admin.get(path)
    button = next(one for one in page.all("button") if words_of(one) == "Close ticket")
    data = {"status_id": str(button.get("value"))}
    admin.post(f"{path}/change", data, on=path)
    assert stored(app, path).closed_at is not None
    page = admin.get(path)
    button = next(one for one in page.all("button") if words_of(one) == "Reopen")
    admin.post(f"{path}/change", {"status_id": str(button.get("value"))}, on=path)
    assert stored(app, path).closed_at is None


def test_assign_to_me_changes_nothing_else(
    app: Flask, helpdesk: Browser, path: str, desk: Desk
) -> None:
    page = helpdesk.get(path)
    form = page.one("form", id="assign-to-me")
    fields = {field.get("name"): field.get("value") for field in form.iter("input")}
    assert set(fields) == {"csrf_token", "seen", "assignee_id"}
    helpdesk.client.post(f"{path}/change", data=fields)
    ticket = stored(app, path)
    assert ticket.assignee_id == desk.helpdesk_id
    assert ticket.priority_set_by_person_at is None
    assert not helpdesk.get(path).all("form", id="assign-to-me")


def test_a_change_leaves_an_audit_event(
    app: Flask, helpdesk: Browser, path: str, desk: Desk
) -> None:
    helpdesk.post(f"{path}/change", {"status_id": "3"}, on=path)
    with app.app_context(), reading() as session:
        event = session.query(AuditEvent).filter_by(action="ticket.changed").one()
    assert (event.actor_id, event.before, event.after) == (
        desk.helpdesk_id,
        {"status": "Open"},
        {"status": "Waiting"},
    )


def test_saving_without_a_change_touches_nothing(app: Flask, admin: Browser, path: str) -> None:
    before = stored(app, path)
    response = admin.post(f"{path}/change", {}, on=path)
    assert "Nothing was changed." in admin.get(response.location).text
    after = stored(app, path)
    assert (after.updated_at, after.first_touched_at) == (before.updated_at, None)


def test_two_people_cannot_overwrite_each_other(
    app: Flask, path: str, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    one, other = sign_in(ADMIN), sign_in(HELPDESK)
    seen_by_both = other.get(path).form(f"{path}/change")
    fake_clock.advance(minutes=1)
    one.post(f"{path}/change", {"status_id": "2"}, on=path)
    fake_clock.advance(minutes=1)
    fields = {**seen_by_both, "status_id": "3"}
    page = other.page_of(other.client.post(f"{path}/change", data=fields), status=409)
    assert "This ticket was changed while you were looking at it." in page.text
    assert stored(app, path).status_id == 2
    choice = page.one("select", id="status_id")
    chosen = [option for option in choice.iter("option") if option.get("selected") is not None]
    assert [option.get("value") for option in chosen] == ["3"]
    again = {**page.form(f"{path}/change"), "status_id": "3"}
    assert other.client.post(f"{path}/change", data=again).status_code == 303
    assert stored(app, path).status_id == 3


@pytest.mark.parametrize("seen", ["", "yesterday", "2026-06-09T12:00:00", None])
def test_a_change_must_say_what_was_seen(admin: Browser, path: str, seen: str | None) -> None:
    data = {"status_id": "2"} if seen is None else {"status_id": "2", "seen": seen}
    assert admin.send(f"{path}/change", data).status_code == 400


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("status_id", "Choose one of the statuses."),
        ("priority_id", "Choose one of the priorities."),
        ("assignee_id", "Choose somebody who can still sign in."),
    ],
)
def test_what_does_not_exist_cannot_be_chosen(
    app: Flask, admin: Browser, path: str, field: str, sentence: str
) -> None:
    response = admin.post(f"{path}/change", {field: "4711"}, on=path)
    assert sentence in admin.page_of(response, status=400).text
    assert stored(app, path).first_touched_at is None


def test_somebody_who_left_keeps_the_ticket_but_gets_no_other(
    app: Flask, admin: Browser, path: str, desk: Desk
) -> None:
    with app.app_context(), transaction() as session:
        session.get(User, desk.helpdesk_id).is_active = False
        session.get(Ticket, stored(app, path).id).assignee_id = desk.helpdesk_id
    assert "Bo Lindqvist" in words_of(admin.get(path).one("select", id="assignee_id"))
    admin.post(f"{path}/change", {"priority_id": "2"}, on=path)
    assert stored(app, path).assignee_id == desk.helpdesk_id


def test_a_ticket_made_by_hand(app: Flask, admin: Browser, path: str) -> None:
    with app.app_context(), transaction() as session:
        ticket = session.get(Ticket, stored(app, path).id)
        ticket.source, ticket.connection_id, ticket.source_reference = "manual", None, None
    words = words_of(admin.get(path).one("aside"))
    assert "Source Made by hand" in words
    assert "Incident" not in words.split()


def test_an_unreadable_report_has_no_portal_link(app: Flask, admin: Browser, path: str) -> None:
    with app.app_context(), transaction() as session:
        session.get(Ticket, stored(app, path).id).source_reference = "sha256:" + "a" * 64
    assert "Huntress portal (opens" not in admin.get(path).text
