"""Letting a ticket wait until a moment, and ending that."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.markdown_text import escape_line
from webapp.domain.triage.waiting import WaitError, check_wait
from webapp.domain.untrusted import clean_line
from webapp.models import Comment, Ticket
from webapp.models.ticket import WAITING_REASON_LENGTH
from webapp.services.audit import record_event
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import get_row
from webapp.services.tickets.change_ticket import CHANGE_COMMENT
from webapp.services.tickets.tell_change import Worked, tell_changes
from webapp.services.tickets.ticket_state import (
    NO_SUCH_TICKET,
    mark_touched,
    start_waiting,
    stop_waiting,
)
from webapp.services.tickets.watching.tell_watchers import Changed, tell_watchers
from webapp.services.transactions import transaction

IS_CLOSED = "A closed ticket waits for nothing. Reopen it first."
STOPPED = "The ticket does not wait any more."


def wait_ticket(ticket_id: int, until: datetime, reason: str, *, actor_id: int) -> None:
    """Let the ticket wait until a moment (UTC), for a `reason` of one line or none.

    It counts as touched, and as untouched from then on. A ticket that waits already waits until
    the new moment. One transaction stores it with an entry of the timeline and an audit event.
    Raises FieldError for a moment or a reason that cannot be, RefusedError for a closed ticket, and
    NotFoundError.
    """
    now = clock.utcnow()
    why = read_waiting_reason(reason)
    try:
        check_wait(until, now)
    except WaitError as error:
        raise FieldError({"until": str(error)}) from None
    with transaction() as session:
        ticket = get_row(session, Ticket, ticket_id, NO_SUCH_TICKET, lock=True)
        if ticket.closed_at is not None:
            raise RefusedError(IS_CLOSED)
        before = ticket.waiting_until
        start_waiting(ticket, until, why, now=now)
        told = f": {escape_line(why)}" if why else ""
        body = f"Waits until {utc_words(until)}{told}."
        values = {"waiting_until": until, "waiting_reason": why}
        _record(session, ticket, body, {"waiting_until": before}, values, actor_id, now)


def end_wait(ticket_id: int, *, actor_id: int) -> bool:
    """End the ticket's waiting, because a person has it in hand now; False if it does not wait.

    Raises NotFoundError.
    """
    now = clock.utcnow()
    with transaction() as session:
        ticket = get_row(session, Ticket, ticket_id, NO_SUCH_TICKET, lock=True)
        before = ticket.waiting_until
        if not stop_waiting(ticket, at=now):
            return False
        mark_touched(ticket, now=now)
        values = {"waiting_until": None}
        _record(session, ticket, STOPPED, {"waiting_until": before}, values, actor_id, now)
        return True


def read_waiting_reason(text: str) -> str | None:
    """The reason as it is stored; raises FieldError if it is too long."""
    reason = clean_line(text, WAITING_REASON_LENGTH + 1)
    if reason and len(reason) > WAITING_REASON_LENGTH:
        sentence = f"What it waits for has at most {WAITING_REASON_LENGTH} characters."
        raise FieldError({"reason": sentence})
    return reason


def utc_words(moment: datetime) -> str:
    """Words for a moment in a text that people of several time zones read."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _record(
    session: Session,
    ticket: Ticket,
    body: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
    actor_id: int,
    now: datetime,
) -> None:
    entry = Comment(
        ticket_id=ticket.id,
        author_id=actor_id,
        kind=CHANGE_COMMENT,
        body=body,
        created_at=now,
    )
    session.add(entry)
    record_event(
        session,
        action="ticket.waits",
        subject_type="ticket",
        subject_id=ticket.id,
        before=before,
        after=after,
        actor_id=actor_id,
    )
    tell_changes(session, [Worked(ticket)], actor_id=actor_id, now=now)
    tell_watchers(session, [Changed(ticket.id, entry)], actor_id=actor_id, now=now)
