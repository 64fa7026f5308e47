"""Who watches a ticket hears of waiting, links, checklists, and of what happens to duplicates."""

from datetime import timedelta

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, all_rows
from webapp import clock
from webapp.domain.triage.ticket_link import LinkChoice
from webapp.models import BellItem, Comment, TicketRunbook, TicketWatcher
from webapp.services.tickets.clocks.wait_ticket import end_wait, wait_ticket
from webapp.services.tickets.links.link_tickets import link_tickets
from webapp.services.tickets.links.note_originals import note_originals
from webapp.services.tickets.runbooks.check_runbook import RunbookValues
from webapp.services.tickets.runbooks.edit_runbooks import add_runbook
from webapp.services.tickets.runbooks.work_checklist import (
    attach_runbook,
    remove_runbook,
    tick_step,
)
from webapp.services.transactions import transaction

TICKET, OTHER = 1, 2


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    """The admin watches two tickets."""
    desk = desk_data.fill_desk(fake_clock.now(), tickets=4)
    for ticket_id in (TICKET, OTHER):
        add(TicketWatcher(ticket_id=ticket_id, user_id=desk.admin_id, created_at=fake_clock.now()))
    return desk


def told(desk: Desk, ticket_id: int = TICKET) -> int:
    """Of how many changes the admin is told."""
    rows = all_rows(BellItem, BellItem.ticket_id == ticket_id, BellItem.user_id == desk.admin_id)
    return sum(one.changes for one in rows)


def test_of_waiting(desk: Desk) -> None:
    wait_ticket(TICKET, clock.utcnow() + timedelta(hours=1), "", actor_id=desk.helpdesk_id)
    assert told(desk) == 1
    assert end_wait(TICKET, actor_id=desk.helpdesk_id)
    assert told(desk) == 2
    wait_ticket(TICKET, clock.utcnow() + timedelta(hours=1), "", actor_id=desk.admin_id)
    assert told(desk) == 2, "not of what oneself did"


def test_of_links_and_of_the_incidents_of_duplicates(desk: Desk) -> None:
    link_tickets(3, LinkChoice.RELATED, str(TICKET), actor_id=desk.helpdesk_id)
    assert told(desk) == 1
    link_tickets(OTHER, LinkChoice.DUPLICATE, str(TICKET), actor_id=desk.helpdesk_id)
    assert told(desk) == 2
    assert told(desk, OTHER) >= 1
    with transaction() as session:
        note_originals(session, {OTHER: "It goes on."}, clock.utcnow())
    assert told(desk) == 3


@both_databases
def test_of_a_checklist_once_for_what_is_ticked_in_one_go(
    desk: Desk, fake_clock: FakeClock
) -> None:
    runbook = add_runbook(RunbookValues(name="Foothold", body="- [ ] One\n- [ ] Two"))
    attach_runbook(TICKET, runbook.id, actor_id=desk.helpdesk_id)
    assert told(desk) == 1
    checklist_id = all_rows(TicketRunbook)[0].id
    with transaction() as session:
        session.query(BellItem).delete()
    for position in (0, 1):
        tick_step(TICKET, checklist_id, position, is_done=True, actor_id=desk.helpdesk_id)
        fake_clock.advance(minutes=1)
    assert told(desk) == 1
    entries = len(all_rows(Comment, Comment.ticket_id == TICKET))
    for position in (0, 1):
        tick_step(TICKET, checklist_id, position, is_done=False, actor_id=desk.helpdesk_id)
    left = all_rows(Comment, Comment.ticket_id == TICKET)
    assert len(left) == entries - 1, "ticks that were taken back leave no entry"
    assert told(desk) == 1
    remove_runbook(TICKET, checklist_id, actor_id=desk.helpdesk_id)
    assert told(desk) == 2
