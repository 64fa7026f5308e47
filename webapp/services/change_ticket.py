"""A person changes a ticket: status, priority, assignee."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.markdown_text import escape_line
from webapp.models import Comment, Priority, Status, Ticket, User
from webapp.services.audit import changes_between, record_event
from webapp.services.errors import FieldError, NotFoundError, ServiceError
from webapp.services.ticket_state import mark_touched, set_ticket_status
from webapp.services.transactions import transaction

CHANGE_COMMENT = "change"
"""The kind of a timeline entry that says what a person changed."""

Row = TypeVar("Row")


class TicketConflictError(ServiceError):
    """Somebody (or a poll) changed the ticket after the person had looked at it."""

    def __init__(self) -> None:
        super().__init__(
            "This ticket was changed while you were looking at it. Nothing was saved: "
            "check what is new, then save again."
        )


@dataclass(frozen=True, slots=True)
class TicketChange:
    """What a person chose. `status_id` and `priority_id` None: leave it as it is.

    `sets_assignee` tells "nobody" (`assignee_id` None) from "leave it".
    """

    status_id: int | None = None
    priority_id: int | None = None
    sets_assignee: bool = False
    assignee_id: int | None = None


def change_ticket(
    ticket_id: int, change: TicketChange, *, actor_id: int, seen_at: datetime | None
) -> tuple[str, ...]:
    """Apply `change`; returns what changed, a sentence each (empty: nothing did).

    `seen_at` is the ticket's `updated_at` (UTC) when the person looked at it: with another one
    stored TicketConflictError is raised; None skips the check. In one transaction: the ticket
    (touched; a priority a person chose is marked so that polls leave it), an entry of the
    timeline and an audit event. Raises FieldError for a choice that does not exist (any more),
    NotFoundError for an unknown ticket; nothing is stored then.
    """
    now = clock.utcnow()
    with transaction() as session:
        ticket = session.get(Ticket, ticket_id, with_for_update=True)
        if ticket is None:
            raise NotFoundError("There is no such ticket.")
        if seen_at is not None and ticket.updated_at != seen_at:
            raise TicketConflictError()
        before = _audited(ticket)
        sentences = _apply(session, ticket, change, now)
        if sentences:
            mark_touched(ticket, now=now)
            _record(session, ticket, before, sentences, actor_id, now)
    return sentences


def _apply(
    session: Session, ticket: Ticket, change: TicketChange, now: datetime
) -> tuple[str, ...]:
    sentences = (
        _change_status(session, ticket, change.status_id, now),
        _change_priority(session, ticket, change.priority_id, now),
        _change_assignee(session, ticket, change, now),
    )
    return tuple(sentence for sentence in sentences if sentence)


def _change_status(
    session: Session, ticket: Ticket, status_id: int | None, now: datetime
) -> str | None:
    if status_id is None or status_id == ticket.status_id:
        return None
    status = _chosen(session, Status, status_id, "status_id", "Choose one of the statuses.")
    previous = ticket.status.name
    set_ticket_status(ticket, status, now=now)
    return f"Status changed from {escape_line(previous)} to {escape_line(status.name)}."


def _change_priority(
    session: Session, ticket: Ticket, priority_id: int | None, now: datetime
) -> str | None:
    if priority_id is None or priority_id == ticket.priority_id:
        return None
    priority = _chosen(
        session, Priority, priority_id, "priority_id", "Choose one of the priorities."
    )
    previous = ticket.priority.name
    ticket.priority = priority
    ticket.priority_id = priority.id
    ticket.priority_set_by_person_at = now
    return f"Priority changed from {escape_line(previous)} to {escape_line(priority.name)}."


def _change_assignee(
    session: Session, ticket: Ticket, change: TicketChange, now: datetime
) -> str | None:
    if not change.sets_assignee or change.assignee_id == ticket.assignee_id:
        return None
    if change.assignee_id is None:
        ticket.assignee = None
        ticket.assignee_id = None
        return "The ticket is no longer assigned to anybody."
    message = "Choose somebody who can still sign in."
    user = _chosen(session, User, change.assignee_id, "assignee_id", message)
    if not user.is_active:
        raise FieldError({"assignee_id": message})
    ticket.assignee = user
    ticket.assignee_id = user.id
    return f"Assigned to {escape_line(user.name)}."


def _chosen(session: Session, model: type[Row], key: int, field: str, message: str) -> Row:
    row = session.get(model, key)
    if row is None:
        raise FieldError({field: message})
    return row


def _record(
    session: Session,
    ticket: Ticket,
    before: dict[str, Any],
    sentences: tuple[str, ...],
    actor_id: int,
    now: datetime,
) -> None:
    session.add(
        Comment(
            ticket_id=ticket.id,
            author_id=actor_id,
            kind=CHANGE_COMMENT,
            is_internal=True,
            body=" ".join(sentences),
            created_at=now,
        )
    )
    changed_before, changed_after = changes_between(before, _audited(ticket))
    record_event(
        session,
        action="ticket.changed",
        subject_type="ticket",
        subject_id=ticket.id,
        before=changed_before,
        after=changed_after,
        actor_id=actor_id,
    )


def _audited(ticket: Ticket) -> dict[str, Any]:
    return {
        "status": ticket.status.name,
        "priority": ticket.priority.name,
        "assignee": ticket.assignee.email if ticket.assignee else None,
    }
