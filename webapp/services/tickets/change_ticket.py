"""Changing a ticket: its state, where it belongs, and its texts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import Comment, Ticket
from webapp.services.audit import changes_between, record_event
from webapp.services.errors import ConflictError, FieldError, NotFoundError
from webapp.services.tickets import ticket_fields as fields
from webapp.services.tickets.tell_change import Worked, tell_changes
from webapp.services.tickets.ticket_state import mark_touched
from webapp.services.transactions import FOR_CHANGE, transaction

CHANGE_COMMENT = "change"
"""The kind of a timeline entry that says what a person changed."""

Rule = Callable[[], str | None]


class TicketConflictError(ConflictError):
    """Somebody or a poll changed the ticket after this person had looked at it."""

    def __init__(self) -> None:
        super().__init__(
            "This ticket was changed while you were looking at it. Nothing was saved: "
            "check what is new, then save again."
        )


@dataclass(frozen=True, slots=True)
class TicketChange:
    """What a person chose; a field that is None stays as it is.

    `sets_assignee` and `sets_category` say that None in `assignee_id` or `category_id` means
    "nobody" or "none". `category_id` is a category or a subcategory. An empty PSA reference or
    link, or an empty host of a ticket made by hand, removes it. `keeps_priority` takes off the mark
    that the severity rose above the priority.
    """

    status_id: int | None = None
    priority_id: int | None = None
    sets_assignee: bool = False
    assignee_id: int | None = None
    client_id: int | None = None
    board_id: int | None = None
    sets_category: bool = False
    category_id: int | None = None
    title: str | None = None
    description: str | None = None
    external_reference: str | None = None
    external_url: str | None = None
    host: str | None = None
    keeps_priority: bool = False


def change_ticket(
    ticket_id: int, change: TicketChange, *, actor_id: int, seen_at: datetime | None
) -> tuple[str, ...]:
    """Apply `change`; returns a sentence for each thing that changed.

    `seen_at` is the ticket's `updated_at` (UTC) when the person looked at it. TicketConflictError
    is raised if the stored value differs; None skips this check.

    One transaction stores the ticket, an entry of the timeline and an audit event. A change of
    status, assignee, priority, board, client or category counts as touching the ticket. A priority
    or text that a person chose is marked, and polls leave it as it is then.

    Raises FieldError with a sentence for each field that cannot be taken, and NotFoundError for an
    unknown ticket; nothing is stored then.
    """
    now = clock.utcnow()
    with transaction() as session:
        ticket = session.get(Ticket, ticket_id, with_for_update=FOR_CHANGE)
        if ticket is None:
            raise NotFoundError("There is no such ticket.")
        if seen_at is not None and ticket.updated_at != seen_at:
            raise TicketConflictError()
        return apply_change(session, ticket, change, actor_id=actor_id, now=now)


def apply_change(
    session: Session,
    ticket: Ticket,
    change: TicketChange,
    *,
    actor_id: int,
    now: datetime,
    tells_later: list[Worked] | None = None,
) -> tuple[str, ...]:
    """Do what change_ticket does to a loaded ticket, inside the caller's transaction.

    Into `tells_later` goes what the caller tells of many tickets at once (see `tell_changes`).
    """
    before, was_closed = _audited(ticket), ticket.closed_at is not None
    work, texts = (
        _apply(list(rules))
        for rules in (_work_rules(session, ticket, change, now), _text_rules(ticket, change))
    )
    _refuse(work, texts)
    sentences = (*work.sentences, *texts.sentences)
    if work.sentences:
        mark_touched(ticket, now=now)
    if texts.is_rewritten:
        ticket.text_edited_by_person_at = now
    if sentences:
        ticket.updated_at = now
        _record(session, ticket, before, sentences, actor_id, now)
    if work.sentences and tells_later is not None:
        tells_later.append(Worked(ticket, was_closed))
    elif work.sentences:
        tell_changes(session, [Worked(ticket, was_closed)], actor_id=actor_id, now=now)
    return sentences


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What some rules changed, and why they refused fields."""

    sentences: tuple[str, ...]
    errors: dict[str, str]
    changed: frozenset[str]

    @property
    def is_rewritten(self) -> bool:
        return not self.changed.isdisjoint({"title", "description"})


def _work_rules(
    session: Session, ticket: Ticket, change: TicketChange, now: datetime
) -> Iterator[tuple[str, Rule]]:
    """The rules whose change counts as working on the ticket.

    The board comes before its category.
    """
    status_id, priority_id = change.status_id, change.priority_id
    board_id, client_id = change.board_id, change.client_id
    if status_id is not None:
        yield "status", lambda: fields.change_status(session, ticket, status_id, now)
    if priority_id is not None:
        yield "priority", lambda: fields.change_priority(session, ticket, priority_id, now)
    elif change.keeps_priority:
        yield "priority", lambda: fields.keep_priority(ticket)
    if change.sets_assignee:
        yield "assignee", lambda: fields.change_assignee(session, ticket, change.assignee_id)
    if client_id is not None:
        yield "client", lambda: fields.change_client(session, ticket, client_id)
    if board_id is not None:
        yield "board", lambda: fields.change_board(session, ticket, board_id)
    if change.sets_category:
        yield "category", lambda: fields.change_category(session, ticket, change.category_id)


def _text_rules(ticket: Ticket, change: TicketChange) -> Iterator[tuple[str, Rule]]:
    """The rules for the ticket's texts, its reference and link in the PSA, and its host."""
    title, description = change.title, change.description
    reference, url, host = change.external_reference, change.external_url, change.host
    if title is not None:
        yield "title", lambda: fields.change_title(ticket, title)
    if description is not None:
        yield "description", lambda: fields.change_description(ticket, description)
    if reference is not None:
        yield "external_reference", lambda: fields.change_reference(ticket, reference)
    if url is not None:
        yield "external_url", lambda: fields.change_url(ticket, url)
    if host is not None:
        yield "host", lambda: fields.change_host(ticket, host)


def _apply(rules: list[tuple[str, Rule]]) -> _Outcome:
    found: dict[str, str] = {}
    errors: dict[str, str] = {}
    for name, rule in rules:
        try:
            sentence = rule()
        except FieldError as error:
            errors |= error.fields
            continue
        if sentence:
            found[name] = sentence
    return _Outcome(tuple(found.values()), errors, frozenset(found))


def _refuse(*outcomes: _Outcome) -> None:
    """Raise one FieldError that names all wrong fields at once."""
    errors = {name: text for outcome in outcomes for name, text in outcome.errors.items()}
    if errors:
        raise FieldError(errors)


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
        "client": ticket.client.name,
        "board": ticket.board.name,
        "category": fields.category_words(ticket),
        "title": ticket.title,
        "description": ticket.description,
        "external_reference": ticket.external_reference,
        "external_url": ticket.external_url,
        "host": ticket.subject_name,
        "raised_severity": ticket.raised_severity,
    }
