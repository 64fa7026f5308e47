"""The ticket page: reading, noting, changing."""

import json
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import event, update

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.web.pages import Browser, Page, fields_of, words_of
from webapp.extensions import db
from webapp.models import (
    Alert,
    Asset,
    AuditEvent,
    Board,
    Category,
    Client,
    Comment,
    Connection,
    Status,
    Ticket,
    TicketAsset,
    User,
)
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
        "PSA reference PSA-77",
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
    assert words_of(entry).endswith(f"{person[1]} just now · edit this note Called them.")
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
    data = {"status_id": str(button.get("value")), "close_reason": "accepted_risk"}
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
    assert set(fields) == {"csrf_token", "seen", "assignee_id", "was_assignee_id"}
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
    assert "The status was changed to In progress while you were looking at it." in page.text
    assert "It says “In progress” now." in words_of(page.one("form", id="work"))
    assert stored(app, path).status_id == 2
    choice = page.one("select", id="status_id")
    chosen = [option for option in choice.iter("option") if option.get("selected") is not None]
    assert [option.get("value") for option in chosen] == ["3"]
    again = {**page.form(f"{path}/change"), "status_id": "3"}
    assert other.client.post(f"{path}/change", data=again).status_code == 303
    assert stored(app, path).status_id == 3


@pytest.mark.parametrize(
    "seen", ["", "yesterday", "2026-06-09T12:00:00", "0001-01-01T00:00:00+14:00", None]
)
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
    assert "Incident 1" not in words


def test_an_unreadable_report_has_no_portal_link(app: Flask, admin: Browser, path: str) -> None:
    with app.app_context(), transaction() as session:
        session.get(Ticket, stored(app, path).id).source_reference = "sha256:" + "a" * 64
    assert "Huntress portal (opens" not in admin.get(path).text


def work_fields(page: Page) -> dict[str, str]:
    """The whole form of the side panel, as a browser would send it."""
    return dict(fields_of(page.one("form", id="work")))


def edit_form(browser: Browser, path: str) -> dict[str, str]:
    return browser.get(f"{path}/edit").form(f"{path}/edit")


def test_a_person_edits_what_a_ticket_says(
    app: Flask, helpdesk: Browser, path: str, fake_clock: FakeClock
) -> None:
    with app.app_context(), transaction() as session:
        session.add(Client(name="Another"))
    choices = helpdesk.get(f"{path}/edit").one("select", id="client_id")
    another = next(one.get("value") for one in choices.iter("option") if one.text == "Another")
    typed = {
        "title": "New words",
        "description": "It is *fine*.",
        "client_id": another,
        "external_reference": "PSA-1",
        "external_url": "https://psa.example/1",
    }
    response = helpdesk.post(f"{path}/edit", typed, on=f"{path}/edit")
    assert (response.status_code, response.location) == (303, path)
    page = helpdesk.get(path)
    assert page.heading == "New words"
    link = page.all("a", href="https://psa.example/1")[0]
    assert words_of(link).startswith("PSA-1")
    assert {"noopener", "noreferrer", "nofollow"} <= set(str(link.get("rel")).split())
    assert "It is fine." in words_of(page.one("section", aria_labelledby="report-heading"))
    assert page.all("section", aria_labelledby="incident-heading"), "the report is still there"
    assert stored(app, path).text_edited_by_person_at == fake_clock.now()


def test_an_edit_that_changes_nothing_changes_nothing(
    app: Flask, admin: Browser, path: str
) -> None:
    response = admin.post(f"{path}/edit", {}, on=f"{path}/edit")
    assert "Nothing was changed." in admin.get(response.location).text
    assert stored(app, path).text_edited_by_person_at is None


def test_a_refused_edit_keeps_the_typing(app: Flask, admin: Browser, path: str) -> None:
    typed = {"title": "", "external_url": "javascript:alert(1)", "description": "kept"}
    page = admin.page_of(admin.post(f"{path}/edit", typed, on=f"{path}/edit"), status=400)
    assert "Enter a title." in words_of(page.one("p", id="title-error"))
    assert "Enter a whole address" in words_of(page.one("p", id="external_url-error"))
    form = page.form(f"{path}/edit")
    assert form["description"].strip() == "kept"
    again = {**form, "title": "Better", "external_url": ""}
    assert admin.client.post(f"{path}/edit", data=again).status_code == 303
    assert stored(app, path).description == "kept"


def test_edits_of_different_fields_merge_and_say_so(
    app: Flask, path: str, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    one, other = sign_in(ADMIN), sign_in(HELPDESK)
    mine = {**edit_form(other, path), "title": "My title"}
    fake_clock.advance(minutes=1)
    one.post(
        f"{path}/edit", {"description": "Theirs", "external_reference": "PSA-9"}, on=f"{path}/edit"
    )
    fake_clock.advance(minutes=1)
    response = other.client.post(f"{path}/edit", data=mine)
    page = other.get(response.location.split("#")[0])
    words = "changed the description and changed the PSA reference."
    assert f"Saved. Meanwhile Ada Okafor {words}" in page.text
    ticket = stored(app, path)
    assert (ticket.title, ticket.description) == ("My title", "Theirs")
    assert ticket.external_reference == "PSA-9"
    new = [words_of(row) for row in page.all("li", class_="is-new")]
    assert len(new) == 2, "theirs and mine"
    assert "Ada Okafor just now New" in new[0].replace("1 min ago", "just now")
    assert response.location.split("#")[1] == page.all("li", class_="is-new")[0].get("id")


def test_the_same_field_asks_and_keeps_the_other_edits(
    app: Flask, path: str, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    one, other = sign_in(ADMIN), sign_in(HELPDESK)
    mine = {**edit_form(other, path), "title": "My title", "description": "Mine"}
    fake_clock.advance(minutes=1)
    one.post(
        f"{path}/edit", {"description": "Theirs", "external_reference": "PSA-9"}, on=f"{path}/edit"
    )
    page = other.page_of(other.client.post(f"{path}/edit", data=mine), status=409)
    alert = words_of(page.one("div", role="alert"))
    assert "The description was changed while you were looking at it. Nothing was saved" in alert
    assert "Ada Okafor, just now: The description was edited." in alert
    again = page.form(f"{path}/edit")
    assert (again["title"], again["description"].strip()) == ("My title", "Mine")
    assert again["external_reference"] == "PSA-9"
    assert stored(app, path).title != "My title"
    assert other.client.post(f"{path}/edit", data=again).status_code == 303
    ticket = stored(app, path)
    assert (ticket.title, ticket.description) == ("My title", "Mine")
    assert ticket.external_reference == "PSA-9"


def test_a_form_that_does_not_say_what_it_showed_asks_about_any_change(
    app: Flask, path: str, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    one, other = sign_in(ADMIN), sign_in(HELPDESK)
    fields = {name: work_fields(other.get(path))[name] for name in ("csrf_token", "seen")}
    fake_clock.advance(minutes=1)
    one.post(f"{path}/change", {"status_id": "3"}, on=path)
    data = {**fields, "priority_id": "4"}
    page = other.page_of(other.client.post(f"{path}/change", data=data), status=409)
    assert "This ticket was changed while you were looking at it." in page.text


def test_choices_of_different_fields_merge(
    app: Flask, path: str, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    one, other = sign_in(ADMIN), sign_in(HELPDESK)
    mine = {**work_fields(other.get(path)), "priority_id": "4"}
    fake_clock.advance(minutes=1)
    one.post(f"{path}/change", {"status_id": "3"}, on=path)
    response = other.client.post(f"{path}/change", data=mine)
    page = other.get(response.location)
    assert "Saved. Meanwhile Ada Okafor changed the status to Waiting." in page.text
    ticket = stored(app, path)
    assert (ticket.status_id, ticket.priority_id) == (3, 4)


def test_two_notes_at_once_are_both_saved_and_shown(
    app: Flask, path: str, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    one, other = sign_in(ADMIN), sign_in(HELPDESK)
    mine = {**other.get(path).form(f"{path}/notes"), "body": "Isolated the host."}
    fake_clock.advance(minutes=1)
    one.post(f"{path}/notes", {"body": "Isolating now."}, on=path)
    theirs = last_comment(app).id
    fake_clock.advance(minutes=1)
    response = other.client.post(f"{path}/notes", data=mine)
    assert response.location.endswith(f"#entry-{theirs}")
    page = other.get(response.location.split("#")[0])
    assert "Your note was added. Meanwhile Ada Okafor wrote a note." in page.text
    new = " ".join(words_of(row) for row in page.all("li", class_="is-new"))
    assert new.index("Isolating now.") < new.index("Isolated the host.")
    assert not other.get(path).all("li", class_="is-new")


def test_a_note_that_is_sent_again_is_there_once(app: Flask, path: str, helpdesk: Browser) -> None:
    """The answer to the first time was lost: the browser still has the draft."""
    draft = "0a" * 16
    for body in ("once", "once", "and once more"):
        fields = {"body": body, "draft": draft}
        assert helpdesk.post(f"{path}/notes", fields, on=path).status_code == 303
    page = helpdesk.get(path)
    assert page.text.count("once") == 2
    [body] = page.all("body")
    assert body.get("data-taken") == draft
    entries = [row for row in page.one("ol").iter("li") if row.get("data-taken") == draft]
    assert len(entries) == 2
    odd = {"body": "odd", "draft": "not an id"}
    helpdesk.post(f"{path}/notes", odd, on=path)
    assert last_comment(app).details is None


def test_board_and_category_on_the_page(app: Flask, helpdesk: Browser, path: str) -> None:
    with app.app_context(), transaction() as session:
        ticket = session.get(Ticket, stored(app, path).id)
        category = Category(name="Endpoint", board_id=ticket.board_id)
        session.add_all([category, Board(name="Elsewhere")])
        session.flush()
        category_id = str(category.id)
    helpdesk.post(f"{path}/change", {"category_id": category_id}, on=path)
    page = helpdesk.get(path)
    assert "Category Endpoint" in words_of(page.one("aside"))
    boards = page.one("select", id="board_id")
    elsewhere = next(one.get("value") for one in boards.iter("option") if one.text == "Elsewhere")
    helpdesk.post(f"{path}/change", {"board_id": elsewhere}, on=path)
    assert "Category Endpoint was cleared" in words_of(helpdesk.get(path).one("ol"))
    wrong = {"category_id": category_id}
    page = helpdesk.page_of(helpdesk.post(f"{path}/change", wrong, on=path), status=400)
    assert "Choose a category" in words_of(page.one("p", id="category_id-error"))


def test_a_preview_with_and_without_a_script(app: Flask, admin: Browser, path: str) -> None:
    part = admin.fragment_of(admin.send("/tickets/preview", {"body": "so *be* it"}))
    assert [one.text for one in part.all("em")] == ["be"]
    assert not part.all("form")
    page = admin.page_of(
        admin.post(f"{path}/notes", {"body": "so *be* it", "preview": "1"}, on=path)
    )
    assert "so be it" in words_of(page.one("div", id="note-preview"))
    assert (page.one("textarea", id="body").text or "").strip() == "so *be* it"
    assert stored(app, path).first_touched_at is None
    assert "nothing to preview" in admin.send("/tickets/preview", {"body": " "}).text


def test_the_incident_is_told(app: Flask, admin: Browser, path: str) -> None:
    report = {
        "id": 5,
        "summary": "Somebody *dumped* LSASS.",
        "platform": "windows",
        "indicator_types": ["process_detections"],
        "indicator_counts": {"process_detections": 3},
        "remediations": [
            {"id": 1, "action": "Isolate host", "status": "completed"},
            {"id": 2, "action": "Delete file", "status": "unapproved", "parameters": "C:\\x"},
        ],
    }
    with app.app_context(), transaction() as session:
        alert = session.query(Alert).filter_by(ticket_id=stored(app, path).id).one()
        alert.raw_report = json.dumps(report)
        alert.agent_external_id, alert.device_name = "404", None
        ticket = session.get(Ticket, alert.ticket_id)
        ticket.subject_name, ticket.subject_key = "SRV-9", "host:srv-9"
    page = admin.get(path)
    words = words_of(page.one("section", aria_labelledby="incident-heading"))
    assert "What the SOC says Somebody *dumped* LSASS." in words
    assert "Host SRV-9" in words, "whose details are not known yet, but the ticket's subject is"
    words = words_of(page.one("section", aria_labelledby="steps-heading"))
    assert "process detections 3" in words
    assert "Remediations 2 Delete file unapproved C:\\x Isolate host completed" in words
    raw = admin.get(f"{path}/raw").one("pre")
    assert json.loads("".join(raw.itertext())) == report


@pytest.mark.parametrize("raw", ["not json", "[]", "[" * 100_000, '{"id": 1}' + " " * 600_000])
def test_a_report_that_cannot_be_taken_apart_costs_nothing(
    app: Flask, admin: Browser, path: str, raw: str
) -> None:
    with app.app_context(), transaction() as session:
        session.query(Alert).update({"raw_report": raw})
    assert not admin.get(path).all("section", aria_labelledby="incident-heading")
    assert len(admin.get(f"{path}/raw").response.data) < 300_000


def test_no_raw_report_of_a_ticket_made_by_hand(app: Flask, admin: Browser, path: str) -> None:
    with app.app_context(), transaction() as session:
        session.query(Alert).update({"raw_report": None})
    assert admin.get(f"{path}/raw", status=404)


def test_what_came_before(app: Flask, admin: Browser, path: str) -> None:
    ticket = stored(app, path)
    with app.app_context(), transaction() as session:
        newest = session.query(Ticket).order_by(Ticket.id.desc()).first()
        newest.client_id = ticket.client_id
        session.query(Alert).filter(Alert.ticket_id.in_([newest.id, ticket.id])).update(
            {"agent_external_id": "4711", "message": "The same host"}
        )
        newest_id = newest.id
    page = admin.get(f"/tickets/{newest_id}")
    earlier = page.one("section", aria_labelledby="related-heading")
    links = [link.get("href") for link in earlier.iter("a")]
    assert links.count(path) == 1, "by its host, and not once more by its client"
    back = admin.get(path).one("section", aria_labelledby="related-heading")
    assert f"/tickets/{newest_id}" in [link.get("href") for link in back.iter("a")]


def test_a_long_timeline_is_shown_in_parts(
    app: Flask, admin: Browser, path: str, fake_clock: FakeClock
) -> None:
    with app.app_context(), transaction() as session:
        session.add_all(
            Comment(ticket_id=stored(app, path).id, body=f"entry {i}.", created_at=fake_clock.now())
            for i in range(250)
        )
    seen: list[str] = []
    page = admin.get(path)
    for _ in range(9):
        rows = [words_of(one).split("now ")[-1] for one in page.one("ol").iter("li")]
        seen = rows + seen
        earlier = page.all("a", rel="prev")
        if not earlier:
            break
        page = admin.get(str(earlier[0].get("href")).split("#")[0])
    numbered = [row for row in seen if row.startswith("entry")]
    assert numbered == [f"entry {i}." for i in range(250)], "oldest first, none twice, none missing"
    assert page.all("a", rel="next"), "and back to the newest"


def test_the_way_through_the_list(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    listed = [
        str(one.get("href"))
        for one in helpdesk.get("/tickets?sort=oldest").all("a", class_="ticket-link")
    ]
    origin = "/tickets?sort=oldest"
    page = helpdesk.get(listed[0], headers={"Referer": f"http://localhost{origin}"})
    for position in range(1, 4):
        following = page.one("a", rel="next").get("href")
        assert following == f"{listed[position]}?from=/tickets?sort%3Doldest"
        here = listed[position - 1]
        fields = page.form(f"{here}/notes")
        assert fields["from"].startswith(f"{origin}&place=")
        response = helpdesk.client.post(f"{here}/notes", data={**fields, "body": "seen"})
        page = helpdesk.get(response.location.split("#")[0])
        back = str(page.one("a", data_key="u").get("href"))
        assert back == f"{origin}#ticket-{here.rsplit('/', 1)[1]}"
        close = {**work_fields(page), "status_id": "4", "close_reason": "accepted_risk"}
        response = helpdesk.client.post(f"{here}/change", data=close)
        page = helpdesk.get(response.location)
        assert page.one("a", rel="next").get("href") == following, "though it left the list"
        page = helpdesk.get(str(following))
        if position > 1:
            assert not page.all("a", rel="prev"), "the one before is closed"


def test_the_way_survives_what_moves_a_ticket_and_what_is_related(
    app: Flask, helpdesk: Browser, desk: Desk, fake_clock: FakeClock
) -> None:
    origin = "/tickets?sort=updated"
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(client_id=2, closed_at=None, status_id=1))
    listed = [str(one.get("href")) for one in helpdesk.get(origin).all("a", class_="ticket-link")]
    page = helpdesk.get(listed[2], headers={"Referer": f"http://localhost{origin}"})
    before, after = (str(page.one("a", rel=rel).get("href")) for rel in ("prev", "next"))
    assert before.startswith(f"{listed[1]}?")
    assert after.startswith(f"{listed[3]}?")
    fake_clock.advance(minutes=1)
    fields = {**work_fields(page), "priority_id": "4"}
    page = helpdesk.get(helpdesk.client.post(f"{listed[2]}/change", data=fields).location)
    assert page.one("a", rel="next").get("href") == after, "though it is the first one now"
    assert page.one("a", rel="prev").get("href") == before
    side = page.one("section", aria_labelledby="related-heading")
    related = next(str(link.get("href")) for link in side.iter("a"))
    page = helpdesk.get(related)
    assert page.one("a", rel="next").get("href") == after, "from where one was in the list"
    assert page.one("a", data_key="u").get("href") == f"{origin}#ticket-{listed[2][9:]}"
    edit = str(page.one("a", data_key="e").get("href"))
    crumb = helpdesk.get(edit).one("p", class_="page-crumb")
    assert crumb[0].get("href") == related


def test_a_place_of_another_order_is_not_used(helpdesk: Browser, desk: Desk) -> None:
    listed = [
        str(one.get("href"))
        for one in helpdesk.get("/tickets?sort=oldest").all("a", class_="ticket-link")
    ]
    for place in ("x", "W10", "WzEsMl0"):
        page = helpdesk.get(listed[0], query_string={"from": f"/tickets?sort=oldest&place={place}"})
        assert str(page.one("a", rel="next").get("href")).startswith(f"{listed[1]}?")


def test_the_last_of_the_list(helpdesk: Browser, desk: Desk) -> None:
    links = helpdesk.get("/tickets?sort=newest").all("a", class_="ticket-link")
    page = helpdesk.get(f"{links[-1].get('href')}?from=/tickets?sort%3Dnewest")
    assert "This was the last one of the list." in page.text
    assert not page.all("a", rel="next")


@pytest.mark.parametrize(
    "origin",
    [
        "//evil.example/tickets",
        "https://evil.example/tickets",
        "javascript:alert(1)",
        "/users",
        "/tickets\\x",
        "/tickets?q=" + "x" * 2_000,
        "/tickets/1",
    ],
)
def test_the_way_back_never_leads_elsewhere(helpdesk: Browser, path: str, origin: str) -> None:
    page = helpdesk.get(path, query_string={"from": origin})
    assert not page.all("nav", aria_label="The list you came from")
    assert page.one("p", class_="page-crumb")[0].get("href") == "/tickets"


def test_the_page_is_a_handful_of_statements(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    with app.app_context():
        engine = db.engine
    helpdesk.get("/tickets/12?from=/tickets")
    event.listen(engine, "before_cursor_execute", count)
    helpdesk.get("/tickets/12?from=/tickets")
    event.remove(engine, "before_cursor_execute", count)
    asked = [one for one in statements if one.startswith(("SELECT", "WITH"))]
    assert len(asked) <= 14, "\n".join(asked)


def test_who_may_map_an_organization_is_led_there(
    app: Flask, admin: Browser, helpdesk: Browser, desk: Desk
) -> None:
    with app.app_context(), reading() as session:
        ticket = session.query(Ticket).filter(Ticket.is_unmapped).first()
        number = ticket.id
        alert = session.query(Alert).filter(Alert.ticket_id == number).one()
        organization = alert.organization_external_id
    table = f"/integrations/huntress/{desk.connection_id}/organizations"
    target = f"{table}?only={organization}"
    page = admin.get(f"/tickets/{number}")
    assert [words_of(link) for link in page.all("a", href=target)] == ["Map it"]
    row = admin.get(target)
    assert [one.get("value") for one in row.all("input", name="pick")] == [organization]
    create = next(link for link in row.all("a") if words_of(link).startswith("Create client"))
    assert words_of(create) == "Create client from this organization"
    address = create.get("href")
    fields = admin.get(address).form(address)
    fields[f"choice-{organization}"] = "create"
    assert admin.client.post(address, data=fields).location == target, "its row, mapped now"
    row = admin.get(target)
    assert "open tickets can move off triage now." in row.text.replace("ticket can", "tickets can")
    assert "Create client from this organization" not in row.text
    page = helpdesk.get(f"/tickets/{number}")
    assert not page.all("a", href=target)
    assert "An admin can map it under Integrations → Huntress → Organizations." in page.text


def test_no_earlier_ticket_is_shown_twice(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    with app.app_context(), transaction() as session:
        together = {"client_id": 2, "subject_key": None, "is_unmapped": False}
        session.execute(update(Ticket).values(**together))
        alerts = session.query(Alert).filter(Alert.ticket_id.is_not(None)).all()
        for alert in alerts[-4:]:
            alert.agent_external_id, alert.connection_id = "4711", 1
        last = alerts[-1].ticket_id
    page = helpdesk.get(f"/tickets/{last}")
    lists = page.all("ul", class_="earlier-list")
    links = [str(link.get("href")) for one in lists for link in one.iter("a")]
    assert len(links) == len(set(links)) == 3 + 5


def test_a_ticket_of_a_closed_incident_can_be_closed_at_once(
    app: Flask, helpdesk: Browser, desk: Desk
) -> None:
    words = "Huntress closed this incident"
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(closed_at=None, status_id=1))
        session.execute(update(Alert).values(was_closed=False))
        solved = Status(name="Solved", is_closed=True, position=9)
        session.add(solved)
        session.flush()
        solved_id = solved.id
        session.execute(update(Connection).values(closed_status_id=solved_id))
    assert words not in helpdesk.get("/tickets/2").text
    with app.app_context(), transaction() as session:
        session.execute(update(Alert).where(Alert.ticket_id == 2).values(was_closed=True))
    page = helpdesk.get("/tickets/2")
    assert words in page.text
    [button] = [one for one in page.all("button", class_="btn-link") if words_of(one) == "Close"]
    fields = {**page.form("/tickets/2/change"), "status_id": str(button.get("value"))}
    fields["close_reason"] = "done_in_portal"  # not every step is done there
    helpdesk.client.post("/tickets/2/change", data=fields)
    with app.app_context(), reading() as session:
        ticket = session.get(Ticket, 2)
        assert (ticket.status_id, ticket.closed_at is not None) == (solved_id, True)
    assert words not in helpdesk.get("/tickets/2").text


def test_the_print_view_has_all_entries(
    app: Flask, helpdesk: Browser, path: str, fake_clock: FakeClock
) -> None:
    with app.app_context(), transaction() as session:
        session.add_all(
            Comment(
                ticket_id=stored(app, path).id,
                author_id=1,
                body=f"entry {number}.",
                created_at=fake_clock.now(),
            )
            for number in range(120)
        )
    page = helpdesk.get(f"{path}/print")
    words = words_of(page.one("table"))
    assert all(f"entry {number}." in words for number in range(120))
    assert "Ada Okafor" in words
    assert "printed 9 Jun 2026" in page.text
    assert page.all("section", aria_labelledby="incident-heading")
    assert not [form for form in page.all("form") if path in str(form.get("action"))]
