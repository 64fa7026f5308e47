"""No method but those of forms writes, and no method of any route ends in an error of ours."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from tests.web.pages import Browser
from webapp.extensions import db

# HEAD is GET without a body.
METHODS = ("HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b(?! INTO audit_events)", re.IGNORECASE)
"""What changes something; that somebody exported or was refused is put on record all the same."""

HUGE = "999999999999999999999"
NUMBERS = ("1", HUGE)


def addresses(app: Flask) -> Iterator[tuple[str, str]]:
    """Every method with every address, with a number that exists and one that is too large."""
    for rule in app.url_map.iter_rules():
        for number in NUMBERS if "<int" in rule.rule else NUMBERS[:1]:
            path = re.sub(r"<int:[^>]+>|<path:[^>]+>", number, rule.rule)
            yield from ((method, path) for method in METHODS[: 1 if number == HUGE else None])


@pytest.fixture
def written(app: Flask) -> Iterator[list[str]]:
    """The statements that change something."""
    found: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if WRITES.match(statement):
            found.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def test_no_route_fails_whatever_the_method_and_only_forms_write(
    app: Flask, admin: Browser, written: list[str]
) -> None:
    broken = []
    for method, path in addresses(app):
        written.clear()
        answer = admin.client.open(path, method=method, buffered=True)  # a POST without a token
        if answer.status_code >= 500 or written:
            broken.append((method, path, answer.status, written[:1]))
        if method == "HEAD":
            assert answer.data == b""
    assert not broken


def test_head_looks_at_disconnecting_and_disconnects_nothing(admin: Browser) -> None:
    path = "/integrations/huntress/1/disconnect"
    assert admin.client.head(path).status_code == admin.client.get(path).status_code == 200
    assert admin.get(path).heading.startswith("Disconnect")
