"""Canned notes as admins edit them, and filled in for a ticket."""

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_events, change, fresh
from webapp.domain.runbooks.canned_notes import PLACEHOLDERS, unknown_placeholders
from webapp.models import Alert, CannedNote, Ticket
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.desk.move_rows import move_row
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.tickets.canned_notes.edit_canned_notes import (
    add_canned_note,
    delete_canned_note,
    edit_canned_note,
    list_canned_notes,
    read_canned_note,
)
from webapp.services.tickets.canned_notes.fill_canned_notes import fill_canned_notes
from webapp.services.tickets.comment_ticket import NOTE_LENGTH
from webapp.services.tickets.open_ticket import NewTicket, open_ticket
from webapp.services.tickets.read_ticket import read_ticket


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    return desk_data.fill_desk(fake_clock.now(), tickets=4)


@both_databases
def test_adding_editing_ordering_deleting(desk: Desk) -> None:
    shipped = [one.name for one in list_canned_notes()]
    note = add_canned_note("Mine", " Called {client}. ", actor_id=desk.admin_id)
    assert [one.name for one in list_canned_notes()] == [*shipped, "Mine"]
    seen = read_canned_note(note.id).seen
    assert edit_canned_note(note.id, "Mine", "New", seen=seen, actor_id=desk.admin_id)
    assert not edit_canned_note(note.id, "Mine", "New", seen=seen, actor_id=desk.admin_id)
    with pytest.raises(EditConflictError, match="Ada Okafor"):
        edit_canned_note(note.id, "Mine", "Other", seen=seen)
    assert move_row(CannedNote, note.id, is_up=True, actor_id=desk.admin_id)
    assert [one.name for one in list_canned_notes()][-2] == "Mine"
    assert delete_canned_note(note.id, actor_id=desk.admin_id) == "Mine"
    assert [event.action for event in audit_events()][-4:] == [
        "canned_note.added",
        "canned_note.changed",
        "canned_note.moved",
        "canned_note.deleted",
    ]
    for gone in (
        lambda: read_canned_note(note.id),
        lambda: edit_canned_note(note.id, "a", "b"),
        lambda: delete_canned_note(note.id),
        lambda: move_row(CannedNote, note.id, is_up=True),
    ):
        with pytest.raises(NotFoundError, match="canned note"):
            gone()


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [("", "x", "name"), ("x", " \n", "body"), ("x", "x" * (NOTE_LENGTH + 1), "body")],
)
def test_what_cannot_be_taken(desk: Desk, name: str, body: str, field: str) -> None:
    with pytest.raises(FieldError) as refusal:
        add_canned_note(name, body)
    assert set(refusal.value.fields) == {field}


def test_names_are_taken_once(desk: Desk) -> None:
    one, two = add_canned_note("One", "x"), add_canned_note("Two", "x")
    for take in (lambda: add_canned_note("ONE", "y"), lambda: edit_canned_note(two.id, "one", "y")):
        with pytest.raises(FieldError, match="There is a canned note named One already"):
            take()
    assert fresh(CannedNote, one.id).body == "x"


def test_those_that_come_with_the_product_have_no_unknown_placeholders(desk: Desk) -> None:
    notes = all_rows(CannedNote)
    assert len(notes) >= 5
    assert [name for one in notes for name in unknown_placeholders(one.body)] == []


@both_databases
def test_the_values_of_a_ticket_are_filled_in(desk: Desk) -> None:
    body = "\n".join(f"{name}={{{name}}}" for name in PLACEHOLDERS)
    note = add_canned_note("All", f"{body}\n{{other}}")
    change(Ticket, 1, subject_user="ACME\\m_weiss")
    [alert] = all_rows(Alert, Alert.ticket_id == 1)
    change(Alert, alert.id, organization_external_id="4711")
    ticket = fresh(Ticket, 1)
    filled = fill_canned_notes(1, my_name="Bo *L*").body_of(note.id).split("\n")
    values = dict(line.split("=", 1) for line in filled[:-1])
    assert filled[-1] == "{other}"
    assert values["number"] == ticket.number
    assert values["user"] == "`ACME\\m_weiss`"
    assert values["my_name"] == "`Bo *L*`"
    assert values["severity"] in ("low", "high", "critical")
    assert values["portal_link"].startswith("<https://tallowreed.huntress.io/")
    assert values["host"] == (read_ticket(1).incident.host or "{host}")
    assert not values["client"].startswith("{")
    assert values["organization"] == "4711"


def test_a_manual_ticket_leaves_open_what_it_does_not_have(desk: Desk) -> None:
    note = add_canned_note("All", "{host} {organization} {severity} {portal_link} {number}")
    wanted = NewTicket("By hand", "", client_id=1, board_id=1, priority_id=1)
    ticket = open_ticket(wanted, actor_id=desk.admin_id, form_token="t" * 32)
    left = "{organization} {severity} {portal_link}"
    filled = fill_canned_notes(ticket.id, my_name="Bo")
    assert filled.body_of(note.id) == f"{{host}} {left} {ticket.number}"
    assert filled.body_of(999) == filled.body_of(None) == ""
    change(Ticket, ticket.id, subject_name="PC-7", subject_key="host:pc-7")
    filled = fill_canned_notes(ticket.id, my_name="Bo")
    assert filled.body_of(note.id) == f"PC-7 {left} {ticket.number}"
    with pytest.raises(NotFoundError):
        fill_canned_notes(999, my_name="Bo")
