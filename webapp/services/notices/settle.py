"""Somebody took a ticket, or it was closed: nobody is told to take it any more.

This happens in the transaction in which the ticket is taken.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.orm import Session

from webapp.domain.notices.compose import HELD
from webapp.domain.notices.events import CLOSED, EVENTS, TAKEN_TYPE
from webapp.domain.notices.facts import TicketFacts
from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.models import Escalation, OutboxRow, Target, Ticket
from webapp.models.outbox import OutboxState
from webapp.services.notices.read_facts import read_facts
from webapp.services.notices.recipients import Recipient, find_recipients
from webapp.services.notices.wake import wake_after_commit
from webapp.services.notices.write_rows import NewRow, lock_rows, write_rows
from webapp.services.transactions import NO_SYNC

TAKEN, REPLACED = "taken", "replaced"
_MACHINES = [kind.value for kind, one in KINDS.items() if one.is_machine]
_CALLS = [event.type for event in EVENTS.values() if event.waits]
"""The events that ask somebody to take a ticket."""

_ENDS = [TAKEN_TYPE, EVENTS[CLOSED].type]
NOT_SENT = "Not sent: the ticket was"

Told = list[tuple[int, int, int | None]]
"""Who was told of what: ticket, target, escalation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How tickets were settled: taken or closed, by whom (a name), or by Huntress (None).

    `actor_id` is who did it, who need not be told by their own contact methods.
    """

    is_closed: bool = False
    person: str | None = None
    actor_id: int | None = None


def settle_tickets(
    session: Session, ticket_ids: Collection[int], settlement: Settlement, now: datetime
) -> set[tuple[int, int]]:
    """End the escalations of the tickets, in the caller's transaction, and tell who was told.

    Messages that wait are not sent any more, but for those to machines, which get every event.
    Returns pairs of a ticket and a target that are told. Does nothing for tickets of which nobody
    is waited for.
    """
    if not ticket_ids:
        return set()
    running = session.execute(
        select(Escalation.id, Escalation.ticket_id)
        .where(Escalation.ticket_id.in_(ticket_ids), Escalation.ended_at.is_(None))
        .order_by(Escalation.id)
        .with_for_update()
    ).all()
    ids = [row.id for row in running]
    tried: Told = []
    if running:
        tried = _drop_waiting(session, ids, settlement)
        reason = CLOSED if settlement.is_closed else TAKEN
        _end(session, ids, now, end_reason=reason, taken_by=settlement.person)
    told = _told(session, ticket_ids, [*ids, *_replaced(session, ids)], settlement, tried)
    _tell(session, told, settlement, now)
    return {(ticket_id, target_id) for ticket_id, target_id, _ in told}


def replace_escalations(session: Session, ticket_ids: Collection[int], now: datetime) -> None:
    """End the escalations of the tickets, because what happened now is told in their place."""
    if not ticket_ids:
        return
    known = session.execute(
        select(Escalation.id, Escalation.ended_at).where(Escalation.ticket_id.in_(ticket_ids))
    ).all()
    if not known:
        return
    ids = [row.id for row in known if row.ended_at is None]
    if ids:
        _end(session, ids, now, end_reason=REPLACED)
    is_outdated = or_(
        OutboxRow.escalation_id.in_(ids) & OutboxRow.event.in_(_CALLS),
        OutboxRow.ticket_id.in_(ticket_ids) & OutboxRow.event.in_(_ENDS),
    )
    _drop(session, is_outdated, "Not sent: something newer is told of this ticket.")


def _replaced(session: Session, running: Sequence[int]) -> Sequence[int]:
    """Return the escalations in whose place `running` came: whoever they told waits, too."""
    tickets = select(Escalation.ticket_id).where(Escalation.id.in_(running))
    return session.scalars(
        select(Escalation.id).where(
            Escalation.ticket_id.in_(tickets), Escalation.end_reason == REPLACED
        )
    ).all()


def resume_escalations(session: Session, ticket_id: int, *, since: datetime, now: datetime) -> None:
    """Go on with what was ended since a time (UTC): that the ticket was taken has been undone.

    Messages that were dropped for it are sent after all. Where something newer is told of the
    ticket meanwhile, that is enough.
    """
    of_ticket = Escalation.ticket_id == ticket_id
    newer = select(Escalation.id).where(
        of_ticket, Escalation.ended_at.is_(None), Escalation.began_at >= since
    )
    if session.scalar(newer.limit(1)) is not None:
        return
    ids = session.scalars(
        update(Escalation)
        .where(
            of_ticket,
            Escalation.ended_at >= since,
            Escalation.end_reason.in_((TAKEN, CLOSED)),
        )
        .values(ended_at=None, end_reason=None, taken_by=None, due_at=now)
        .returning(Escalation.id),
        execution_options=NO_SYNC,
    ).all()
    targets = session.scalars(
        update(OutboxRow)
        .where(
            OutboxRow.escalation_id.in_(ids),
            OutboxRow.state == OutboxState.DROPPED,
            OutboxRow.answer.startswith(NOT_SENT),
        )
        .values(state=OutboxState.PENDING, due_at=now, next_try_at=now, answer=None)
        .returning(OutboxRow.target_id),
        execution_options=NO_SYNC,
    ).all()
    wake_after_commit(session, {key for key in targets if key is not None})


def hold_for_client(session: Session, client_id: int, until: datetime) -> None:
    """Hold what waits to be told of the client's tickets, but for machines: it is muted now.

    What happened before it was muted is told once that is over (`release_for_client`), as one
    message. It leaves a message that was tried and tells of other clients, too.
    """
    waits = _waits_for_client(client_id)
    held = and_(waits, OutboxRow.target_id.not_in(_machines()), OutboxRow.due_at < until)
    lock_rows(session, held)
    apart = {"bundle": f"{HELD}:{until.isoformat()}", "message_key": None, "attempts": 0}
    session.execute(
        update(OutboxRow).where(held).values(due_at=until, next_try_at=until, **apart),
        execution_options=NO_SYNC,
    )


def release_for_client(session: Session, client_id: int, *, held: datetime, at: datetime) -> None:
    """Tell at `at` what was held until `held`: the client's mute ends then."""
    waits = and_(_waits_for_client(client_id), OutboxRow.due_at == held)
    lock_rows(session, waits)
    targets = session.scalars(
        update(OutboxRow)
        .where(waits)
        .values(due_at=at, next_try_at=at)
        .returning(OutboxRow.target_id),
        execution_options=NO_SYNC,
    ).all()
    wake_after_commit(session, {key for key in targets if key is not None})


def _waits_for_client(client_id: int) -> ColumnElement[bool]:
    tickets = select(Ticket.id).where(Ticket.client_id == client_id)
    running = select(Escalation.id).where(
        Escalation.ticket_id.in_(tickets), Escalation.ended_at.is_(None)
    )
    return and_(
        OutboxRow.escalation_id.in_(running),
        OutboxRow.event.in_(_CALLS),
        OutboxRow.state == OutboxState.PENDING,
    )


def _machines() -> Select[int]:
    return select(Target.id).where(Target.kind.in_(_MACHINES))


def _end(session: Session, ids: Sequence[int], now: datetime, **values: Any) -> None:
    session.execute(
        update(Escalation)
        .where(Escalation.id.in_(ids))
        .values(ended_at=now, due_at=None, **values),
        execution_options=NO_SYNC,
    )


def _drop_waiting(session: Session, ids: Sequence[int], settlement: Settlement) -> Told:
    how = "closed" if settlement.is_closed else "taken"
    by = f" by {settlement.person}" if settlement.person else ""
    is_call = OutboxRow.escalation_id.in_(ids) & OutboxRow.event.in_(_CALLS)
    return _drop(session, is_call, f"{NOT_SENT} {how}{by} before.")


def _drop(session: Session, is_meant: ColumnElement[bool], answer: str) -> Told:
    """Drop what waits, but for machines; return what was tried before, and may have arrived."""
    is_meant = and_(
        is_meant,
        OutboxRow.state == OutboxState.PENDING,
        OutboxRow.target_id.not_in(_machines()),
    )
    lock_rows(session, is_meant)
    dropped = session.execute(
        update(OutboxRow)
        .where(is_meant)
        .values(state=OutboxState.DROPPED, answer=answer)
        .returning(
            OutboxRow.ticket_id, OutboxRow.target_id, OutboxRow.escalation_id, OutboxRow.attempts
        ),
        execution_options=NO_SYNC,
    )
    return [
        (row.ticket_id, row.target_id, row.escalation_id) for row in dropped if row.attempts > 0
    ]


def _told(
    session: Session,
    ticket_ids: Collection[int],
    running: Sequence[int],
    settlement: Settlement,
    tried: Told,
) -> Told:
    """Return who was told of the tickets, or may have been, as `tried` says.

    A machine that follows a ticket's whole life (PagerDuty) is also told that it is over where
    nobody was waited for any more.
    """
    was_sent = or_(
        OutboxRow.state == OutboxState.SENT,
        and_(OutboxRow.state == OutboxState.PENDING, Target.kind.in_(_MACHINES)),
    )
    concerned: ColumnElement[bool] = OutboxRow.escalation_id.in_(running)
    if settlement.is_closed:
        concerned = or_(concerned, Target.kind == Kind.PAGERDUTY.value)
    rows = session.execute(
        select(OutboxRow.ticket_id, OutboxRow.target_id, OutboxRow.escalation_id, Target.user_id)
        .join(Target, Target.id == OutboxRow.target_id)
        .where(
            OutboxRow.ticket_id.in_(ticket_ids),
            OutboxRow.event.in_(_CALLS),
            or_(was_sent & concerned, _is_one_of(tried)),
        )
        .order_by(OutboxRow.id)
    )
    return list(
        {
            (row.ticket_id, row.target_id): (row.ticket_id, row.target_id, row.escalation_id)
            for row in rows
            if row.user_id is None or row.user_id != settlement.actor_id
        }.values()
    )


def _is_one_of(tried: Told) -> ColumnElement[bool]:
    escalations = {escalation_id for _, _, escalation_id in tried}
    return and_(
        OutboxRow.escalation_id.in_(escalations),
        OutboxRow.state == OutboxState.DROPPED,
        OutboxRow.attempts > 0,
    )


def _tell(
    session: Session,
    told: Told,
    settlement: Settlement,
    now: datetime,
) -> None:
    if not told:
        return
    facts = read_facts(session, {ticket_id for ticket_id, _, _ in told})
    people = find_recipients(session, Target.id.in_({target_id for _, target_id, _ in told}))
    known = {one.target_id: one for one in people}
    rows = [
        _row(facts[ticket_id], known[target_id], escalation_id, settlement, now)
        for ticket_id, target_id, escalation_id in told
        if ticket_id in facts and target_id in known
    ]
    write_rows(session, rows, now)


def _row(
    facts: TicketFacts,
    recipient: Recipient,
    escalation_id: int | None,
    settlement: Settlement,
    now: datetime,
) -> NewRow:
    event = EVENTS[CLOSED].type if settlement.is_closed else TAKEN_TYPE
    word = "closed" if settlement.is_closed else "taken"
    return NewRow(
        key=f"{word}:{facts.ticket_id}:{now.timestamp():.6f}",
        recipient=recipient,
        event=event,
        facts=replace(facts, person=settlement.person).as_json(),
        due_at=now,
        ticket_id=facts.ticket_id,
        escalation_id=escalation_id,
        bundle=None if recipient.is_machine else f"{word}:{now.timestamp():.6f}",
    )
