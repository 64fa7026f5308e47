"""What a stranger finds at the edge: types of answers, methods, folders, other origins."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, request

from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD, Desk
from tests.support.source_tree import ROOT
from tests.web.pages import Browser
from webapp import create_app
from webapp.config import Config
from webapp.services.people.users import find_user

SCRIPTS = sorted((ROOT / "webapp" / "static" / "scripts").glob("*.js"))
TEMPLATES = sorted((ROOT / "webapp" / "templates").rglob("*.html"))
MARKUP_FROM_TEXT = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|createContextual"
)
HANDLER = re.compile(r"<[a-z][^>{]*\s(on[a-z]+)\s*=", re.IGNORECASE)
OTHER_ORIGIN = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}


def pages(app: Flask) -> list[str]:
    """Every address without a secret, with the number 1 for every number."""
    return sorted(
        {
            re.sub(r"<int:[^>]+>", "1", rule.rule)
            for rule in app.url_map.iter_rules()
            if "GET" in (rule.methods or set()) and "<" not in re.sub(r"<int:[^>]+>", "", rule.rule)
        }
    )


def test_every_answer_says_what_it_is_and_texts_in_which_letters(
    app: Flask, admin: Browser
) -> None:
    found = set()
    for path in [*pages(app), "/nowhere", "/static/styles/base.css", "/static/icon.svg"]:
        answer = admin.client.get(path)
        kind = answer.headers["Content-Type"]
        found.add(kind)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        if kind.startswith("text/"):
            assert kind.endswith("; charset=utf-8"), f"{path}: {kind}"
    assert {"text/html; charset=utf-8", "text/csv; charset=utf-8"} <= found


def test_no_other_origin_is_let_in(app: Flask, admin: Browser) -> None:
    for path in pages(app):
        for method in ("GET", "OPTIONS"):
            answer = admin.client.open(path, method=method, headers=OTHER_ORIGIN)
            allowed = [name for name, _ in answer.headers if name.startswith("Access-Control-")]
            assert not allowed, path


def test_trace_answers_nothing(app: Flask, admin: Browser) -> None:
    for path in ("/", "/sign-in", "/tickets", "/static/icon.svg"):
        answer = admin.client.open(path, method="TRACE", headers={"X-Secret": "s3cret"})
        assert answer.status_code == 405
        assert "s3cret" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        *("/.git/HEAD", "/.git/config", "/.env", "/.gitignore", "/static/", "/static/styles/"),
        *("/static/../../pyproject.toml", "/static/%2e%2e/config/keys.py", "/static/..%2fcli"),
        *("/console", "/debug", "/docs", "/openapi.json", "/metrics", "/server-status"),
    ],
)
def test_nothing_of_the_machine_or_the_sources_is_served(visitor: Browser, path: str) -> None:
    assert visitor.client.get(path).status_code in (301, 302, 308, 401, 404), path
    assert visitor.client.get(path, follow_redirects=True).status_code in (200, 401, 404)
    assert "[project]" not in visitor.client.get(path, follow_redirects=True).text


def test_nothing_for_debugging_is_on(app: Flask) -> None:
    assert not app.debug
    assert not app.testing
    assert not app.config["PROPAGATE_EXCEPTIONS"]
    assert not app.config.get("EXPLAIN_TEMPLATE_LOADING")


def test_a_repeated_parameter_is_read_from_its_own_place(admin: Browser, desk: Desk) -> None:
    """The address and the form are told apart: one cannot stand in for the other."""
    token = admin.token()
    in_address = admin.client.post(f"/theme?csrf_token={token}&theme=dark", data={})
    assert in_address.status_code == 400
    path = "/theme?theme=dark"
    assert admin.client.post(path, data={"csrf_token": token, "theme": "light"}).status_code == 303
    assert 'data-theme="light"' in admin.client.get("/").text


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_no_markup_out_of_text(path: Path) -> None:
    assert not MARKUP_FROM_TEXT.findall(path.read_text(encoding="utf-8"))


def test_templates_hold_no_script_and_no_handler() -> None:
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        assert not HANDLER.findall(text), path
        for tag in re.findall(r"<script\b[^>]*>", text):
            assert "src=" in tag, path
            assert 'nonce="{{ csp_nonce }}"' in tag, path
        assert "javascript:" not in text, path
    assert HANDLER.findall('<a href="x" onclick="y">')


def test_scripts_write_no_property_whose_name_comes_from_a_page() -> None:
    """A Map holds what is named by data: no such name can change an object's prototype."""
    written = re.compile(r"[\w)]\[[^\]'\"0-9][^\]]*\]\s*=[^=]|__proto__|setPrototypeOf")
    for path in SCRIPTS:
        assert not written.findall(path.read_text(encoding="utf-8")), path.name
    assert written.findall("found[name] = value;")


@pytest.mark.parametrize(
    ("trusted", "seen"), [(0, "127.0.0.1"), (1, "198.51.100.7"), (2, "203.0.113.9")]
)
def test_as_many_proxies_are_believed_as_are_configured(
    config: Config, trusted: int, seen: str
) -> None:
    """The outermost one adds the last address but one; a client may have made up the first."""
    app = create_app(replace(config, trusted_proxies=trusted))
    found = []

    @app.before_request
    def note() -> None:
        found.append((request.remote_addr, request.host))

    headers = {
        "X-Forwarded-For": "192.0.2.66, 203.0.113.9, 198.51.100.7",
        "X-Real-IP": "192.0.2.66",
        "Forwarded": "for=192.0.2.66",
    }
    app.test_client().get("/healthz", headers=headers)
    assert found == [(seen, "localhost")]


def test_forged_fields_are_ignored(app: Flask, helpdesk: Browser) -> None:
    before = stored(app)
    page = helpdesk.get("/preferences")
    fields = page.form("/preferences/details")
    forged = {
        "role": "admin",
        "is_active": "",
        "id": "1",
        "password_hash": "x",
        "is_break_glass": "1",
    }
    sent = helpdesk.client.post(
        "/preferences/details", data={**fields, "name": "Bo Renamed", **forged}
    )
    assert sent.status_code == 303
    assert stored(app) == {**before, "name": "Bo Renamed"}


def stored(app: Flask) -> dict[str, object]:
    """The helpdesk person as the database has them."""
    with app.app_context():
        user = find_user(HELPDESK[0])
        assert user is not None
        names = ("id", "name", "role", "is_active", "password_hash", "is_break_glass")
        return {name: getattr(user, name) for name in names}


def test_cookies_are_for_this_very_host_over_https_only_and_for_no_script(
    config: Config, people: tuple[int, int]
) -> None:
    visitor = Browser(create_app(replace(config, public_url="https://localhost")))
    base = {"base_url": "https://localhost", "headers": {"Referer": "https://localhost/sign-in"}}
    visitor.client.get("/sign-in", **base)
    form = visitor.client.get("/sign-in", **base).text
    token = form.split('name="csrf_token" value="')[1].split('"')[0]
    typed = {"csrf_token": token, "email": ADMIN[0], "password": PASSWORD}
    answer = visitor.client.post("/sign-in", data=typed, **base)
    assert answer.status_code == 303
    cookies = [one for one in answer.headers.getlist("Set-Cookie") if "Max-Age=0" not in one]
    assert any("triagedesk_login=" in one for one in cookies)
    for cookie in cookies:
        name, _, rest = cookie.partition("=")
        assert name.startswith("__Host-"), name
        attributes = {word.strip().lower() for word in rest.split(";")[1:]}
        assert {"secure", "httponly", "path=/"} <= attributes, cookie
        assert attributes & {"samesite=lax", "samesite=strict"}, cookie
        assert not [word for word in attributes if word.startswith("domain")], cookie
