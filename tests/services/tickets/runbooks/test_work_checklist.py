"""Working through a checklist: ticks, their entries in the timeline, two people at once."""

import threading

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_events, change, fresh
from webapp.models import Comment, Runbook, Ticket, TicketRunbook
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.runbooks.check_runbook import RunbookValues
from webapp.services.tickets.runbooks.edit_runbooks import add_runbook, switch_runbook
from webapp.services.tickets.runbooks.read_checklists import (
    find_checklist,
    read_attachable,
    read_checklists,
)
from webapp.services.tickets.runbooks.work_checklist import (
    attach_runbook,
    remove_runbook,
    tick_step,
)

TICKET = 1
BODY = "First this:\n\n- [ ] Isolate\n- [ ] Call **them**\n\nThen:\n\n- [ ] Collect\n  and keep\n"


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    desk = desk_data.fill_desk(fake_clock.now(), tickets=4)
    fake_clock.advance(minutes=30)
    return desk


@pytest.fixture
def runbook(desk: Desk) -> Runbook:
    return add_runbook(RunbookValues(name="Foothold", body=BODY), actor_id=desk.admin_id)


@pytest.fixture
def checklist_id(desk: Desk, runbook: Runbook, fake_clock: FakeClock) -> int:
    """A runbook on the ticket, which nobody has touched since."""
    attach_runbook(TICKET, runbook.id, actor_id=desk.admin_id)
    change(Ticket, TICKET, first_touched_at=None, untouched_since=fake_clock.now())
    fake_clock.advance(minutes=5)
    return all_rows(TicketRunbook)[0].id


def entries(since: int = 0) -> list[str]:
    """The timeline of the ticket after the first `since` entries."""
    return [row.body for row in all_rows(Comment, Comment.ticket_id == TICKET)][since:]


def progress(checklist_id: int) -> list[str | None]:
    """Who did each step, by name."""
    checklist = find_checklist(TICKET, checklist_id)
    assert checklist.done == sum(block.done is not None for block in checklist.blocks)
    return [block.done.by if block.done else None for block in checklist.blocks if block.step]


@both_databases
def test_a_tick_is_on_the_ticket_in_the_timeline_and_in_the_log(
    desk: Desk, checklist_id: int, fake_clock: FakeClock
) -> None:
    before = fresh(Ticket, TICKET).updated_at
    times = tick_step(TICKET, checklist_id, 1, is_done=True, actor_id=desk.helpdesk_id)
    now = fake_clock.now()
    assert (times.before, times.after) == (before, now)
    assert progress(checklist_id) == [None, "Bo Lindqvist", None]
    ticket = fresh(Ticket, TICKET)
    assert (ticket.first_touched_at, ticket.untouched_since, ticket.updated_at) == (now, None, now)
    assert entries()[-1] == "Runbook Foothold. Done: Call \\*\\*them\\*\\*"
    event = audit_events()[-1]
    assert (event.action, event.actor_id) == ("ticket.step_done", desk.helpdesk_id)
    assert event.after == {"runbook": "Foothold", "step": "Call **them**"}


@both_databases
def test_ticks_within_ten_minutes_are_one_entry(
    desk: Desk, checklist_id: int, fake_clock: FakeClock
) -> None:
    def tick(position: int, is_done: bool = True, minutes: int = 9) -> None:
        tick_step(TICKET, checklist_id, position, is_done=is_done, actor_id=desk.helpdesk_id)
        fake_clock.advance(minutes=minutes)

    count = len(entries())
    tick(0)
    tick(1, minutes=11)
    tick(2, minutes=1)
    two = "Runbook Foothold\n\n- Done: Isolate\n- Done: Call \\*\\*them\\*\\*"
    assert entries(count) == [two, "Runbook Foothold. Done: Collect"]
    tick(2, is_done=False, minutes=1)
    assert entries(count) == [two], "a slip of the finger leaves no trace but in the log"
    add_internal_note(TICKET, "They are back.", author_id=desk.helpdesk_id)
    tick(0, is_done=False)
    assert entries(count)[1:] == ["They are back.", "Runbook Foothold. Not done after all: Isolate"]
    assert progress(checklist_id) == [None, "Bo Lindqvist", None]
    done = [event.action for event in audit_events() if "step" in event.action]
    assert done == ["ticket.step_done"] * 3 + ["ticket.step_undone"] * 2


def test_entries_of_others_are_left_alone(desk: Desk, checklist_id: int) -> None:
    count = len(entries())
    for position, person in enumerate((desk.admin_id, desk.helpdesk_id)):
        tick_step(TICKET, checklist_id, position, is_done=True, actor_id=person)
    assert len(entries(count)) == 2


def test_a_step_that_is_done_stays_the_first_persons(desk: Desk, checklist_id: int) -> None:
    tick_step(TICKET, checklist_id, 0, is_done=True, actor_id=desk.helpdesk_id)
    known = (entries(), len(audit_events()), fresh(Ticket, TICKET).updated_at)
    times = tick_step(TICKET, checklist_id, 0, is_done=True, actor_id=desk.admin_id)
    assert times.before == times.after
    assert progress(checklist_id)[0] == "Bo Lindqvist"
    assert (entries(), len(audit_events()), fresh(Ticket, TICKET).updated_at) == known


@both_databases
def test_two_people_tick_at_the_same_moment(app: Flask, desk: Desk, checklist_id: int) -> None:
    people = [desk.admin_id, desk.helpdesk_id]
    start = threading.Barrier(len(people))
    finished: list[int] = []

    def work(person: int) -> None:
        with app.app_context():
            start.wait(10)
            for position in (0, 1, 2):
                tick_step(TICKET, checklist_id, position, is_done=True, actor_id=person)
            finished.append(person)

    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(finished) == sorted(people)
    assert None not in progress(checklist_id)
    assert [event.action for event in audit_events()].count("ticket.step_done") == 3
    said = " ".join(entries())
    assert [said.count(f"Done: {step}") for step in ("Isolate", "Call", "Collect")] == [1, 1, 1]


def test_what_is_not_there(desk: Desk, checklist_id: int) -> None:
    for ticket_id, row_id, position in [
        (999, checklist_id, 0),
        (2, checklist_id, 0),
        (TICKET, 999, 0),
        (TICKET, checklist_id, 3),
        (TICKET, 2**40, 0),
    ]:
        with pytest.raises(NotFoundError):
            tick_step(ticket_id, row_id, position, is_done=True, actor_id=desk.admin_id)
        if position == 0:
            with pytest.raises(NotFoundError):
                remove_runbook(ticket_id, row_id, actor_id=desk.admin_id)
    with pytest.raises(NotFoundError):
        find_checklist(TICKET, 999)
    with pytest.raises(NotFoundError):
        attach_runbook(TICKET, 999, actor_id=desk.admin_id)
    with pytest.raises(NotFoundError):
        read_attachable(999)
    assert progress(checklist_id) == [None, None, None]


@both_databases
def test_by_hand(desk: Desk, runbook: Runbook, checklist_id: int, fake_clock: FakeClock) -> None:
    other = add_runbook(RunbookValues(name="A_B *c*", body=BODY))
    with pytest.raises(RefusedError, match="Foothold is on this ticket already"):
        attach_runbook(TICKET, runbook.id, actor_id=desk.helpdesk_id)
    attach_runbook(TICKET, other.id, actor_id=desk.helpdesk_id)
    assert [one.name for one in read_checklists(TICKET)] == ["Foothold", "A_B *c*"]
    _, choices = read_attachable(TICKET)
    assert [(one.name, one.steps, one.is_attached) for one in choices] == [
        ("Foothold", 3, True),
        ("A_B *c*", 3, True),
    ]
    assert entries()[-1] == "Attached the runbook A_B \\*c\\*."
    assert fresh(Ticket, TICKET).first_touched_at == fake_clock.now()
    tick_step(TICKET, checklist_id, 0, is_done=True, actor_id=desk.helpdesk_id)
    with pytest.raises(RefusedError, match="Take their ticks back first"):
        remove_runbook(TICKET, checklist_id, actor_id=desk.helpdesk_id)
    tick_step(TICKET, checklist_id, 0, is_done=False, actor_id=desk.admin_id)
    remove_runbook(TICKET, checklist_id, actor_id=desk.helpdesk_id)
    assert [one.name for one in read_checklists(TICKET)] == ["A_B *c*"]
    assert entries()[-1] == "Removed the runbook Foothold."
    assert audit_events()[-1].action == "ticket.runbook_removed"
    switch_runbook(runbook.id, is_active=False)
    with pytest.raises(RefusedError, match="inactive"):
        attach_runbook(TICKET, runbook.id, actor_id=desk.helpdesk_id)
