"""Headers, static files, and what a browser may keep."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.web.pages import Browser
from webapp import create_app
from webapp.bare_page import HEADERS
from webapp.config import Config
from webapp.web.answers import wants_part
from webapp.web.static_files import static_url

TOKEN = re.compile(r"[\w-]+\.[\w-]{6}\.[\w-]{27,}")
"""The token of forms: it changes with the second in which it was made."""
PAGES = ["/", "/tickets", "/tickets/1", "/preferences", "/nowhere", "/sign-in"]


@pytest.mark.parametrize("path", PAGES)
def test_every_response_says_what_a_browser_may_do(admin: Browser, desk: Desk, path: str) -> None:
    headers = admin.client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert policy["script-src"].startswith("'nonce-")
    assert " " not in policy["script-src"]


def test_the_nonce_is_new_every_time(visitor: Browser, people: object) -> None:
    policies = {visitor.client.get("/sign-in").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


def test_static_files_are_kept_under_their_fingerprint_only(app: Flask, visitor: Browser) -> None:
    with app.test_request_context():
        address = static_url("styles/base.css")
    assert "immutable" in visitor.client.get(address).headers["Cache-Control"]
    for other in ("/static/styles/base.css", "/static/styles/base.css?v=0"):
        assert visitor.client.get(other).headers["Cache-Control"] == "no-cache"
    assert visitor.client.get("/static/nothing.css?v=").status_code == 404
    assert visitor.client.get("/static/../config.py").status_code == 404


def test_nothing_is_asked_of_anybody_else(app: Flask, admin: Browser, desk: Desk) -> None:
    """check_page looks at every src; here: the style sheets and the scripts of ours."""
    folder = Path(str(app.static_folder))
    paths = [*folder.glob("styles/*.css"), *folder.glob("scripts/*.js")]
    assert len(paths) > 10
    for path in paths:
        text = admin.client.get(f"/static/{path.relative_to(folder)}").text
        assert "http" not in re.sub("xmlns=.http://www.w3.org/2000/svg.", "", text), path
        assert "@import" not in text


def test_htmx_is_told_to_keep_the_policy(visitor: Browser, people: object) -> None:
    config = visitor.get("/sign-in").one("meta", name="htmx-config").get("content")
    for part in (
        '"allowEval":false',
        '"allowScriptTags":false',
        '"includeIndicatorStyles":false',
        '"selfRequestsOnly":true',
    ):
        assert part in str(config)


RENDERED = re.compile(r"\|(markdown|typed|description|entry_text)\(")
"""The filters that make HTML of Markdown."""


def test_text_of_others_is_out_of_bounds_for_htmx(app: Flask) -> None:
    """Should the sanitizer ever let an attribute through, htmx does not act on it."""
    folder = Path(str(app.template_folder))
    if not folder.is_absolute():
        folder = Path(app.root_path) / folder
    found = 0
    for path in folder.rglob("*.html"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if RENDERED.search(line):
                found += 1
                assert re.search(r"<\w+( class=\"[^\"]+\")? hx-disable>.*\|", line), path
    assert found >= 5


def test_a_part_is_given_to_scripts_only(admin: Browser, desk: Desk) -> None:
    path, asks = "/connections/1/status", {"HX-Request": "true"}
    plain, empty = (
        TOKEN.sub("", admin.client.get(path, headers=headers).text)
        for headers in (asks, {**asks, "Sec-Fetch-Dest": "empty"})
    )
    assert plain == empty
    with admin.client.application.test_request_context(headers=asks):
        assert wants_part()
    for shown_as in ("document", "iframe", "script", "style", "image"):
        headers = {**asks, "Sec-Fetch-Dest": shown_as}
        with admin.client.application.test_request_context(headers=headers):
            assert not wants_part()


def test_https_is_asked_for_where_the_address_is_https(config: Config, app: Flask) -> None:
    assert "Strict-Transport-Security" not in app.test_client().get("/sign-in").headers
    for public_url, expected in (
        ("https://localhost", "max-age=31536000; includeSubDomains"),
        ("http://localhost", None),
    ):
        client = create_app(replace(config, public_url=public_url)).test_client()
        for path in ("/sign-in", "/nowhere", "/static/icon.svg"):
            found = client.get(path).headers
            assert found.get("Strict-Transport-Security") == expected
        refused = client.get("/", headers={"Host": "evil.example"}).headers
        assert refused.get("Strict-Transport-Security") == expected
        assert HEADERS.items() <= dict(refused).items()
