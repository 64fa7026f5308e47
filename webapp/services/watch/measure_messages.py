"""Metrics of messages: what waits for which target, and for how long."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from webapp.models import Drill, Escalation, OutboxRow, Target, Ticket
from webapp.models.outbox import OutboxState
from webapp.models.watch import is_no_drill
from webapp.services.watch.find_in_messages import FAILED_LATELY
from webapp.services.watch.measured import Measured
from webapp.services.watch.stuck_targets import list_stuck_targets

ONE = ("target",)


def measure_messages(session: Session, now: datetime) -> Iterator[Measured]:
    """Yield the metrics of targets and the outbox at `now` (UTC)."""
    targets = session.execute(
        select(Target.id, Target.name, Target.kind, Target.user_id, Target.paused_at).order_by(
            Target.id
        )
    ).all()
    ids = [target.id for target in targets]
    yield Measured(
        "target_info",
        "The name and kind of a target; a person's contact method has no name here.",
        ("target", "name", "kind"),
        [((one.id, one.name if one.user_id is None else "", one.kind), 1) for one in targets],
    )
    yield Measured(
        "target_paused",
        "Whether a target is paused.",
        ONE,
        [((one.id,), int(one.paused_at is not None)) for one in targets],
    )
    yield from _outbox(session, ids, now)
    running = session.scalar(
        select(func.count())
        .select_from(Escalation)
        .join(Ticket, Ticket.id == Escalation.ticket_id)
        .where(Escalation.ended_at.is_(None), is_no_drill())
    )
    yield Measured(
        "escalations", "Tickets that wait until somebody takes them.", (), [((), running or 0)]
    )


def _outbox(session: Session, targets: list[int], now: datetime) -> Iterator[Measured]:
    of_drills = select(Drill.ticket_id).where(Drill.ticket_id.is_not(None))
    counts = or_(OutboxRow.ticket_id.is_(None), OutboxRow.ticket_id.not_in(of_drills))
    pending = session.execute(
        select(OutboxRow.target_id, func.count(), func.min(OutboxRow.due_at))
        .where(OutboxRow.state == OutboxState.PENDING, OutboxRow.due_at <= now, counts)
        .group_by(OutboxRow.target_id)
    )
    waiting = {key: (count, oldest) for key, count, oldest in pending}
    given_up = session.execute(
        select(OutboxRow.target_id, func.count())
        .where(
            OutboxRow.created_at > now - FAILED_LATELY,
            OutboxRow.state == OutboxState.FAILED,
            counts,
        )
        .group_by(OutboxRow.target_id)
    )
    failed = dict(given_up.all())
    yield Measured(
        "outbox_messages",
        "Messages that are due and were not sent yet.",
        ONE,
        [((key,), waiting.get(key, (0, now))[0]) for key in targets],
    )
    yield Measured(
        "outbox_oldest_seconds",
        "For how long the oldest message has been due.",
        ONE,
        [((key,), (now - waiting.get(key, (0, now))[1]).total_seconds()) for key in targets],
    )
    stuck = {one.id: one.messages for one in list_stuck_targets(session, now)}
    yield Measured(
        "outbox_stuck_messages",
        "Messages that could have been sent for 15 minutes, while nothing was sent to the target.",
        ONE,
        [((key,), stuck.get(key, 0)) for key in targets],
    )
    yield Measured(
        "outbox_failed_messages",
        "Messages of the last 3 days that were given up.",
        ONE,
        [((key,), failed.get(key, 0)) for key in targets],
    )
