"""Finding tickets for the palette, as JSON."""

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.support.polling import counted_statements
from tests.support.rows import change
from tests.web.pages import Browser
from webapp import clock
from webapp.models import Alert, Ticket
from webapp.services.tickets import find_tickets as find_module
from webapp.services.tickets.find_tickets import SHOWN
from webapp.services.transactions import transaction


def find(browser: Browser, typed: str) -> list[dict[str, object]]:
    return browser.client.get("/tickets/find", query_string={"q": typed}).json


def test_a_ticket_is_found_by_number_host_client_and_title(
    app: Flask, helpdesk: Browser, desk: Desk
) -> None:
    with app.app_context(), transaction() as session:
        ticket = session.get(Ticket, 3)
        ticket.title = "Zebra <b>crossing</b>"
        session.query(Alert).filter_by(ticket_id=3).update({"kinds": None})
        ticket.subject_name, ticket.subject_key = "DC-NORTH-7", "host:dc-north-7"
        client = ticket.client.name
    for typed in ("TKT-000003", "tkt-3", "3", "dc-nor", "DC-NORTH-7", "zebra", "crossing zebra"):
        first = find(helpdesk, typed)[0]
        assert (first["url"], first["what"]) == ("/tickets/3", "Zebra <b>crossing</b>"), typed
        assert first["facts"][:2] == ["DC-NORTH-7", client]
    assert "/tickets/3" in [one["url"] for one in find(helpdesk, client)]
    assert len(find(helpdesk, "incident")) == SHOWN


def test_it_says_what_the_row_of_the_list_says(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    with app.app_context():
        change(Alert, 1, kinds=["ransomware_canaries", "footholds"])
        change(Ticket, 1, title="[Huntress] Incident on PC-1 (Client)", subject_name="PC-1")
    assert find(helpdesk, "TKT-000001")[0]["what"] == "Ransomware canaries"
    assert "Ransomware canaries" in helpdesk.get("/tickets?q=tkt-000001").text
    with app.app_context():
        change(Ticket, 1, title="Written by hand", text_edited_by_person_at=clock.utcnow())
    assert find(helpdesk, "TKT-000001")[0]["what"] == "Written by hand"


def test_a_number_is_found_however_many_newer_tickets_have_it_as_a_word(
    helpdesk: Browser, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_module, "LOOKED_AT", 0)
    for typed in ("2", "000002", "tkt-2"):
        assert [one["number"] for one in find(helpdesk, typed)] == ["TKT-000002"]


def test_too_little_finds_nothing_and_odd_words_break_nothing(
    helpdesk: Browser, desk: Desk
) -> None:
    for typed in ("", " ", "i", '"', "\U0010ffff'%_\\", "x" * 5_000, "\x00\x00"):
        assert find(helpdesk, typed) == []


def test_it_is_two_statements(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    find(helpdesk, "incident")
    with app.app_context(), counted_statements() as nothing:
        find(helpdesk, "i")
    with app.app_context(), counted_statements() as found:
        find(helpdesk, "incident")
    assert len(found) - len(nothing) == 2


def test_who_is_signed_out_finds_nothing(app: Flask, desk: Desk) -> None:
    response = app.test_client().get("/tickets/find?q=incident", headers={"HX-Request": "true"})
    assert (response.status_code, response.data) == (401, b"")
