"""Working through the checklists of a ticket: ticking steps, attaching and removing by hand.

Each change is an entry of the timeline and an audit event, and touches the ticket, in one
transaction that holds the ticket: two people's ticks come one after the other.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.markdown_text import escape_line
from webapp.domain.runbooks.runbook_text import RunbookStep, steps_of
from webapp.domain.runbooks.step_entries import (
    StepChange,
    add_change,
    is_bundled,
    read_changes,
    step_entry_words,
    write_details,
)
from webapp.models import Comment, Runbook, Ticket, TicketRunbook, TicketStep
from webapp.services.audit import record_event
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.lookups import get_row
from webapp.services.tickets.change_ticket import CHANGE_COMMENT
from webapp.services.tickets.runbooks.attach_runbooks import checklist_values
from webapp.services.tickets.tell_change import Worked, tell_changes
from webapp.services.tickets.ticket_state import mark_touched
from webapp.services.tickets.watching.tell_watchers import Changed, tell_watchers
from webapp.services.transactions import transaction

TICKET_IS_GONE = "There is no such ticket (any more)."
NO_CHECKLIST = "This runbook is not on the ticket (any more)."


@dataclass(frozen=True, slots=True)
class TicketTimes:
    """When the ticket had last changed before a tick and after it (UTC); equal if nothing did."""

    before: datetime
    after: datetime


def tick_step(
    ticket_id: int, checklist_id: int, position: int, *, is_done: bool, actor_id: int
) -> TicketTimes:
    """Tick a step, or take its tick back; nothing happens if it is like this already.

    So of two people who tick the same step, the first one has done it. Raises NotFoundError.
    """
    now = clock.utcnow()
    with transaction() as session:
        ticket = get_row(session, Ticket, ticket_id, TICKET_IS_GONE, lock=True)
        checklist = _get_checklist(session, ticket_id, checklist_id)
        step = _find_step(checklist, position)
        before = ticket.updated_at
        done = session.get(TicketStep, (checklist_id, position))
        if (done is not None) == is_done:
            return TicketTimes(before, before)
        if done is not None:
            session.delete(done)
        else:
            row = TicketStep(ticket_runbook_id=checklist_id, position=position)
            row.done_at, row.done_by_id = now, actor_id
            session.add(row)
        tick = StepChange(position, step.text, is_done)
        is_new = _write_entry(session, checklist, tick, actor_id, now)
        action = "step_done" if is_done else "step_undone"
        step_words = {"runbook": checklist.name, "step": step.text}
        _finish(session, ticket, action, step_words, actor_id, now, is_told=is_new)
        return TicketTimes(before, ticket.updated_at)


def attach_runbook(ticket_id: int, runbook_id: int, *, actor_id: int) -> None:
    """Attach an active runbook, as it is now.

    Raises NotFoundError, and RefusedError if it is inactive or on the ticket already.
    """
    now = clock.utcnow()
    with transaction() as session:
        ticket = get_row(session, Ticket, ticket_id, TICKET_IS_GONE, lock=True)
        runbook = get_row(session, Runbook, runbook_id, "There is no such runbook.", lock=True)
        if not runbook.is_active:
            raise RefusedError(f"{runbook.name} is inactive; an admin can activate it.")
        is_there = exists().where(
            TicketRunbook.ticket_id == ticket_id, TicketRunbook.runbook_id == runbook_id
        )
        if session.scalar(select(is_there)):
            raise RefusedError(f"{runbook.name} is on this ticket already.")
        session.add(TicketRunbook(**checklist_values(ticket_id, runbook, now)))
        words = f"Attached the runbook {escape_line(runbook.name)}."
        session.add(_entry(ticket_id, words, actor_id, now))
        _finish(session, ticket, "runbook_attached", {"runbook": runbook.name}, actor_id, now)


def remove_runbook(ticket_id: int, checklist_id: int, *, actor_id: int) -> None:
    """Take a runbook off the ticket.

    Raises NotFoundError, and RefusedError while one of its steps is ticked.
    """
    now = clock.utcnow()
    with transaction() as session:
        ticket = get_row(session, Ticket, ticket_id, TICKET_IS_GONE, lock=True)
        checklist = _get_checklist(session, ticket_id, checklist_id)
        is_ticked = exists().where(TicketStep.ticket_runbook_id == checklist_id)
        if session.scalar(select(is_ticked)):
            raise RefusedError(
                f"Steps of {checklist.name} are done, so it stays. Take their ticks back first."
            )
        session.delete(checklist)
        words = f"Removed the runbook {escape_line(checklist.name)}."
        session.add(_entry(ticket_id, words, actor_id, now))
        _finish(session, ticket, "runbook_removed", {"runbook": checklist.name}, actor_id, now)


def _get_checklist(session: Session, ticket_id: int, checklist_id: int) -> TicketRunbook:
    checklist = get_row(session, TicketRunbook, checklist_id, NO_CHECKLIST)
    if checklist.ticket_id != ticket_id:
        raise NotFoundError(NO_CHECKLIST)
    return checklist


def _find_step(checklist: TicketRunbook, position: int) -> RunbookStep:
    steps = steps_of(checklist.body)
    if position >= len(steps):
        raise NotFoundError("This runbook has no such step.")
    return steps[position]


def _write_entry(
    session: Session, checklist: TicketRunbook, change: StepChange, actor_id: int, now: datetime
) -> bool:
    """Add the change to the timeline: to its last entry, if that is about ticks just before.

    An entry whose changes cancel each other goes; the audit log has them all. Returns whether
    there is a new entry.
    """
    last = session.scalars(
        select(Comment)
        .where(Comment.ticket_id == checklist.ticket_id)
        .order_by(Comment.created_at.desc(), Comment.id.desc())
        .limit(1)
    ).one_or_none()
    changes = [change]
    entry = _entry(checklist.ticket_id, "", actor_id, now)
    if last is not None and _continues(last, checklist, actor_id, now):
        changes = add_change(read_changes(last.details or {}), change)
        entry = last
    if not changes:
        session.delete(entry)
        return False
    entry.body = step_entry_words(checklist.name, changes)
    entry.details = write_details(checklist.id, changes)
    entry.created_at = now
    session.add(entry)
    return entry is not last


def _continues(last: Comment, checklist: TicketRunbook, actor_id: int, now: datetime) -> bool:
    is_own = last.author_id == actor_id and last.kind == CHANGE_COMMENT
    return is_own and is_bundled(last.details, checklist.id, last.created_at, now)


def _entry(ticket_id: int, words: str, actor_id: int, now: datetime) -> Comment:
    return Comment(
        ticket_id=ticket_id,
        author_id=actor_id,
        kind=CHANGE_COMMENT,
        is_internal=True,
        body=words,
        created_at=now,
    )


def _finish(
    session: Session,
    ticket: Ticket,
    what: str,
    words: dict[str, str],
    actor_id: int,
    now: datetime,
    *,
    is_told: bool = True,
) -> None:
    """Touch the ticket, record the event, and tell that somebody works on it.

    Where it `is_told`, so once of what is ticked in one go, who watches the ticket hears of it; not
    by the entry, which goes again when ticks are taken back.
    """
    mark_touched(ticket, now=now)
    record_event(
        session,
        action=f"ticket.{what}",
        subject_type="ticket",
        subject_id=ticket.id,
        after=words,
        actor_id=actor_id,
    )
    tell_changes(session, [Worked(ticket)], actor_id=actor_id, now=now)
    if is_told:
        tell_watchers(session, [Changed(ticket.id)], actor_id=actor_id, now=now)
