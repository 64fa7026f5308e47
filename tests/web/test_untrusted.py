"""What others wrote is shown as text, wherever it is shown."""

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.web.pages import Browser, Page
from webapp.models import Board, Client, Comment, Connection, Ticket, User
from webapp.services.transactions import transaction

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
PATHS = ("/", "/tickets", "/tickets/1", "/preferences")


def plant(app: Flask, place: str, text: str) -> None:
    with app.app_context(), transaction() as session:
        ticket = session.get(Ticket, 1)
        ticket.closed_at = ticket.first_touched_at = None
        ticket.status_id = 1
        client = Client(name="Planted")
        ticket.client = client
        if place == "title":
            ticket.title = text
        elif place == "body":
            ticket.description = text
        elif place == "note":
            session.add(Comment(ticket_id=1, body=text, created_at=ticket.created_at))
        elif place == "client":
            client.name = text
        elif place == "board":
            session.get(Board, ticket.board_id).name = text
        elif place == "user":
            session.query(User).update({"name": text})
            ticket.assignee_id = session.query(User).first().id
        elif place == "connection":
            session.query(Connection).update(
                {"account_name": text, "last_error": text, "last_error_at": ticket.created_at}
            )
        elif place == "incident":
            ticket.source_reference = text[:60]


def assert_harmless(page: Page) -> None:
    """No element that only an attack can have brought in, and nothing evil that is live."""
    assert not page.all("img")
    assert not page.all("style")
    assert all(script.get("src") for script in page.all("script"))
    for element in page.tree.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            if name in ("href", "src", "action"):
                assert "evil" not in value
                assert not value.lower().strip().startswith(("javascript:", "data:"))


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    "place", ["title", "body", "note", "client", "board", "user", "connection", "incident"]
)
def test_nothing_stored_becomes_markup(
    app: Flask, admin: Browser, desk: Desk, place: str, attack: str
) -> None:
    plant(app, place, attack)
    for path in PATHS:
        page = admin.get(path)  # also parses strictly and checks the policy
        if place in ("body", "note") and path == "/tickets/1":
            continue
        assert_harmless(page)
        if place == "title" and path == "/tickets/1":
            assert page.heading == " ".join(attack.split())


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", ["body", "note"])
def test_markdown_of_others_has_no_power(
    app: Flask, admin: Browser, desk: Desk, place: str, attack: str
) -> None:
    plant(app, place, attack)
    page = admin.get("/tickets/1")
    assert not page.all("img")
    assert not page.all("svg", onload="alert(1)")
    for link in page.all("a"):
        target = str(link.get("href") or "")
        assert not target.lower().startswith(("javascript:", "data:"))
        if "evil" in target:
            assert {"noopener", "noreferrer", "nofollow"} <= set(str(link.get("rel")).split())


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_of_the_address_becomes_markup(admin: Browser, attack: str) -> None:
    for name in ("q", "sort", "after", "client", "state"):
        assert_harmless(admin.get("/tickets", query_string={name: attack}))
    assert_harmless(admin.get(f"/{attack.replace('/', '')}", status=404))


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_typed_becomes_markup(visitor: Browser, people: object, attack: str) -> None:
    page = visitor.page_of(visitor.post_sign_in(attack, "wrong"), status=400)
    assert_harmless(page)
    assert page.one("input", name="email").get("value") == attack
