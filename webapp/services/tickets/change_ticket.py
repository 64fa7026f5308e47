"""Changing a ticket: its state, where it belongs, and its texts."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.triage.close_reasons import CloseReason, LeftAtHuntress
from webapp.domain.triage.collisions import conflict_words, fields_in_conflict, fingerprint
from webapp.models import Comment, Ticket
from webapp.services.audit import changes_between, record_event
from webapp.services.errors import ConflictError, FieldError, NotFoundError
from webapp.services.tickets import ticket_fields as fields
from webapp.services.tickets.closing.ask_reason import CloseAnswer, close_words, require_reason
from webapp.services.tickets.collisions.seen_values import FIELD_OF, present_words, seen_values
from webapp.services.tickets.notes.machine_text import as_typed, dialect_of
from webapp.services.tickets.notes.mention_people import tell_mentioned
from webapp.services.tickets.render_markdown import Dialect
from webapp.services.tickets.tell_change import Worked, tell_changes
from webapp.services.tickets.ticket_state import mark_touched
from webapp.services.tickets.watching.tell_watchers import Changed, tell_watchers
from webapp.services.transactions import FOR_CHANGE, transaction

CHANGE_COMMENT = "change"
"""The kind of a timeline entry that says what a person changed."""

Rule = Callable[[], str | None]


class TicketConflictError(ConflictError):
    """Somebody or a poll changed the same after this person had looked at the ticket.

    `fields` are the names of what they changed; it is empty where the form does not say what it
    showed.
    """

    def __init__(self, names: tuple[str, ...] = (), words: str | None = None) -> None:
        super().__init__(
            words
            or "This ticket was changed while you were looking at it. Nothing was saved: "
            "check what is new, then save again."
        )
        self.fields = names


@dataclass(frozen=True, slots=True)
class TicketChange:
    """What a person chose; a field that is None stays as it is.

    `sets_assignee` and `sets_category` say that None in `assignee_id` or `category_id` means
    "nobody" or "none". `category_id` is a category or a subcategory. An empty PSA reference or
    link, or an empty host of a ticket made by hand, removes it. `keeps_priority` takes off the mark
    that the severity rose above the priority.

    `close` is what a person answered who was asked why a ticket is closed that Huntress still has
    something for; None means that nobody was asked.
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
    close: CloseAnswer | None = None
    host: str | None = None
    keeps_priority: bool = False

    @property
    def wanted(self) -> dict[str, str]:
        """What was chosen, by field, as texts that are compared with `seen_values`."""
        description = self.description
        values = {
            "status": self.status_id,
            "priority": self.priority_id,
            "client": self.client_id,
            "board": self.board_id,
            "title": self.title,
            "description": None if description is None else fingerprint(description),
            "external_reference": self.external_reference,
            "external_url": self.external_url,
            "host": self.host,
        }
        if self.sets_assignee:
            values["assignee"] = self.assignee_id or ""
        if self.sets_category:
            values["category"] = self.category_id or ""
        return {name: str(value) for name, value in values.items() if value is not None}


def change_ticket(
    ticket_id: int,
    change: TicketChange,
    *,
    actor_id: int,
    seen_at: datetime | None,
    was: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Apply `change`; returns a sentence for each thing that changed.

    `was` holds what the fields said in the form, by their names there. TicketConflictError is
    raised if a field that `change` sets says something else now; other fields may have changed.
    Where `was` lacks such a field, it is raised if the ticket's `updated_at` (UTC) is not `seen_at`
    any more; None skips that.

    One transaction stores the ticket, an entry of the timeline and an audit event. A change of
    status, assignee, priority, board, client or category counts as touching the ticket. A priority
    or text that a person chose is marked, and polls leave it as it is then.

    Raises FieldError with a sentence for each field that cannot be taken, ReasonNeededError where
    somebody was asked for a reason of closing and gave none, and NotFoundError for an unknown
    ticket; nothing is stored then.
    """
    now = clock.utcnow()
    with transaction() as session:
        ticket = session.get(Ticket, ticket_id, with_for_update=FOR_CHANGE)
        if ticket is None:
            raise NotFoundError("There is no such ticket.")
        return change_held(
            session, ticket, change, actor_id=actor_id, now=now, seen_at=seen_at, was=was
        )


def change_held(
    session: Session,
    ticket: Ticket,
    change: TicketChange,
    *,
    actor_id: int,
    now: datetime,
    seen_at: datetime | None,
    was: Mapping[str, str] | None,
) -> tuple[str, ...]:
    """Do what change_ticket does to a ticket that the caller's transaction has locked."""
    _check_conflict(ticket, change, seen_at, was or {})
    left = lefts_of(session, [ticket], change).get(ticket.id)
    return apply_change(session, ticket, change, actor_id=actor_id, now=now, left=left)


def lefts_of(
    session: Session, tickets: Collection[Ticket], change: TicketChange
) -> dict[int, LeftAtHuntress]:
    """What Huntress still has to be done for those that `change` closes, by their ids.

    Raises ReasonNeededError (see `require_reason`).
    """
    if change.close is None:
        return {}
    return require_reason(session, tickets, change.status_id, change.close)


def apply_change(
    session: Session,
    ticket: Ticket,
    change: TicketChange,
    *,
    actor_id: int,
    now: datetime,
    tells_later: list[Worked] | None = None,
    rings_later: list[Changed] | None = None,
    left: LeftAtHuntress | None = None,
    bulk_change_id: int | None = None,
) -> tuple[str, ...]:
    """Do what change_ticket does to a loaded ticket, inside the caller's transaction.

    Into `tells_later` and `rings_later` goes what the caller tells of many tickets at once (see
    `tell_changes` and `tell_watchers`). `left` is what Huntress still has to be done for a ticket
    that is closed. `bulk_change_id` is the bulk change of which the timeline's entry is a part.
    """
    changed = [] if rings_later is None else rings_later
    owner_id, is_report = ticket.assignee_id, dialect_of(ticket) is Dialect.MACHINE
    before, was_closed = _audited(ticket), ticket.closed_at is not None
    work, texts = (
        _apply(list(rules))
        for rules in (_work_rules(session, ticket, change, now), _text_rules(ticket, change))
    )
    _refuse(work, texts)
    reason = CloseReason(ticket.close_reason) if not was_closed and ticket.close_reason else None
    why = [close_words(reason, left)] if reason is not None else []
    sentences = (*work.sentences, *why, *texts.sentences)
    note = change.close.read()[1] if reason is not None and change.close is not None else None
    mentioned = _add_note(session, ticket, note, actor_id, now)
    if work.sentences:
        mark_touched(ticket, now=now)
    if texts.is_rewritten:
        if is_report and "description" not in texts.changed:
            ticket.description = as_typed(ticket.description)
        ticket.text_edited_by_person_at = now
    if sentences:
        ticket.updated_at = now
        names = (*work.changed, *texts.changed)
        entry = _entry(ticket, sentences, names, actor_id, now, bulk_change_id)
        _record(session, ticket, before, entry)
        changed.append(Changed(ticket.id, entry, _new_owner(ticket, owner_id), mentioned))
    if work.sentences and tells_later is not None:
        tells_later.append(Worked(ticket, was_closed))
    elif work.sentences:
        tell_changes(session, [Worked(ticket, was_closed)], actor_id=actor_id, now=now)
    if rings_later is None:
        tell_watchers(session, changed, actor_id=actor_id, now=now)
    return sentences


def _entry(
    ticket: Ticket,
    sentences: Sequence[str],
    changed: Sequence[str],
    actor_id: int,
    now: datetime,
    bulk_change_id: int | None,
) -> Comment:
    """The entry of the timeline that tells what changed."""
    return Comment(
        ticket_id=ticket.id,
        author_id=actor_id,
        kind=CHANGE_COMMENT,
        is_internal=True,
        body=" ".join(sentences),
        created_at=now,
        bulk_change_id=bulk_change_id,
        details={"fields": list(changed)},
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What some rules changed, and why they refused fields."""

    sentences: tuple[str, ...]
    errors: dict[str, str]
    changed: tuple[str, ...]

    @property
    def is_rewritten(self) -> bool:
        return not {"title", "description"}.isdisjoint(self.changed)


def _work_rules(
    session: Session, ticket: Ticket, change: TicketChange, now: datetime
) -> Iterator[tuple[str, Rule]]:
    """The rules whose change counts as working on the ticket.

    The board comes before its category.
    """
    status_id, priority_id = change.status_id, change.priority_id
    board_id, client_id = change.board_id, change.client_id
    reason = change.close.read()[0] if change.close is not None else None
    if status_id is not None:
        yield "status", lambda: fields.change_status(session, ticket, status_id, now, reason)
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
    return _Outcome(tuple(found.values()), errors, tuple(found))


def _check_conflict(
    ticket: Ticket, change: TicketChange, seen_at: datetime | None, was: Mapping[str, str]
) -> None:
    """Raise TicketConflictError where somebody else changed what `change` sets."""
    wanted, stored = change.wanted, seen_values(ticket)
    known = {name: was[field] for name, field in FIELD_OF.items() if field in was}
    is_changed = seen_at is not None and ticket.updated_at != seen_at
    if is_changed and (change.keeps_priority or not wanted.keys() <= known.keys()):
        raise TicketConflictError()
    values = {name: stored[field] for name, field in FIELD_OF.items()}
    if names := fields_in_conflict(wanted, values, known):
        raise TicketConflictError(names, conflict_words(names, present_words(ticket)))


def _refuse(*outcomes: _Outcome) -> None:
    """Raise one FieldError that names all wrong fields at once."""
    errors = {name: text for outcome in outcomes for name, text in outcome.errors.items()}
    if errors:
        raise FieldError(errors)


def _add_note(
    session: Session, ticket: Ticket, note: str | None, author_id: int, now: datetime
) -> frozenset[int]:
    """Keep what a person wrote with the reason of closing; returns whom it mentions."""
    if note is None:
        return frozenset()
    comment = Comment(ticket_id=ticket.id, author_id=author_id, body=note, created_at=now)
    session.add(comment)
    session.flush()
    return tell_mentioned(session, comment, now=now)


def _record(
    session: Session,
    ticket: Ticket,
    before: dict[str, Any],
    entry: Comment,
) -> None:
    session.add(entry)
    changed_before, changed_after = changes_between(before, _audited(ticket))
    record_event(
        session,
        action="ticket.changed",
        subject_type="ticket",
        subject_id=ticket.id,
        before=changed_before,
        after=changed_after,
        actor_id=entry.author_id,
    )


def _new_owner(ticket: Ticket, former_id: int | None) -> int | None:
    """Who has the ticket now and did not before."""
    return None if ticket.assignee_id == former_id else ticket.assignee_id


def _audited(ticket: Ticket) -> dict[str, Any]:
    return {
        "status": ticket.status.name,
        "priority": ticket.priority.name,
        "assignee": ticket.assignee.email if ticket.assignee else None,
        "client": ticket.client.name,
        "board": ticket.board.name,
        "category": fields.category_words(ticket),
        "close_reason": ticket.close_reason,
        "title": ticket.title,
        "description": ticket.description,
        "external_reference": ticket.external_reference,
        "external_url": ticket.external_url,
        "host": ticket.subject_name,
        "raised_severity": ticket.raised_severity,
    }
