"""Opening a ticket by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import Comment, Ticket, TicketCounter
from webapp.models.ticket import SOURCE_MANUAL
from webapp.services.audit import record_event
from webapp.services.desk.ticket_numbers import take_ticket_numbers
from webapp.services.errors import FieldError
from webapp.services.tickets import ticket_fields as fields
from webapp.services.tickets.change_ticket import CHANGE_COMMENT
from webapp.services.tickets.ticket_state import hold_default_status
from webapp.services.tickets.watching.tell_watchers import Changed, tell_watchers
from webapp.services.transactions import transaction

Value = TypeVar("Value")

OPENED = "The ticket was opened by hand."


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What a person filled in; a field is None if nothing was chosen."""

    title: str
    description: str
    client_id: int | None
    board_id: int | None
    priority_id: int | None
    category_id: int | None = None
    assignee_id: int | None = None
    host: str = ""
    external_reference: str = ""
    external_url: str = ""


def open_ticket(wanted: NewTicket, *, actor_id: int, form_token: str) -> Ticket:
    """Open a ticket with the values in `wanted` and the default status, and return it.

    A form that is sent again (with the same `form_token`, at most 64 characters) returns the ticket
    of the first time. One transaction stores the number, the ticket, an entry of the timeline and
    an audit event. Who opens a ticket has touched it. Raises FieldError with a
    sentence for each field that cannot be taken; nothing is stored then.
    """
    with transaction() as session:
        session.get_one(TicketCounter, 1, with_for_update=True)  # forms take turns from here on
        known = session.scalars(select(Ticket).where(Ticket.form_token == form_token))
        ticket = known.one_or_none()
        if ticket is None:
            ticket = _checked(session, wanted)
            ticket.form_token = form_token
            _store(session, ticket, actor_id)
    return ticket


def _checked(session: Session, wanted: NewTicket) -> Ticket:
    errors: dict[str, str] = {}

    def read(rule: Callable[[], Value]) -> Value | None:
        try:
            return rule()
        except FieldError as error:
            errors.update(error.fields)
            return None

    title = read(lambda: fields.read_title(wanted.title))
    description = read(lambda: fields.read_description(wanted.description))
    host = read(lambda: fields.read_host(wanted.host))
    reference = read(lambda: fields.read_reference(wanted.external_reference))
    url = read(lambda: fields.read_url(wanted.external_url))
    client = read(lambda: fields.choose_client(session, wanted.client_id or 0))
    board = read(lambda: fields.choose_board(session, wanted.board_id or 0))
    priority = read(lambda: fields.choose_priority(session, wanted.priority_id or 0))
    category, assignee, board_id = wanted.category_id, wanted.assignee_id, wanted.board_id or 0
    categories = (
        read(lambda: fields.choose_category(session, board_id, category or 0))
        if (category is not None and board is not None)
        else (None, None)
    )
    person = (
        read(lambda: fields.choose_assignee(session, assignee)) if assignee is not None else None
    )
    if errors or categories is None:
        raise FieldError(errors)
    ticket = Ticket(
        title=title,
        description=description,
        client=client,
        board=board,
        priority=priority,
        category=categories[0],
        subcategory=categories[1],
        assignee=person,
        external_reference=reference,
        external_url=url,
    )
    fields.set_host(ticket, host)
    return ticket


def _store(session: Session, ticket: Ticket, actor_id: int) -> None:
    now = clock.utcnow()
    with session.no_autoflush:
        [ticket.number] = take_ticket_numbers(session, 1)
        ticket.status = hold_default_status(session)
    ticket.source = SOURCE_MANUAL
    ticket.created_at = ticket.updated_at = ticket.priority_set_by_person_at = now
    ticket.first_touched_at = now
    session.add(ticket)
    session.flush()
    entry = Comment(
        ticket_id=ticket.id,
        author_id=actor_id,
        kind=CHANGE_COMMENT,
        is_internal=True,
        body=OPENED,
        created_at=now,
    )
    session.add(entry)
    changed = Changed(ticket.id, entry, ticket.assignee.id if ticket.assignee else None)
    tell_watchers(session, [changed], actor_id=actor_id, now=now)
    record_event(
        session,
        action="ticket.opened",
        subject_type="ticket",
        subject_id=ticket.id,
        after={
            "number": ticket.number,
            "title": ticket.title,
            "client": ticket.client.name,
            "board": ticket.board.name,
            "priority": ticket.priority.name,
            "assignee": ticket.assignee.email if ticket.assignee else None,
        },
        actor_id=actor_id,
    )
