"""What others wrote is shown as text, wherever it is shown."""

from urllib.parse import urlsplit

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.web.pages import Browser, Page
from webapp.models import Alert, Board, Client, Comment, Connection, Ticket, User
from webapp.services.transactions import transaction

pytestmark = pytest.mark.slow

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'\"></textarea></title><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "[click](javascript:alert(1))",
    "![pixel](https://evil.example/p.png)",
    "<a href='https://evil.example'>here</a>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "</script><script>alert(1)</script>",
    "<!--<style>*{display:none}</style>",
]
PATHS = ("/", "/tickets", "/tickets/1")


def plant(app: Flask, text: str) -> None:
    """Put `text` wherever somebody else's words are stored."""
    with app.app_context(), transaction() as session:
        ticket = session.get(Ticket, 1)
        ticket.closed_at = ticket.first_touched_at = None
        ticket.status_id = 1
        ticket.client = Client(name=text)
        ticket.title = f"[Huntress] {text}"
        ticket.description = text
        ticket.source_reference = text[:60]
        session.add(Comment(ticket_id=1, body=text, created_at=ticket.created_at))
        session.get(Board, ticket.board_id).name = text
        session.query(User).update({"name": text})
        ticket.assignee_id = session.query(User).first().id
        session.query(Alert).filter_by(ticket_id=1).update({"severity": text, "status": text})
        session.query(Connection).update(
            {"account_name": text, "last_error": text, "last_error_at": ticket.created_at}
        )


def assert_harmless(page: Page) -> None:
    """No element that only an attack can have brought in, and no live address but ours."""
    assert not page.all("img")
    assert not page.all("style")
    assert not page.all("svg", onload="alert(1)")
    assert all(script.get("src") for script in page.all("script"))
    for element in page.tree.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            if name not in ("href", "src", "action"):
                continue
            assert urlsplit(value).scheme in ("", "https")
            assert not value.startswith("//")
            if urlsplit(value).netloc == "evil.example":
                assert {"noopener", "noreferrer", "nofollow"} <= set(element.get("rel").split())


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_stored_becomes_markup(app: Flask, admin: Browser, desk: Desk, attack: str) -> None:
    plant(app, attack)
    for path in PATHS:
        page = admin.get(path)  # also parses strictly and checks the policy
        assert_harmless(page)
        if path == "/tickets/1":
            assert page.heading == " ".join(f"[Huntress] {attack}".split())
        else:
            assert not page.all("a", href="https://evil.example")


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_of_the_address_becomes_markup(admin: Browser, attack: str) -> None:
    names = ("q", "sort", "after", "client", "state")
    assert_harmless(admin.get("/tickets", query_string=dict.fromkeys(names, attack)))
    assert_harmless(admin.get(f"/{attack.replace('/', '')}", status=404))


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_typed_becomes_markup(visitor: Browser, people: object, attack: str) -> None:
    page = visitor.page_of(visitor.post_sign_in(attack, "wrong"), status=400)
    assert_harmless(page)
    assert page.one("input", name="email").get("value") == attack
