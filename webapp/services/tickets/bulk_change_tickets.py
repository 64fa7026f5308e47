"""Changing many tickets at once, and undoing that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp import clock
from webapp.domain.incident import Severity
from webapp.domain.triage.undo import UNDO_MINUTES, is_undo_open, may_undo
from webapp.domain.untrusted import cut
from webapp.models import Alert, BulkChange, Priority, Status, Ticket
from webapp.services.audit import record_event
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import LARGEST_ID, get_row, get_user
from webapp.services.notices.settle import resume_escalations
from webapp.services.tickets.change_ticket import TicketChange, apply_change, lefts_of
from webapp.services.tickets.tell_change import Worked, tell_changes
from webapp.services.tickets.undo_offers import open_entries
from webapp.services.tickets.watching.tell_watchers import Changed, tell_watchers
from webapp.services.transactions import transaction

MOST_TICKETS = 200
CHANGED_FIELDS = ("status_id", "priority_id", "assignee_id", "board_id", "external_reference")
"""The fields that a bulk change can set and an undo restores."""

_KEPT_FIELDS = (*CHANGED_FIELDS, "category_id", "subcategory_id", "raised_severity")
"""The fields recorded for an undo. Moving a ticket to another board clears its category."""


@dataclass(frozen=True, slots=True)
class UndoResult:
    """The number of restored tickets, and the ticket numbers of those that were left."""

    restored: int
    left: tuple[str, ...] = ()


class CriticalsUnconfirmedError(RefusedError):
    """Critical tickets would be closed, and the person did not say that they mean it.

    `numbers` are those of the critical tickets, `closing` is how many tickets would be closed.
    """

    def __init__(self, numbers: tuple[str, ...], closing: int) -> None:
        super().__init__("Critical tickets are among those that you are about to close.")
        self.numbers = numbers
        self.closing = closing


def bulk_change_tickets(
    ticket_ids: Iterable[int],
    change: TicketChange,
    *,
    actor_id: int,
    confirmed_criticals: int | None = None,
) -> BulkChange | None:
    """Apply `change` (status, priority, assignee, board, PSA reference) to every ticket at once.

    It is one transaction. Each ticket gets the touch, timeline entry and audit event that a single
    change would have given it. Tickets that do not exist are skipped. Returns the record that
    undo_bulk_change takes, or None if no ticket changed.

    `confirmed_criticals` is how many critical tickets the person said to close; if there are more
    to be closed, CriticalsUnconfirmedError is raised. None asks nothing.

    Raises RefusedError for no ticket, for more than MOST_TICKETS and for no change, FieldError for
    a choice that cannot be taken, and ReasonNeededError where a person was asked for a reason of
    closing and gave none; nothing is stored then.
    """
    wanted = sorted({one for one in ticket_ids if 0 < one <= LARGEST_ID})
    if not wanted:
        raise RefusedError("Select at least one ticket first.")
    if len(wanted) > MOST_TICKETS:
        raise RefusedError(f"Select at most {MOST_TICKETS} tickets at once.")
    if replace(change, close=None) == TicketChange():
        raise RefusedError(
            "Choose what to change: the assignee, status, priority, board or PSA reference."
        )
    now = clock.utcnow()
    with transaction() as session:
        tickets = _lock_tickets(session, wanted)
        if confirmed_criticals is not None:
            _check_criticals(session, tickets, change, confirmed_criticals)
        record = BulkChange(actor_id=actor_id, summary="", changes=[], created_at=now)
        session.add(record)
        session.flush()
        changes, worked, rung = _change_all(session, tickets, change, record)
        if not changes:
            session.delete(record)
            return None
        tell_changes(session, worked, actor_id=actor_id, now=now)
        tell_watchers(session, rung, actor_id=actor_id, now=now)
        record.summary = cut(_counted(len(changes)), 500)
        record.changes = changes
        _audit(session, record, "changed", actor_id)
    return record


def _change_all(
    session: Session, tickets: Sequence[Ticket], change: TicketChange, record: BulkChange
) -> tuple[list[dict[str, Any]], list[Worked], list[Changed]]:
    """Change the tickets as a part of `record`: what an undo has to know, what is to be told."""
    changes: list[dict[str, Any]] = []
    worked: list[Worked] = []
    rung: list[Changed] = []
    lefts = lefts_of(session, tickets, change)
    for ticket in tickets:
        before = _values(ticket)
        if apply_change(
            session,
            ticket,
            change,
            actor_id=record.actor_id,
            now=record.created_at,
            tells_later=worked,
            rings_later=rung,
            left=lefts.get(ticket.id),
            bulk_change_id=record.id,
        ):
            changes.append(_entry(ticket, before))
    return changes, worked, rung


def _check_criticals(
    session: Session, tickets: Sequence[Ticket], change: TicketChange, confirmed: int
) -> None:
    """Raise CriticalsUnconfirmedError if more critical tickets would be closed than confirmed.

    Critical is what has the most urgent priority, or whose incident Huntress calls critical.
    """
    status = session.get(Status, change.status_id) if change.status_id else None
    if status is None or not status.is_closed:
        return
    closing = [ticket.id for ticket in tickets if ticket.closed_at is None]
    first = select(func.min(Priority.position)).scalar_subquery()
    is_critical = select(Alert.id).where(
        Alert.ticket_id == Ticket.id, Alert.parsed_severity == Severity.CRITICAL.value
    )
    numbers = session.scalars(
        select(Ticket.number)
        .join(Ticket.priority)
        .where(Ticket.id.in_(closing), or_(Priority.position == first, is_critical.exists()))
        .order_by(Ticket.id)
    ).all()
    if len(numbers) > confirmed:
        raise CriticalsUnconfirmedError(tuple(numbers), len(closing))


def undo_bulk_change(bulk_id: int, *, actor_id: int, ticket_id: int | None = None) -> UndoResult:
    """Restore the tickets' values from before the bulk change, in one transaction.

    With `ticket_id`, only in that ticket. A ticket is left as it is, and named in the result, if
    anybody or a poll changed anything in it since, or if its old value cannot be chosen any more.
    Raises NotFoundError for an unknown bulk change. Raises RefusedError if the change is older than
    UNDO_MINUTES, was undone already, or is another person's and the actor is no admin.
    """
    now = clock.utcnow()
    with transaction() as session:
        record = get_row(session, BulkChange, bulk_id, "There is nothing to undo.", lock=True)
        actor = get_user(session, actor_id)
        if not may_undo(record.actor_id, actor.id, actor.is_admin):
            raise RefusedError("Only who changed these tickets, or an admin, can undo that.")
        entries = {
            entry["ticket_id"]: entry
            for entry in open_entries(record)
            if ticket_id in (None, entry["ticket_id"])
        }
        if record.undone_at is not None or not entries:
            raise RefusedError("This was undone already.")
        if not is_undo_open(record.created_at, now):
            raise RefusedError(f"A change can be undone for {UNDO_MINUTES} minutes, not longer.")
        tickets = _lock_tickets(session, sorted(entries))
        worked: list[Worked] = []
        left = [
            ticket.number
            for ticket in tickets
            if not _restore(session, ticket, entries[ticket.id], actor_id, now, worked)
        ]
        tell_changes(session, worked, actor_id=actor_id, now=now)
        _resume(session, [one.ticket for one in worked], record, now)
        _note_undone(record, entries, is_whole=ticket_id is None, now=now)
        _audit(session, record, "undone", actor_id)
    return UndoResult(len(entries) - len(left), tuple(left))


def _lock_tickets(session: Session, ids: Sequence[int]) -> Sequence[Ticket]:
    """Lock and load the tickets in the order of their ids, so that bulk changes cannot deadlock."""
    session.scalars(
        select(Ticket.id)
        .where(Ticket.id.in_(ids))
        .order_by(Ticket.id)
        .with_for_update(key_share=True)
    ).all()
    return session.scalars(
        select(Ticket)
        .where(Ticket.id.in_(ids))
        .order_by(Ticket.id)
        .options(joinedload("*"))
        .execution_options(populate_existing=True)
    ).all()


def _values(ticket: Ticket) -> dict[str, Any]:
    return {
        **{name: getattr(ticket, name) for name in _KEPT_FIELDS},
        "priority_set_by_person_at": _as_text(ticket.priority_set_by_person_at),
        "first_touched_at": _as_text(ticket.first_touched_at),
        "untouched_since": _as_text(ticket.untouched_since),
        **{name: getattr(ticket, name) for name in ("close_reason", "waiting_reason", "waits")},
        "waiting_until": _as_text(ticket.waiting_until),
        "reopened_at": _as_text(ticket.reopened_at),
    }


def _entry(ticket: Ticket, before: dict[str, Any]) -> dict[str, Any]:
    """What an undo needs to know; a different `updated_at` shows that the ticket changed since."""
    return {
        "ticket_id": ticket.id,
        "before": before,
        "after": {name: getattr(ticket, name) for name in _KEPT_FIELDS},
        "updated_at": _as_text(ticket.updated_at),
    }


def _restore(
    session: Session,
    ticket: Ticket,
    entry: dict[str, Any],
    actor_id: int,
    now: datetime,
    worked: list[Worked],
) -> bool:
    if _as_text(ticket.updated_at) != entry["updated_at"]:
        return False
    before, after = entry["before"], entry["after"]
    changed = {name for name in CHANGED_FIELDS if before.get(name) != after.get(name)}
    values: dict[str, Any] = {
        name: before[name] for name in changed - {"assignee_id"} if before[name] is not None
    }
    if "external_reference" in changed:
        values["external_reference"] = before["external_reference"] or ""
    category_id = before["subcategory_id"] or before["category_id"]
    change = TicketChange(
        **values,
        sets_assignee="assignee_id" in changed,
        assignee_id=before["assignee_id"] if "assignee_id" in changed else None,
        sets_category="board_id" in changed and category_id is not None,
        category_id=category_id if "board_id" in changed else None,
    )
    try:
        with session.begin_nested():
            apply_change(session, ticket, change, actor_id=actor_id, now=now, tells_later=worked)
            for name in ("priority_set_by_person_at", "first_touched_at", "untouched_since"):
                setattr(ticket, name, _as_time(before.get(name)))
            ticket.raised_severity = before.get("raised_severity")
            _restore_clock(ticket, before)
    except FieldError:
        session.refresh(ticket)
        return False
    return True


def _resume(session: Session, tickets: Iterable[Ticket], record: BulkChange, now: datetime) -> None:
    """Let somebody be called again for tickets that nobody has now, as before the bulk change."""
    session.flush()
    for ticket in tickets:
        if ticket.untouched_since is not None and ticket.assignee_id is None:
            resume_escalations(session, ticket.id, since=record.created_at, now=now)


def _restore_clock(ticket: Ticket, before: dict[str, Any]) -> None:
    """Let the ticket wait, or be closed for a reason, as before; its due times follow."""
    if "waits" not in before:  # recorded by an earlier version
        return
    for name in ("close_reason", "waiting_reason", "waits"):
        setattr(ticket, name, before[name])
    for name in ("waiting_until", "reopened_at"):
        setattr(ticket, name, _as_time(before[name]))


def _note_undone(
    record: BulkChange, ticket_ids: Iterable[int], *, is_whole: bool, now: datetime
) -> None:
    """Note in which tickets it was undone; once that is all of them, the whole is undone."""
    undone = set(ticket_ids)
    record.changes = [
        {**entry, "is_undone": True} if entry["ticket_id"] in undone else entry
        for entry in record.changes
    ]
    if is_whole or not open_entries(record):
        record.undone_at = now


def _counted(number: int) -> str:
    return f"{number:,} {'ticket' if number == 1 else 'tickets'} changed."


def _audit(session: Session, record: BulkChange, what: str, actor_id: int) -> None:
    record_event(
        session,
        action=f"tickets.bulk_{what}",
        subject_type="bulk_change",
        subject_id=record.id,
        after={"tickets": [entry["ticket_id"] for entry in record.changes]},
        actor_id=actor_id,
    )


def _as_text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _as_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
