"""People who were deactivated or made auditors are told nothing any more, whichever way."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.models import OutboxRow, Target, User
from webapp.models.outbox import OutboxState
from webapp.services.transactions import NO_SYNC, reading, transaction

_WAITS_FOR_THEM = (
    OutboxRow.state == OutboxState.PENDING,
    OutboxRow.target_id.in_(
        select(Target.id).join(User, User.id == Target.user_id).where(~User.may_work)
    ),
)


def drop_for_deactivated(session: Session) -> None:
    """Drop what waits for people who are deactivated or auditors, in the caller's transaction."""
    session.execute(
        update(OutboxRow)
        .where(*_WAITS_FOR_THEM)
        .values(state=OutboxState.DROPPED, answer="Not sent: this person was deactivated."),
        execution_options=NO_SYNC,
    )


def forget_deactivated(_now: datetime) -> None:
    """Drop what waits for them; nothing is written where nothing does."""
    with reading() as session:
        if session.scalar(select(OutboxRow.id).where(*_WAITS_FOR_THEM).limit(1)) is None:
            return
    with transaction() as session:
        drop_for_deactivated(session)
