"""An auditor sees what admins see and changes nothing, whatever is sent."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.security.auditors import AUDITOR
from tests.web.pages import Browser, Page, words_of
from webapp.extensions import db
from webapp.web.access import (
    ADMIN_ONLY,
    FOR_ONESELF,
    PUBLIC,
    SIGNED_IN,
    access_of,
    is_allowed,
)
from webapp.web.read_only_pages import switch_off_forms

pytestmark = pytest.mark.slow

WRITING = {"POST", "PUT", "PATCH", "DELETE"}
OWN_TABLES = {"sqlite_sequence"}
ALLOWED_FORMS = re.compile(
    r"^/(theme|sign-out|preferences(/.*)?|sessions(/.*)?|confirm|tickets/display|bell/.+|tickets/\d+/read)$"
)
"""What an auditor may send: their own preferences, and what ends or confirms their own session."""


def paths(app: Flask, methods: set[str]) -> Iterator[tuple[str, str, str]]:
    """Endpoint, rule and path of every route with one of these methods."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint != "static" and methods & (rule.methods or set()):
            path = re.sub(r"<int:[^>]+>", "1", rule.rule)
            yield rule.endpoint, access_of(app.view_functions[rule.endpoint]) or "", path


def rows(app: Flask) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the database but what each request leaves: when a session was seen, events."""
    with app.app_context(), db.engine.connect() as connection:
        found = {}
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (name,) in tables.all():
            if name in OWN_TABLES or name.startswith(("audit_", "ticket_search")):
                continue
            columns = [
                row[1]
                for row in connection.exec_driver_sql(f"PRAGMA table_info({name})")
                if row[1] not in ("last_seen_at", "present_at")
            ]
            wanted = ", ".join(f'"{column}"' for column in columns)
            found[name] = [
                tuple(row) for row in connection.exec_driver_sql(f"SELECT {wanted} FROM {name}")
            ]
        return found


@pytest.mark.parametrize(
    ("rule", "looks", "changes"),
    [
        (PUBLIC, "visitor helpdesk auditor admin", "visitor helpdesk auditor admin"),
        (FOR_ONESELF, "helpdesk auditor admin", "helpdesk auditor admin"),
        (SIGNED_IN, "helpdesk auditor admin", "helpdesk admin"),
        (ADMIN_ONLY, "auditor admin", "admin"),
    ],
)
def test_what_each_rule_allows(rule: str, looks: str, changes: str) -> None:
    roles = {"visitor": "", "helpdesk": "helpdesk", "auditor": "auditor", "admin": "admin"}
    for words, does_change in ((looks, False), (changes, True)):
        found = [
            name for name, role in roles.items() if is_allowed(rule, role, changes=does_change)
        ]
        assert found == words.split()


@pytest.mark.parametrize("role", ["visitor", "helpdesk", "auditor", "admin"])
def test_every_route_keeps_its_rule_for_every_role(
    app: Flask, desk: Desk, request: pytest.FixtureRequest, role: str
) -> None:
    """By the answer: strangers are asked to sign in, others get 403 or the page's own answer."""
    browser: Browser = request.getfixturevalue(role)
    token = browser.token()
    for endpoint, rule, path in paths(app, {"GET"}):
        if rule == PUBLIC:
            continue
        status = browser.client.get(path).status_code
        may = {
            "visitor": False,
            "helpdesk": rule in (SIGNED_IN, FOR_ONESELF),
            "auditor": True,
            "admin": True,
        }[role]
        refusal = 302 if role == "visitor" else 403
        assert (status == refusal) is (not may) or (may and status == 302), (endpoint, status)
    for endpoint, rule, path in paths(app, WRITING):
        may = {
            "visitor": False,
            "helpdesk": rule in (SIGNED_IN, FOR_ONESELF),
            "auditor": rule == FOR_ONESELF,
            "admin": True,
        }[role]
        if rule == PUBLIC or may:
            continue  # what may be sent is sent by the tests of its page
        status = browser.client.post(path, data={"csrf_token": token}).status_code
        assert status in ((302, 401) if role == "visitor" else (403,)), (endpoint, status)


def test_an_auditor_who_opens_all_pages_and_sends_all_forms_changes_no_row(
    app: Flask, desk: Desk, auditor: Browser
) -> None:
    token = auditor.token()
    before = rows(app)
    sent = 0
    for _endpoint, rule, path in paths(app, {"GET"}):
        if rule == PUBLIC:
            continue
        response = auditor.client.get(path)
        if response.mimetype != "text/html":
            response.close()
            continue
        for action, fields in _forms(response.text, path):
            if not ALLOWED_FORMS.match(action):
                answer = auditor.client.post(action, data={**fields, "csrf_token": token})
                assert answer.status_code == 403, action
                sent += 1
    for _endpoint, rule, path in paths(app, WRITING):
        if rule not in (PUBLIC, FOR_ONESELF):
            answer = auditor.client.post(path, data={"csrf_token": token, "name": "x"})
            assert answer.status_code == 403, path
            sent += 1
    assert sent > 150
    assert rows(app) == before


def _forms(html: str, path: str) -> Iterator[tuple[str, dict[str, str]]]:
    for head, body in re.findall(r'(<form\b[^>]*method="post"[^>]*>)(.*?)</form>', html, re.DOTALL):
        action = re.search(r'action="([^"]*)"', head)
        fields = re.findall(r'name="([^"]+)"[^>]*?(?:value="([^"]*)")?', body)
        yield (action[1] if action else path).partition("?")[0], dict(fields)


def test_forms_are_shown_and_cannot_be_filled_in(auditor: Browser, desk: Desk) -> None:
    for path in ("/users/1", "/clients/1", "/tickets/1", "/notifications/settings", "/on-call"):
        page = auditor.get(path)
        assert "You are an auditor" in page.text
        forms = [one for one in page.all("form", method="post") if not _is_own(one)]
        assert forms, path
        for form in forms:
            controls = [one for one in form.iter() if one.tag in ("input", "button", "select")]
            assert all(one.get("disabled") is not None for one in controls), path
            assert not [name for name in form.attrib if name.startswith("hx-")]


def _is_own(form: Element) -> bool:
    return ALLOWED_FORMS.match(form.get("action") or "") is not None


def test_buttons_outside_of_a_form_are_switched_off_with_it(auditor: Browser) -> None:
    page = auditor.get("/tickets")
    boxes = page.all("input", name="ticket")
    assert boxes
    assert all(one.get("disabled") is not None for one in boxes)
    button = auditor.get("/tickets/1").all("button", form="assign-to-me")
    assert all(one.get("disabled") is not None for one in button)


def test_buttons_that_lead_to_a_form_are_left_out(auditor: Browser, admin: Browser) -> None:
    for path, form in (
        ("/tickets/1", "/tickets/1/edit"),
        ("/tickets", "/tickets/new"),
        ("/clients", "/clients/new"),
        ("/users", "/users/invite"),
        ("/users/2", "/users/2/deactivate"),
    ):
        assert admin.get(path).all("a", href=form), path
        assert not auditor.get(path).all("a", href=form, class_="btn"), path
    assert auditor.get("/clients").all("a", href="/clients/export")
    assert auditor.get("/clients").all("a", href="/clients/1")


def test_own_preferences_and_filters_work(auditor: Browser, desk: Desk) -> None:
    page = auditor.get("/preferences")
    form = next(one for one in page.all("form") if one.get("action") == "/preferences")
    assert all(one.get("disabled") is None for one in form.iter("select"))
    answer = auditor.post("/theme", {"theme": "dark"}, on="/preferences")
    assert answer.status_code in (302, 303)
    search = auditor.get("/tickets").one("input", type="search")
    assert search.get("disabled") is None


def test_others_keep_their_forms(admin: Browser, helpdesk: Browser) -> None:
    for browser in (admin, helpdesk):
        page = browser.get("/tickets/1")
        assert "You are an auditor" not in page.text
        assert not [one for one in page.all("button") if one.get("disabled") is not None]


def test_an_auditor_finds_the_way_and_is_called_one(auditor: Browser) -> None:
    page = auditor.get("/")
    links = {words_of(one) for one in page.all("a")}
    assert {"Audit log", "Users", "Health", "Integrations", "Notifications"} <= links
    assert "Vera LundAuditor" in page.text
    assert "Auditor" in auditor.get("/users").text


def test_an_auditor_is_offered_nowhere(app: Flask, auditor: Browser, admin: Browser) -> None:
    for path in ("/tickets/1", "/tickets/new", "/tickets", "/on-call"):
        page: Page = admin.get(path)
        offered = {words_of(one) for one in page.all("option")}
        assert AUDITOR[1] not in offered, path


@pytest.mark.parametrize(
    "html",
    [
        '<form method="get" action="/tickets"><input name="q"></form>',
        '<form method="post" action="/theme"><button>x</button></form>',
        '<form method="post" action="/theme?next=%2F&amp;a=b"><button>x</button></form>',
    ],
)
def test_what_may_be_sent_stays(app: Flask, html: str) -> None:
    with app.test_request_context("/"):
        assert switch_off_forms(html, "auditor") == html
        unknown = '<form method="post" action="/nothing"><input value="a"><input disabled></form>'
        assert switch_off_forms(unknown, "auditor").count("disabled") == 2


@pytest.mark.parametrize("person", [ADMIN, HELPDESK])
def test_the_role_can_be_given(
    app: Flask, admin: Browser, sign_in: Callable[[tuple[str, str]], Browser], person: Any
) -> None:
    page = admin.get("/users/invite")
    assert [one.get("value") for one in page.all("input", name="role")] == [
        "auditor",
        "helpdesk",
        "admin",
    ]
    answer = admin.post("/users/2/edit", {"role": "auditor", "is_confirmed": "y"}, on="/users/2")
    assert "open ticket" in answer.text
    assert answer.status_code == 400
