"""What open pages ask for every few seconds: one conditional request, for everybody."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import event

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import change
from tests.web.pages import Browser
from webapp import clock
from webapp.extensions import db
from webapp.models import Ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.live.who_is_here import PersonHere
from webapp.web.tickets import live_routes, page_parts

PATHS = ("/live", "/tickets/live?triage=1&severity=high", "/tickets/1/live", "/dashboard/live")
SCRIPT = "<script>alert(1)</script>"
AS_A_SCRIPT = {"HX-Request": "true"}


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_sent_where_nothing_has_changed(
    app: Flask, admin: Browser, helpdesk: Browser, auditor: Browser, path: str
) -> None:
    first = admin.client.get(path)
    assert first.status_code == 200
    assert "criticals" in first.json
    tag = first.headers["ETag"]
    for browser in (admin, helpdesk, auditor):
        again = browser.client.get(path, headers={"If-None-Match": tag, **AS_A_SCRIPT})
        assert (again.status_code, again.data) == (304, b""), browser
    with app.app_context():
        change(Ticket, 1, untouched_since=clock.utcnow(), closed_at=None, priority_id=1)
    assert admin.client.get(path, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    "tag", ['"0"', "W/", "x" * 3_000, '"a", "b"', "\xe9", '"' + "0" * 20 + '"', "'; DROP TABLE"]
)
def test_a_wrong_tag_is_answered_in_full(admin: Browser, tag: str) -> None:
    right = admin.client.get("/live")
    answer = admin.client.get("/live", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.data) == (200, right.data)


@pytest.mark.parametrize(
    "loaded", ["", "x", "9999-12-31", "2026-06-09T12:00:00%2B00:00", "0" * 999]
)
def test_any_time_of_loading_is_answered(admin: Browser, loaded: str) -> None:
    assert admin.client.get(f"/tickets/live?loaded={loaded}").status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_two_statements_at_most(app: Flask, admin: Browser, path: str) -> None:
    sent: list[str] = []

    def _note(_connection, _cursor, statement, *_rest) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", _note)
    admin.client.get(path, headers=AS_A_SCRIPT)
    event.remove(engine, "before_cursor_execute", _note)
    assert len(sent) == 2, "\n".join(sent)


@pytest.mark.parametrize("path", PATHS)
def test_whoever_is_signed_out_is_told_so(visitor: Browser, desk: Desk, path: str) -> None:
    assert visitor.client.get(path, headers=AS_A_SCRIPT).status_code == 401


def test_no_limit_of_a_person_is_in_the_way(app: Flask, admin: Browser) -> None:
    app.config["RATELIMIT_ENABLED"] = True
    for _ in range(120):
        assert admin.client.get("/live", headers=AS_A_SCRIPT).status_code == 200


def test_a_list_says_what_it_was_made_of(app: Flask, admin: Browser, fake_clock: FakeClock) -> None:
    page = admin.get("/tickets?priority=1")
    main = page.one("main", id="content")
    assert main.get("data-live-url") == "/tickets/live"
    assert main.get("data-loaded") == fake_clock.now().isoformat()
    with app.app_context():
        versions = {str(one.id): one.updated_at.isoformat() for one in db.session.query(Ticket)}
    rows = [
        (row.get("data-ticket"), row.get("data-version"))
        for row in page.all("tr")
        if row.get("data-ticket")
    ]
    assert rows
    assert all(versions[key] == version for key, version in rows)
    line = page.one("p", class_="live-line")
    assert "".join(line.itertext()).split() == ["As", "of", "12:00", "·", "Refresh"]
    assert next(line.iter("a")).get("href") == "/tickets?priority=1"


def test_who_else_is_there_is_shown_as_plain_text(
    admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def meet(ticket_id: int, person_id: int, name: str, doing: str) -> list[PersonHere]:
        asked.append((ticket_id, name, doing))
        return [PersonHere(SCRIPT, True), PersonHere("Cleo", False)]

    monkeypatch.setattr(page_parts, "meet", meet)
    monkeypatch.setattr(live_routes, "meet", meet)
    page = admin.get("/tickets/1")
    here = page.one("p", data_here="")
    assert "".join(here.itertext()) == f"{SCRIPT} is writing · Cleo has this ticket open"
    answer = admin.client.get("/tickets/1/live?doing=writing").json
    assert answer["here"] == [
        {"name": SCRIPT, "is_writing": True},
        {"name": "Cleo", "is_writing": False},
    ]
    admin.client.get("/tickets/1/live?doing=anything")
    assert asked == [(1, "Ada Okafor", doing) for doing in ("looking", "writing", "looking")]


def test_an_entry_is_told_without_the_words_of_a_note(
    app: Flask, desk: Desk, sign_in: Callable[[tuple[str, str]], Browser]
) -> None:
    with app.app_context():
        add_internal_note(1, "The password is hunter2.", author_id=desk.helpdesk_id)
    answer = sign_in(ADMIN).client.get("/tickets/1/live")
    assert answer.json["entries"][0]["who"] == HELPDESK[1]
    assert "hunter2" not in answer.text
