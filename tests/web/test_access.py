"""Who may open what, read from the routes themselves."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.rows import all_rows
from tests.support.source_tree import ROOT
from tests.web.pages import Browser
from webapp.domain.security.events import Export
from webapp.extensions import ReadOnlyError, csrf, db
from webapp.models import AuditEvent, Board, Ticket
from webapp.web.access import (
    ADMIN_ONLY,
    FOR_ONESELF,
    PUBLIC,
    SIGNED_IN,
    access_of,
    admin_only,
    public,
    safe_next,
)

pytestmark = pytest.mark.slow

PUBLIC_ENDPOINTS = {
    "static",
    "account.begin_at_provider",
    "account.choose",
    "account.enter",
    "account.leave",
    "account.leave_provider",
    "account.set_up",
    "account.pass_second_step_with_passkey",
    "account.ask_for_passkey_in_second_step",
    "account.ask_second_step",
    "account.ask_for_passkey",
    "account.enter_with_passkey",
    "account.take_provider_answer",
    "dashboard.show_banner",
    "health.answer",
    "health.answer_ready",
    "on_call.send_calendar",
    "health.show_metrics",
    "tickets.show_take",
    "tickets.take",
}
ONLY_IN_THE_DEMO = {"demo.show_mail"}
ONLY_WHERE_NEEDED = {"account.choose_better", "factors.confirm_app_code"}
"""Steps that come first for some; everybody else is sent on."""
SECRET_ADDRESSES = {
    "on_call.send_calendar": "/on-call/calendar/<string:secret>.ics",
    "tickets.show_take": "/take/<token>",
    "tickets.take": "/take/<token>",
}
"""Routes that need no sign-in: a secret takes the place of a number."""
NGINX = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
UNLOGGED = re.compile(
    r"location ~ (\S+) \{\s+access_log off;\s+error_log /dev/null crit;[^{}]+proxy_pass"
)
RULES = (PUBLIC, FOR_ONESELF, SIGNED_IN, ADMIN_ONLY)
EVENT = 'INSERT INTO "audit_events"'
WRITING = {"POST", "PUT", "PATCH", "DELETE"}


def rules(app: Flask, methods: set[str]) -> list[tuple[str, str]]:
    """(endpoint, path with every number filled in) of the routes with one of these methods."""
    return [
        (rule.endpoint, re.sub(r"<int:[^>]+>", "1", rule.rule))
        for rule in app.url_map.iter_rules()
        if methods & (rule.methods or set()) and rule.endpoint != "static"
    ]


def test_no_two_pages_have_one_address(app: Flask) -> None:
    """The first one would be shown, and nobody would ever see the other."""
    found = [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST"}
    ]
    assert sorted(found) == sorted(set(found))


def test_every_route_carries_a_rule(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint != "static":
            found = access_of(app.view_functions[rule.endpoint])
            assert found in RULES, f"{rule.endpoint} carries no rule"


def test_nginx_logs_no_address_that_holds_a_secret_and_all_others(app: Flask) -> None:
    """What follows the sign-in page may hold the code of a sign-in elsewhere."""
    [pattern] = UNLOGGED.findall(NGINX)
    secret = {*SECRET_ADDRESSES, "account.choose", "account.take_provider_answer"}
    unlogged = {
        rule.endpoint: rule.rule
        for rule in app.url_map.iter_rules()
        if re.search(pattern, re.sub("<[^>]+>", "1", rule.rule))
    }
    assert secret <= unlogged.keys()
    others = [unlogged[endpoint] for endpoint in unlogged.keys() - secret]
    assert all(path.startswith("/sign-in/") for path in others), others


@pytest.mark.parametrize("name", ["Caddyfile", "Caddyfile-debian12"])
def test_caddy_logs_no_address_at_all(name: str) -> None:
    text = (ROOT / "deploy" / name).read_text(encoding="utf-8")
    assert "request>uri delete" in text
    assert "request>headers delete" in text


def test_the_public_list_is_short_and_known(app: Flask) -> None:
    found = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint == "static" or access_of(app.view_functions[rule.endpoint]) == PUBLIC
    }
    assert found == PUBLIC_ENDPOINTS


def test_addresses_are_lower_case_words_with_typed_numbers(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in SECRET_ADDRESSES:
            assert rule.rule == SECRET_ADDRESSES[rule.endpoint]
        elif rule.endpoint != "static":
            assert re.fullmatch(r"(/|(/([a-z][a-z-]*|<int:[a-z_]+>))+)", rule.rule), rule.rule


def test_a_route_without_a_rule_is_refused(app: Flask, admin: Browser) -> None:
    app.view_functions["dashboard.show"] = lambda: "open to the world"
    assert admin.get("/", status=403).heading == "This is for admins"


def test_strangers_are_sent_to_sign_in(app: Flask, desk: Desk, visitor: Browser) -> None:
    for endpoint, path in rules(app, {"GET"}):
        if endpoint in PUBLIC_ENDPOINTS:
            continue
        response = visitor.client.get(path)
        assert response.status_code == 302, endpoint
        assert response.location.startswith("/sign-in"), endpoint


def test_strangers_change_nothing(app: Flask, desk: Desk, visitor: Browser) -> None:
    for endpoint, path in rules(app, WRITING):
        if endpoint not in PUBLIC_ENDPOINTS:
            response = visitor.send(path, {})
            assert response.status_code in (302, 401), endpoint


def test_every_writing_route_demands_a_token(app: Flask, admin: Browser) -> None:
    exempt = csrf._exempt_views | csrf._exempt_blueprints
    assert not exempt
    for endpoint, path in rules(app, WRITING):
        response = admin.client.post(path, data={}, headers={"Origin": "http://evil.example"})
        assert response.status_code == 400, endpoint
        assert "did not come from Triagedesk" in response.text, endpoint


def test_helpdesk_may_open_everything_that_is_not_for_admins(app: Flask, helpdesk: Browser) -> None:
    for endpoint, path in rules(app, {"GET"}):
        rule = access_of(app.view_functions[endpoint])
        if endpoint not in PUBLIC_ENDPOINTS:
            expected = 403 if rule == ADMIN_ONLY else 404 if endpoint in ONLY_IN_THE_DEMO else 200
            expected = 303 if endpoint in ONLY_WHERE_NEEDED else expected
            status = helpdesk.client.get(path).status_code
            is_another_persons = rule == FOR_ONESELF and status == 404
            assert status == expected or is_another_persons, endpoint


def test_admin_only_refuses_helpdesk_and_lets_admins_in(
    app: Flask, desk: Desk, sign_in: Callable[[tuple[str, str]], Browser]
) -> None:
    app.add_url_rule("/secret", "secret", admin_only(lambda: "for admins"))
    app.add_url_rule("/secret-post", "secret_post", admin_only(lambda: "done"), methods=["POST"])
    helpdesk, admin = sign_in(HELPDESK), sign_in(ADMIN)
    assert helpdesk.client.get("/secret").status_code == 403
    assert helpdesk.send("/secret-post", {}).status_code == 403
    assert admin.client.get("/secret").text == "for admins"
    assert admin.send("/secret-post", {}).text == "done"


def test_a_get_request_cannot_write(app: Flask, desk: Desk, visitor: Browser) -> None:
    def write() -> str:
        db.session.add(Board(name="written by GET"))
        db.session.commit()
        return "written"

    app.add_url_rule("/writes", "writes", public(write), methods=["GET", "POST"])
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(ReadOnlyError):
        visitor.client.get("/writes")
    with app.app_context():
        assert db.session.query(Board).filter_by(name="written by GET").count() == 0
    assert visitor.send("/writes", {}).text == "written"


def test_reading_pages_leaves_the_database_as_it_was(
    app: Flask, admin: Browser, desk: Desk
) -> None:
    """But for the events that say who took which file along."""

    def state() -> list[object]:
        with app.app_context(), db.engine.connect() as connection:
            raw = connection.connection.driver_connection
            lines = (line for line in raw.iterdump() if not line.startswith(EVENT))
            return [raw.execute("PRAGMA data_version").fetchone(), *lines]

    before = state()
    for _endpoint, path in rules(app, {"GET"}):
        admin.client.get(path)
        admin.client.head(path)
    assert state()[1:] == before[1:]
    with app.app_context():
        actions = {event.action for event in all_rows(AuditEvent)}
    sent_by_forms = {Export.CLIENT, Export.PERSON}
    assert actions == {one.action for one in Export if one not in sent_by_forms}
    with app.app_context():
        assert db.session.query(Ticket).first().first_touched_at is None


def test_a_page_leaves_no_transaction_open(app: Flask, admin: Browser) -> None:
    admin.get("/tickets")
    with app.app_context():
        assert db.engine.pool.checkedout() == 0


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "tickets",
        "",
        None,
        " /tickets",
        "/tickets\r\nX: y",
    ],
)
def test_nothing_leads_to_another_site(app: Flask, target: str | None) -> None:
    with app.test_request_context():
        assert safe_next(target) == "/"


@pytest.mark.parametrize("target", ["/tickets", "/tickets?q=a%20b&state=closed", "/tickets/7#x"])
def test_paths_of_ours_are_followed(app: Flask, target: str) -> None:
    with app.test_request_context():
        assert safe_next(target) == target
