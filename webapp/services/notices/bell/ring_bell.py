"""Putting something that concerns people into their bells."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, tuple_, union, update
from sqlalchemy.orm import Session

from webapp.domain.triage.bell import Bell
from webapp.models import BellItem, Ticket, TicketWatcher, User
from webapp.services.notices.bell.tell_persons import Rung, tell_persons
from webapp.services.transactions import NO_SYNC


def ring_bell(
    session: Session,
    kind: Bell,
    ticket_id: int,
    user_ids: Iterable[int],
    *,
    now: datetime,
    actor_id: int | None = None,
    comment_id: int | None = None,
) -> None:
    """Add an unread item to the bell of each person but `actor_id`, in the caller's transaction.

    Whoever wants to be told of this kind is told by their contact methods, too.
    """
    ring_bells(session, kind, {ticket_id: comment_id}, user_ids, now=now, actor_id=actor_id)


def ring_bells(
    session: Session,
    kind: Bell,
    entries: Mapping[int, int | None],
    user_ids: Iterable[int],
    *,
    now: datetime,
    actor_id: int | None = None,
) -> None:
    """Do what `ring_bell` does for several tickets; `entries` has the entry (or None) by ticket."""
    people = sorted({*user_ids} - {actor_id})
    rows = [
        _values(kind, (ticket_id, user_id), now, actor_id, comment_id)
        for ticket_id, comment_id in entries.items()
        for user_id in people
    ]
    _add(session, kind, rows, now, actor_id)


def ring_watchers(
    session: Session,
    changed: Mapping[int, int | None],
    *,
    now: datetime,
    actor_id: int | None = None,
    besides: Iterable[int] = (),
) -> None:
    """Tell who watches the tickets, or has them, that they changed, in the caller's transaction.

    `changed` has the entry of the timeline (or None) by ticket. Neither `actor_id` nor the people
    `besides` are told, who hear of it in another way. What they have not read of a ticket stays one
    item. It takes two statements, however many tickets there are, or one where nobody watches.
    """
    if not changed:
        return
    apart = {actor_id, *besides}
    concerned = sorted(pair for pair in people_concerned(session, changed) if pair[1] not in apart)
    if not concerned:
        return
    is_unread = (BellItem.kind == Bell.WATCHED.value, BellItem.read_at.is_(None))
    known = session.execute(
        update(BellItem)
        .where(tuple_(BellItem.ticket_id, BellItem.user_id).in_(concerned), *is_unread)
        .values(created_at=now, actor_id=actor_id, changes=BellItem.changes + 1)
        .returning(BellItem.ticket_id, BellItem.user_id),
        execution_options=NO_SYNC,
    )
    new = sorted(set(concerned) - {(row.ticket_id, row.user_id) for row in known})
    rows = [_values(Bell.WATCHED, pair, now, actor_id, changed[pair[0]]) for pair in new]
    _add(session, Bell.WATCHED, rows, now, actor_id)


def people_concerned(session: Session, ticket_ids: Iterable[int]) -> set[tuple[int, int]]:
    """Pairs of a ticket and a person who watches or has it and may work, in one statement."""
    ids = sorted(ticket_ids)
    watching = (
        select(TicketWatcher.ticket_id, TicketWatcher.user_id)
        .join(User, User.id == TicketWatcher.user_id)
        .where(TicketWatcher.ticket_id.in_(ids), User.may_work)
    )
    having = (
        select(Ticket.id, Ticket.assignee_id)
        .join(User, User.id == Ticket.assignee_id)
        .where(Ticket.id.in_(ids), User.may_work)
    )
    rows: Sequence[Any] = session.execute(union(watching, having)).all()
    return {(ticket_id, user_id) for ticket_id, user_id in rows}


def _values(
    kind: Bell,
    pair: tuple[int, int],
    now: datetime,
    actor_id: int | None,
    comment_id: int | None,
) -> dict[str, object]:
    ticket_id, user_id = pair
    return {
        "user_id": user_id,
        "ticket_id": ticket_id,
        "comment_id": comment_id,
        "actor_id": actor_id,
        "kind": kind.value,
        "created_at": now,
    }


def _add(
    session: Session,
    kind: Bell,
    rows: list[dict[str, object]],
    now: datetime,
    actor_id: int | None,
) -> None:
    if not rows:
        return
    added = session.execute(
        insert(BellItem).returning(
            BellItem.id, BellItem.ticket_id, BellItem.user_id, BellItem.comment_id
        ),
        rows,
        execution_options={"render_nulls": True},
    )
    tell_persons(session, kind, [Rung(*row) for row in added], now, actor_id=actor_id)
