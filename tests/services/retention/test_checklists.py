"""Checklists in the exports and erasures of clients and people."""

import io
import json
import zipfile

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, fresh
from webapp.models import Client, RunbookVersion, Ticket, TicketRunbook, TicketStep, User
from webapp.services.people.users import deactivate_user
from webapp.services.retention.export_client import export_client
from webapp.services.retention.export_person import export_person
from webapp.services.retention.forget_client import (
    begin_forgetting_client,
    go_on_forgetting_client,
)
from webapp.services.retention.forget_person import (
    begin_forgetting_person,
    go_on_forgetting_person,
)
from webapp.services.tickets.runbooks.check_runbook import RunbookValues
from webapp.services.tickets.runbooks.edit_runbooks import add_runbook
from webapp.services.tickets.runbooks.read_checklists import read_checklists
from webapp.services.tickets.runbooks.work_checklist import attach_runbook, tick_step
from webapp.services.transactions import reading

pytestmark = both_databases


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    """A checklist on the first ticket, of which Bo has done the second and third step."""
    desk = desk_data.fill_desk(fake_clock.now(), tickets=3)
    body = "- [ ] One\n- [ ] Two\n- [ ] Three"
    row = add_runbook(RunbookValues(name="Mine", body=body), actor_id=desk.helpdesk_id)
    attach_runbook(1, row.id, actor_id=desk.admin_id)
    for position in (1, 2):
        tick_step(1, 1, position, is_done=True, actor_id=desk.helpdesk_id)
    return desk


def ticked() -> list[tuple[int, int]]:
    with reading() as session:
        return [
            tuple(row)
            for row in session.execute(select(TicketStep.position, TicketStep.done_by_id))
        ]


def test_of_a_client(desk: Desk) -> None:
    client = fresh(Client, fresh(Ticket, 1).client_id)
    data = b"".join(export_client(client.id, actor_id=desk.admin_id))
    archive = zipfile.ZipFile(io.BytesIO(data))
    [checklist] = json.loads(archive.read("checklists.json"))
    assert (checklist["name"], checklist["version"]) == ("Mine", 1)
    steps = json.loads(archive.read("steps.json"))
    assert [(one["step"], one["done_by"]) for one in steps] == [
        ("Two", "Bo Lindqvist"),
        ("Three", "Bo Lindqvist"),
    ]
    assert {one["ticket"] for one in (checklist, *steps)} == {fresh(Ticket, 1).number}
    erasure = begin_forgetting_client(client.id, typed_name=client.name)
    go_on_forgetting_client(erasure)
    assert (all_rows(TicketRunbook), ticked()) == ([], [])
    assert len(all_rows(RunbookVersion)) == 1, "what all clients share stays"


def test_of_a_person(desk: Desk) -> None:
    document = json.loads(b"".join(export_person(desk.helpdesk_id, actor_id=desk.admin_id)))
    steps = document["ticked_steps"]
    assert [(one["checklist"], one["step"]) for one in steps] == [
        ("Mine", "Two"),
        ("Mine", "Three"),
    ]
    assert [one["runbook"] for one in document["runbook_versions"]] == ["Mine"]
    person = fresh(User, desk.helpdesk_id)
    deactivate_user(person.id)
    go_on_forgetting_person(begin_forgetting_person(person.id, typed_email=person.email))
    [checklist] = read_checklists(1)
    names = {block.done.by for block in checklist.blocks if block.done}
    assert len(names) == 1
    assert "Bo" not in names.pop()
    assert len(ticked()) == 2
