"""The audit log: who changed what, narrowed, in words, and as a file."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests.support import administration_data
from tests.support.desk_data import HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.web.pages import Browser, Page, words_of
from webapp import clock
from webapp.models import AuditEvent, Board, User
from webapp.services.audit import Origin, record_event
from webapp.services.audit_trail.chain_events import chain_events
from webapp.services.audit_trail.redact_events import redact_events
from webapp.services.list_sizes import PAGE_SIZE
from webapp.services.transactions import transaction
from webapp.web.operations.audit_words import action_words, field_words

SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def events(app: Flask, desk: Desk, fake_clock: FakeClock) -> None:
    """Six changes at 12:00 UTC on 9 June 2026, looked at an hour later."""
    with app.app_context():
        administration_data.add_events(1, desk.admin_id)
    fake_clock.advance(hours=1)


def add_event(app: Flask, **values: object) -> None:
    defaults: dict[str, object] = {"action": "user.renamed", "subject_type": "user"}
    with app.app_context(), transaction() as session:
        record_event(session, **{**defaults, **values})


def rows(page: Page) -> list[str]:
    return [words_of(row) for row in page.all("tr")[1:]]


def csv_rows(browser: Browser, query: str = "") -> list[dict[str, str]]:
    """The rows of the file, without those that say who took such files along."""
    response = browser.client.get(f"/audit/export{query}")
    assert response.mimetype == "text/csv"
    assert "attachment" in response.headers["Content-Disposition"]
    text = response.text
    assert text.startswith("\ufeff")
    found = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    return [row for row in found if row["action"] != "export.audit"]


def test_newest_first_in_words(admin: Browser, events: None) -> None:
    found = rows(admin.get("/audit"))
    assert len(found) == 6
    assert "1 h ago Triagedesk Started polling Connection Tallow & Reed Managed IT" in found[0]
    assert "Ada Okafor Deactivated a board Board Security Triage" in found[1]
    assert "Changed a ticket Ticket TKT-000001" in found[2]
    assert "status Open → In progress assignee none → bo@example.com" in found[2]
    assert "Changed a role User Ada Okafor" in found[5]
    assert "role helpdesk → admin" in found[5]


def test_names_stand_in_for_ids(admin: Browser, events: None) -> None:
    page = admin.get("/audit")
    assert "board Service Desk → Security" in rows(page)[4]
    assert "poll interval minutes 5 → 10 auto close tickets no → yes" in rows(page)[4]
    assert page.one("a", href="/tickets/1") is not None
    assert page.one("a", href="/users/1") is not None


def test_the_exact_time_is_to_be_had(admin: Browser, events: None) -> None:
    [*_, time] = [one for one in admin.get("/audit").all("time") if one.text == "1 h ago"]
    assert time.get("title") == "9 Jun 2026, 12:00:00 UTC"


def test_secrets_are_only_changed(admin: Browser, events: None) -> None:
    page = admin.get("/audit")
    assert "api key changed api secret changed" in rows(page)[3]
    for html in (page.response.text, admin.client.get("/audit/export").text):
        assert "hk_a_secret" not in html
        assert "hs_a_secret" not in html


def test_what_is_gone_keeps_its_id(app: Flask, admin: Browser, desk: Desk) -> None:
    add_event(
        app,
        action="routing.saved",
        subject_type="connection",
        subject_id=77,
        before={"board_id": 77, "candidate_ids": [1, 2]},
        after={"board_id": None, "candidate_ids": []},
    )
    [row] = rows(admin.get("/audit"))
    assert "Connection 77" in row
    assert "board 77 → none" in row
    assert "1, 2 → none" in row


def test_times_are_shown_in_the_zone_of_the_viewer(
    app: Flask, admin: Browser, desk: Desk, fake_clock: FakeClock
) -> None:
    add_event(
        app,
        action="connection.paused",
        before={"paused_at": None},
        after={"paused_at": fake_clock.now()},
    )
    with app.app_context(), transaction() as session:
        session.get_one(User, desk.admin_id).time_zone = "Asia/Kolkata"
    [row] = rows(admin.get("/audit"))
    assert "paused at none → 9 Jun 2026, 17:30 IST" in row


def test_organizations_have_their_names(app: Flask, admin: Browser, desk: Desk) -> None:
    with app.app_context(), transaction() as session:
        external_id, name = (
            session.connection()
            .exec_driver_sql("SELECT external_id, name FROM organization_mappings LIMIT 1")
            .one()
        )
    values = {"client_id": 1, "creates_tickets": True, "connection_id": 1}
    add_event(
        app,
        action="mapping.saved",
        subject_type="organization",
        subject_id=external_id,
        before={**values, "client_id": None},
        after=values,
    )
    [row] = rows(admin.get("/audit"))
    assert f"Saved a mapping Organization {name}" in row
    assert "client none → Internal (unmapped security)" in row
    assert "creates tickets" not in row


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("who=system", ["polling.started"]),
        ("what=user", ["user.role_set"]),
        ("what=use", []),
        (
            "type=connection",
            ["polling.started", "connection.credentials_replaced", "routing.saved"],
        ),
        ("type=ticket&id=1", ["ticket.changed"]),
        ("type=ticket&id=2", []),
        ("who=1&what=board", ["board.deactivated"]),
        ("who=2", []),
    ],
)
def test_filters(admin: Browser, events: None, query: str, actions: list[str]) -> None:
    assert [row["action"] for row in csv_rows(admin, f"?{query}")] == actions
    page = admin.get(f"/audit?{query}")
    assert len(rows(page)) == len(actions)
    assert ("No event fits these filters" in page.text) is (not actions)
    assert page.one("a", href="/audit", class_="btn-ghost") is not None


def test_days_are_those_of_the_viewer(
    app: Flask, admin: Browser, desk: Desk, fake_clock: FakeClock
) -> None:
    """22:30 UTC on 9 June is the 10th in Berlin already."""
    fake_clock.advance(hours=10, minutes=30)
    add_event(app, subject_id=1)
    for day, count in (("2026-06-09", 1), ("2026-06-10", 0)):
        assert len(csv_rows(admin, f"?from={day}&to={day}")) == count
    with app.app_context(), transaction() as session:
        session.get_one(User, desk.admin_id).time_zone = "Europe/Berlin"
    for day, count in (("2026-06-09", 0), ("2026-06-10", 1)):
        assert len(csv_rows(admin, f"?from={day}&to={day}")) == count
    assert len(csv_rows(admin, "?from=2026-06-11")) == 0
    assert len(csv_rows(admin, "?to=2026-06-09")) == 0


@pytest.mark.parametrize(
    "query",
    ["from=nonsense", "to=9999-99-99", "from=0001-01-01", "who=x", "after=x", "to=9999-12-31"],
)
def test_filters_without_sense_are_left_out(admin: Browser, events: None, query: str) -> None:
    assert len(rows(admin.get(f"/audit?{query}"))) == 6


def test_pages_keep_the_filters(app: Flask, admin: Browser, desk: Desk) -> None:
    for number in range(PAGE_SIZE + 2):
        add_event(app, actor_id=desk.admin_id, after={"name": f"name {number}"})
    first = admin.get("/audit?who=1&from=2026-06-09")
    following = first.one("a", rel="next").get("href") or ""
    assert "who=1" in following
    assert "from=2026-06-09" in following
    second = admin.get(following)
    assert len(rows(first)) == PAGE_SIZE
    assert ["name 1" in row for row in rows(second)] == [True, False]
    assert first.one("select", name="who")[1].get("selected") == ""
    assert first.one("input", name="from").get("value") == "2026-06-09"
    assert rows(admin.get(second.one("a", rel="prev").get("href") or "")) == rows(first)


def test_the_file_holds_everything_and_no_formula(
    app: Flask, admin: Browser, events: None, fake_clock: FakeClock
) -> None:
    with app.app_context(), transaction() as session:
        session.get_one(Board, 2).name = "=HYPERLINK(1)"
    found = csv_rows(admin)
    assert len(found) == 6
    assert found[1] == {
        "time (UTC)": "2026-06-09T12:00:00Z",
        "who": "ada@example.com",
        "action": "board.deactivated",
        "kind": "board",
        "id": "2",
        "name": "'=HYPERLINK(1)",
        "before": "",
        "after": '{"name": "=cmd|\' /C calc\'!A0"}',
        "failed": "no",
        "address": "",
        "session": "",
        "device": "",
        "details erased (UTC)": "",
        "link": "",
        "hash": "",
    }
    assert found[0]["who"] == "system"


def test_a_long_file_is_read_in_parts(app: Flask, admin: Browser, desk: Desk) -> None:
    with app.app_context(), transaction() as session:
        for number in range(1_203):
            record_event(session, action="user.x", subject_type="user", subject_id=number)
    found = csv_rows(admin)
    assert [row["id"] for row in found] == [str(number) for number in range(1_202, -1, -1)]


def test_what_others_wrote_is_text(app: Flask, admin: Browser, desk: Desk) -> None:
    attack = "<script>alert(1)</script>\u202e"
    add_event(
        app,
        action=attack[:60],
        subject_type=attack[:40],
        subject_id=attack,
        before={attack: attack},
        after={attack: [attack, {attack: attack}]},
    )
    page = admin.get("/audit")
    assert "\u202e" not in rows(page)[0].split("→")[1]
    assert "<script>alert(1)</script>" in rows(page)[0]
    assert admin.get("/audit?type=%3Cscript%3E&id=%22%3E").status == 200


@pytest.mark.parametrize("title", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_value_that_looks_like_a_time_of_no_calendar_is_text(
    app: Flask, admin: Browser, desk: Desk, title: str
) -> None:
    add_event(app, before={"title": "x"}, after={"title": title})
    assert f"title x → {title}" in rows(admin.get("/audit"))[0]


def test_nothing_changed_yet(admin: Browser) -> None:
    assert "Nothing has happened yet" in admin.get("/audit").text
    assert csv_rows(admin) == []
    assert "Exported the audit log" in admin.get("/audit").text


def test_helpdesk_see_none_of_it(sign_in: SignIn, desk: Desk, events: None) -> None:
    for path in ("/audit", "/audit/export"):
        assert sign_in(HELPDESK).client.get(path).status_code == 403


@pytest.fixture
def security_events(app: Flask, desk: Desk) -> None:
    """A sign-in, a refusal by somebody unknown, an export, a change; two of them from places."""
    with app.app_context(), transaction() as session:
        for action, actor_id, origin in (
            ("session.begun", desk.admin_id, Origin("192.0.2.7", "ses1", "dev1")),
            ("session.refused", None, Origin("198.51.100.4")),
            ("export.clients", desk.admin_id, Origin("192.0.2.7", "ses1", "dev1")),
            ("user.renamed", None, Origin()),
            ("board.renamed", None, Origin()),
            ("key.rotated", None, Origin()),
        ):
            record_event(
                session, action=action, subject_type="thing", actor_id=actor_id, origin=origin
            )


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("kind=sign-ins", ["session.refused", "session.begun"]),
        ("kind=refusals", ["session.refused"]),
        ("kind=exports", ["export.clients"]),
        ("kind=accounts", ["user.renamed"]),
        ("kind=system", ["key.rotated"]),
        ("kind=changes", ["board.renamed"]),
        ("kind=nonsense&what=board", ["board.renamed"]),
        ("address=192.0.2.7", ["export.clients", "session.begun"]),
        ("address=192.0.2.", ["export.clients", "session.begun"]),
        ("address=192.0.2._", []),
        ("session=ses1", ["export.clients", "session.begun"]),
        ("session=ses1&kind=sign-ins", ["session.begun"]),
    ],
)
def test_filters_by_kind_address_and_session(
    admin: Browser, security_events: None, query: str, actions: list[str]
) -> None:
    assert [row["action"] for row in csv_rows(admin, f"?{query}")] == actions
    page = admin.get(f"/audit?{query}")
    assert len(rows(page)) == len(actions) or "kind=exports" in query
    name, _, value = query.partition("&")[0].partition("=")
    if name == "kind" and value != "nonsense":
        chosen = [one for one in page.one("select", name="kind") if one.get("selected") == ""]
        assert [one.get("value") for one in chosen] == [value]
    elif name == "session":
        assert f"Session {value}" in page.text


def test_where_somebody_was_and_what_failed_is_shown(
    app: Flask, admin: Browser, security_events: None
) -> None:
    page = admin.get("/audit")
    begun = next(row for row in page.all("tr") if "Signed in" in words_of(row))
    assert "Ada Okafor 192.0.2.7: only this address" in words_of(begun)
    assert "Only session ses1 (device dev1)" in words_of(begun)
    assert page.one("a", href="/audit?address=198.51.100.4") is not None
    refused = next(row for row in page.all("tr") if "Was refused at the sign-in" in words_of(row))
    assert "Somebody unknown" in words_of(refused)
    assert [one for one in refused.iter() if "red" in (one.get("class") or "")]
    assert not [one for one in begun.iter() if "red" in (one.get("class") or "")]


def test_the_file_says_where_from_and_names_the_link(
    app: Flask, admin: Browser, security_events: None
) -> None:
    with app.app_context():
        chain_events(clock.utcnow())
    *_, refused, begun = csv_rows(admin)
    assert (refused["failed"], begun["failed"]) == ("yes", "no")
    assert (begun["address"], begun["session"], begun["device"]) == ("192.0.2.7", "ses1", "dev1")
    assert begun["link"] == "1"
    assert len(begun["hash"]) == 64


def test_erased_details_are_said_to_be_erased(
    app: Flask, admin: Browser, events: None, fake_clock: FakeClock
) -> None:
    with app.app_context(), transaction() as session:
        redact_events(session, [AuditEvent.action == "ticket.changed"])
    page = admin.get("/audit")
    [row] = [one for one in rows(page) if "Changed a ticket" in one]
    assert "Details erased just now" in row
    [found] = [one for one in csv_rows(admin) if one["action"] == "ticket.changed"]
    assert (found["before"], found["details erased (UTC)"]) == ("", "2026-06-09T13:00:00Z")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("session.begun", "Signed in"),
        ("access.refused", "Was refused a page"),
        ("user.role_set", "Changed a role"),
        ("priority.reordered", "Reordered a priority"),
        ("asset.created", "Created an asset"),
        ("saved_view.shared", "Shared a saved view"),
        ("status.made_default", "Status made default"),
        ("strange", "Strange"),
    ],
)
def test_actions_in_words(action: str, words: str) -> None:
    assert action_words(action) == words


def test_fields_in_words() -> None:
    assert field_words("fallback_board_id") == "fallback board"
    assert field_words("is_active") == "active"


def test_an_event_of_long_ago_says_so(app: Flask, admin: Browser, fake_clock: FakeClock) -> None:
    with app.app_context(), transaction() as session:
        event = record_event(session, action="user.renamed", subject_type="user", subject_id=1)
        event.happened_at = fake_clock.now() - timedelta(days=400)
    assert rows(admin.get("/audit"))[0].startswith("13 mo ago")
