"""Every request has an id, and its lines of the log name it, the person, and no address."""

import logging
import re
from dataclasses import replace

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.web.pages import Browser
from webapp import create_app
from webapp.config import Config
from webapp.extensions import db
from webapp.log_context import read_log_fields
from webapp.web.access import public, signed_in


def test_every_answer_carries_an_id_of_its_own(visitor: Browser) -> None:
    ids = [
        visitor.client.get(path).headers["X-Request-Id"]
        for path in ("/sign-in", "/healthz", "/nothing-here", "/static/styles/app.css")
    ]
    assert len(set(ids)) == 4
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in ids)


def test_a_host_that_is_refused_has_one_as_well(visitor: Browser) -> None:
    answer = visitor.client.get("/", headers={"Host": "evil.example"})
    assert (answer.status_code, len(answer.headers["X-Request-Id"])) == (400, 16)


def test_a_stranger_s_id_is_not_taken(visitor: Browser) -> None:
    answer = visitor.client.get("/healthz", headers={"X-Request-Id": "from-a-stranger"})
    assert answer.headers["X-Request-Id"] != "from-a-stranger"


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [("f00d-2026.06_x", True), ("short", False), ("x" * 65, False), ("a b c d e f", False)],
)
def test_a_trusted_proxy_s_id_is_taken(config: Config, given: str, is_taken: bool) -> None:
    app = create_app(replace(config, trusted_proxies=1))
    answer = app.test_client().get("/healthz", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"] == given) is is_taken
    with app.app_context():
        db.engine.dispose()


def test_lines_name_the_request_and_the_person(app: Flask, desk: Desk, admin: Browser) -> None:
    seen: list[dict[str, object]] = []
    app.add_url_rule(
        "/look", "look", signed_in(lambda: seen.append(dict(read_log_fields())) or "looked")
    )
    answer = admin.client.get("/look")
    [fields] = seen
    assert fields["request"] == answer.headers["X-Request-Id"]
    assert fields["user"] == desk.admin_id


def test_a_page_that_fails_is_named_by_its_rule(
    app: Flask, visitor: Browser, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Its address may hold a secret."""

    def fail(secret: str) -> str:
        raise LookupError("broken")

    app.add_url_rule("/secret/<secret>", "fails", public(fail))
    with caplog.at_level(logging.ERROR):
        assert visitor.client.get("/secret/hunter2").status_code == 500
    assert "Exception on /secret/<secret> [GET]" in caplog.text
    assert "hunter2" not in caplog.text.replace(repr("hunter2"), "")
