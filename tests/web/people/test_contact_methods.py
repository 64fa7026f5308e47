"""How one is reached: the section of the preferences, and what admins see of it."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.support.desk_data import HELPDESK, Desk
from tests.support.receivers.http_receiver import HttpReceiver, answer
from tests.support.receivers.outbound_config import allow_outbound
from tests.support.rows import all_rows
from tests.web.pages import Browser
from webapp.models import Target

PAGE = "/preferences"
METHODS = f"{PAGE}/contact-methods"


@pytest.fixture
def ntfy(app: Flask) -> Iterator[HttpReceiver]:
    with HttpReceiver() as receiver:
        allow_outbound(app, receiver.origin)
        yield receiver


def test_a_method_is_added_confirmed_tried_and_deleted(
    app: Flask, helpdesk: Browser, admin: Browser, desk: Desk, ntfy: HttpReceiver
) -> None:
    assert "Nothing yet" in helpdesk.get(PAGE).text
    path = f"{METHODS}/new?kind=ntfy"
    assert helpdesk.get(f"{METHODS}/new").all("a", href=path)
    helpdesk.post_own(path, {"url": f"{ntfy.origin}/topic"})
    page = helpdesk.get(PAGE)
    assert "A code was sent there." in page.text
    found = re.search(rb"\d{6}", ntfy.requests[-1].body)
    assert found is not None
    with app.app_context():
        [method] = all_rows(Target)
    own = f"{METHODS}/{method.id}"
    wrong = "000000" if found[0] != b"000000" else "000001"
    helpdesk.post(f"{own}/confirm", {"code": wrong}, on=PAGE)
    assert "This is not the code" in helpdesk.get(PAGE).text
    assert "ntfy at" not in admin.get("/users").text
    helpdesk.post(f"{own}/confirm", {"code": found[0].decode()}, on=PAGE)
    assert "is confirmed: you are reached there" in helpdesk.get(PAGE).text
    assert "ntfy at 127.0.0.1" in admin.get("/users").text
    assert "ntfy at 127.0.0.1" in admin.get(f"/users/{desk.helpdesk_id}").text
    helpdesk.post(f"{own}/test", on=PAGE)
    assert "The test was sent. The answer: 200 OK" in helpdesk.get(PAGE).text
    helpdesk.post(f"{own}/delete", on=PAGE)
    assert "Nothing yet" in helpdesk.get(PAGE).text


def test_a_refused_form_comes_back_as_typed(helpdesk: Browser) -> None:
    path = f"{METHODS}/new?kind=email"
    assert helpdesk.get(path).form_of("to")["to"] == HELPDESK[0]
    page = helpdesk.page_of(helpdesk.send(path, {"to": "bo"}), status=400)
    assert page.form_of("to")["to"] == "bo"
    assert "This is not an email address." in page.text


def test_a_code_that_was_not_sent_is_said(
    app: Flask, helpdesk: Browser, ntfy: HttpReceiver
) -> None:
    ntfy.behaviour = answer(403)
    helpdesk.post_own(f"{METHODS}/new?kind=ntfy", {"url": f"{ntfy.origin}/topic"})
    page = helpdesk.get(PAGE)
    assert "The code was not sent: " in page.text
    assert "Not confirmed" in page.text


def test_a_phone_needs_an_account_of_the_team(helpdesk: Browser) -> None:
    page = helpdesk.get(f"{METHODS}/new")
    assert "SMS (Twilio) an admin has to add a target of this kind first" in page.text
    assert not page.all("a", href=f"{METHODS}/new?kind=sms")
    assert "Add a contact method" in helpdesk.get(f"{METHODS}/new?kind=sms").heading


def test_nobody_touches_the_method_of_somebody_else(
    app: Flask,
    admin: Browser,
    helpdesk: Browser,
    ntfy: HttpReceiver,
    sign_in: Callable[[tuple[str, str]], Browser],
) -> None:
    helpdesk.post_own(f"{METHODS}/new?kind=ntfy", {"url": f"{ntfy.origin}/topic"})
    with app.app_context():
        [method] = all_rows(Target)
    sent = len(ntfy.requests)
    for action in ("code", "confirm", "test", "delete"):
        response = admin.send(f"{METHODS}/{method.id}/{action}", {"code": "123456"})
        assert response.status_code == 404, action
    assert len(ntfy.requests) == sent
    with app.app_context():
        assert len(all_rows(Target)) == 1
