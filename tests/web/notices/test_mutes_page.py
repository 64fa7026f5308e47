"""Muting a client on its page or in the list; everybody sees on the dashboard that it is."""

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from tests.web.pages import Browser
from webapp.models import Client, ClientMute

PAGE = "/notifications/mutes"
GOOD = {"until": "2026-06-09T18:00", "reason": "Penetration test"}


@pytest.fixture
def client(app: Flask, desk: Desk) -> Client:
    with app.app_context():
        return all_rows(Client)[0]


def test_a_client_is_muted_from_its_page(
    app: Flask, admin: Browser, helpdesk: Browser, client: Client
) -> None:
    own = f"/clients/{client.id}"
    link = f"{PAGE}?client={client.id}"
    assert admin.get(own).all("a", href=link)
    form = admin.get(link).form(PAGE)
    assert form["client_id"] == str(client.id)
    assert form["until"] == "2026-06-09T16:00", "four hours from now are proposed"
    assert admin.client.post(PAGE, data={**form, **GOOD}).location == PAGE
    words = "until 9 Jun 2026, 18:00 UTC"
    assert f"Muted {words} by Ada Okafor: Penetration test" in admin.get(own).text
    for browser in (admin, helpdesk):
        notice = f"Muted: nobody is told of {client.name} {words} (Penetration test)."
        assert browser.get("/").text.count(notice) == 1
    assert admin.post(f"{PAGE}/{client.id}/end", on=own).location == own
    assert "Muted:" not in helpdesk.get("/").text
    assert "Over" in admin.get(PAGE).text


def test_what_was_typed_survives_a_refusal(app: Flask, admin: Browser, client: Client) -> None:
    for typed, sentence in (
        ({"client_id": ""}, "Choose a client."),
        ({"until": "2026-06-09T11:00"}, "This time has passed already."),
        ({"until": "soon"}, "Enter a day and a time."),
        ({"client_id": "999999"}, "There is no client 999999."),
    ):
        fields = {"client_id": str(client.id), **GOOD, **typed}
        sent = admin.post(PAGE, fields, on=PAGE)
        if sent.status_code == 404:
            continue
        page = admin.page_of(sent, status=400)
        assert sentence in page.text
        assert page.form(PAGE)["reason"] == "Penetration test"
    with app.app_context():
        assert not all_rows(ClientMute)


def test_an_end_that_is_over_is_said(admin: Browser, fake_clock: FakeClock, client: Client) -> None:
    admin.post(PAGE, {"client_id": str(client.id), **GOOD}, on=PAGE)
    fake_clock.advance(hours=7)
    assert "Over" in admin.get(PAGE).text
    admin.send(f"{PAGE}/{client.id}/end", {})
    assert "is not muted" in admin.get(PAGE).text
