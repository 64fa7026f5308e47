"""Messages that are not sent, and targets that do not take them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from webapp.domain.incident import Severity
from webapp.domain.watch.alarm_kinds import FAILING_AFTER, STUCK_AFTER, UNTAKEN_AFTER, Trouble
from webapp.models import Alert, Escalation, OutboxRow, Target, Ticket, User
from webapp.models.outbox import OutboxState
from webapp.models.watch import is_no_drill
from webapp.services.notices.silence.untold import UNTOLD_KEY
from webapp.services.restored import are_messages_free
from webapp.services.watch.found import Found
from webapp.services.watch.stuck_targets import StuckTarget, list_stuck_targets

FAILED_LATELY = timedelta(days=3)
"""For so long after it was written, a message that failed for good is an alarm."""

UNTOLD_LATELY = timedelta(days=1)
"""For so long an event that nobody was told of, and that is not told later, is an alarm."""

MOST_NAMED = 3
"""So many targets or tickets are named in a sentence."""


def find_in_messages(session: Session, now: datetime) -> Iterator[Found]:
    """Yield what is wrong with the delivery of messages at `now` (UTC)."""
    yield from find_stuck(session, now)
    yield from _late_steps(session, now)
    yield from _untaken(session, now)
    yield from _failed(session, now)
    yield from _untold(session, now)
    yield from _targets(session, now)


def find_stuck(session: Session, now: datetime) -> Iterator[Found]:
    """Yield that messages are not sent although they could be, to one target or to many."""
    stuck = list_stuck_targets(session, now)
    if stuck:
        count = sum(one.messages for one in stuck)
        minutes = (now - min(one.oldest_due_at for one in stuck)) // timedelta(minutes=1)
        what = "message has" if count == 1 else "messages have"
        sentence = (
            f"{count:,} {what} not been sent to {_named(stuck)}, the oldest for"
            f" {minutes:,} minutes."
        )
        yield Found(Trouble.OUTBOX, "", sentence)


def _late_steps(session: Session, now: datetime) -> Iterator[Found]:
    """Yield that steps of policies are due and nobody looks what is due."""
    count, oldest = session.execute(
        select(func.count(), func.min(Escalation.due_at, type_=Escalation.due_at.type)).where(
            Escalation.ended_at.is_(None),
            Escalation.due_at <= now - STUCK_AFTER,
            are_messages_free(),
        )
    ).one()
    if oldest is not None:
        minutes = (now - oldest) // timedelta(minutes=1)
        what = "step of a policy has" if count == 1 else "steps of policies have"
        sentence = f"{count:,} {what} been due without being told, for {minutes:,} minutes."
        yield Found(Trouble.OUTBOX, "steps", sentence)


def _untaken(session: Session, now: datetime) -> Iterator[Found]:
    """Yield critical tickets that nobody took, although a policy has told of all its steps.

    A policy of one step waits for nobody: it only hands the ticket on.
    """
    told_lately = select(OutboxRow.id).where(
        OutboxRow.escalation_id == Escalation.id,
        (OutboxRow.created_at > now - UNTAKEN_AFTER) | (OutboxRow.state == OutboxState.PENDING),
    )
    found = session.execute(
        select(Ticket.number, func.count().over())
        .join(Escalation, Escalation.ticket_id == Ticket.id)
        .join(Alert, Alert.ticket_id == Ticket.id)
        .where(
            Escalation.ended_at.is_(None),
            Escalation.due_at.is_(None),
            Escalation.step > 1,
            Ticket.closed_at.is_(None),
            Alert.parsed_severity == Severity.CRITICAL.value,
            is_no_drill(),
            ~told_lately.exists(),
        )
        .order_by(Ticket.id)
        .limit(MOST_NAMED)
    ).all()
    if found:
        names = _listed([number for number, _ in found], found[0][1])
        yield Found(Trouble.UNTAKEN, "", f"Nobody has taken {names}, and all steps are over.")


def _named(stuck: Sequence[StuckTarget]) -> str:
    return _listed([one.name for one in stuck[:MOST_NAMED]], len(stuck))


def _listed(first: Sequence[str], total: int) -> str:
    """Return the first of some names in words, and the number of the others."""
    names = [*first, f"{total - len(first)} more"] if total > len(first) else list(first)
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _failed(session: Session, now: datetime) -> Iterator[Found]:
    count = session.scalar(
        select(func.count()).where(
            OutboxRow.created_at > now - FAILED_LATELY,
            OutboxRow.state == OutboxState.FAILED,
            ~OutboxRow.key.startswith(UNTOLD_KEY),
        )
    )
    if count:
        what = "message was" if count == 1 else "messages were"
        yield Found(Trouble.MESSAGES_FAILED, "", f"{count:,} {what} not delivered and given up.")


def _untold(session: Session, now: datetime) -> Iterator[Found]:
    count = session.scalar(
        select(func.count(OutboxRow.ticket_id.distinct())).where(
            OutboxRow.created_at > now - UNTOLD_LATELY,
            OutboxRow.state == OutboxState.FAILED,
            OutboxRow.key.startswith(UNTOLD_KEY),
        )
    )
    if count:
        what = "ticket" if count == 1 else "tickets"
        yield Found(Trouble.UNTOLD, "", f"Nobody was told of {count:,} {what}: telling failed.")


def _targets(session: Session, now: datetime) -> Iterator[Found]:
    """Targets that their receiver refused, and those that fail what waits for them.

    Those of people who are deactivated are told nothing.
    """
    is_tried = select(OutboxRow.id).where(
        OutboxRow.target_id == Target.id,
        OutboxRow.state == OutboxState.PENDING,
        OutboxRow.attempts > 0,
    )
    rows = session.execute(
        select(Target, User.name)
        .outerjoin(User, User.id == Target.user_id)
        .where(
            or_(Target.user_id.is_(None), User.may_work),
            or_(
                Target.paused_at.is_not(None) & Target.paused_by_id.is_(None),
                Target.paused_at.is_(None)
                & (Target.failing_since <= now - FAILING_AFTER)
                & is_tried.exists(),
            ),
        )
        .order_by(Target.id)
    )
    for target, person in rows:
        name = f"{person}: {target.name}" if person else target.name
        if target.paused_at is not None:
            why = target.pause_reason or target.last_answer or "its receiver refused it"
            yield Found(Trouble.TARGET_PAUSED, f"target:{target.id}", f"{name} is paused: {why}")
        else:
            why = target.last_answer or "no reason is known"
            yield Found(Trouble.TARGET_FAILING, f"target:{target.id}", f"{name} fails: {why}")
