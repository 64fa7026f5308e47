"""Pausing a target, and letting messages go there again."""

from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.untrusted import clean_line
from webapp.models import Target
from webapp.models.columns import NAME_LENGTH
from webapp.services.errors import FieldError, RefusedError
from webapp.services.notices.targets.edit_targets import get_team_target, record_target_event
from webapp.services.notices.wake import wake_after_commit
from webapp.services.transactions import transaction


def pause_target(target_id: int, reason: str | None, *, actor_id: int | None = None) -> Target:
    """Keep everything that is for a target until it is resumed, at most for two days.

    Raises FieldError without a reason, NotFoundError, and RefusedError if it is paused.
    """
    words = clean_line(reason, NAME_LENGTH)
    if not words:
        raise FieldError({"reason": "Say why it is paused."})
    with transaction() as session:
        target = get_team_target(session, target_id, lock=True)
        if target.paused_at is not None:
            raise RefusedError(f"{target.name} is paused already.")
        target.paused_at, target.pause_reason = clock.utcnow(), words
        target.paused_by_id = actor_id
        after = {"reason": words}
        record_target_event(session, "paused", target, after=after, actor_id=actor_id)
        return target


def resume_target(target_id: int, *, actor_id: int | None = None) -> Target:
    """Send what waits for a target, and everything from now on.

    Raises NotFoundError, and RefusedError if it is not paused.
    """
    with transaction() as session:
        target = get_team_target(session, target_id, lock=True)
        if target.paused_at is None:
            raise RefusedError(f"{target.name} is not paused.")
        let_go(session, target)
        record_target_event(session, "resumed", target, actor_id=actor_id)
        return target


def let_go(session: Session, target: Target) -> None:
    """End a target's pause and its rest after failures, in the caller's write transaction."""
    target.paused_at = target.pause_reason = target.paused_by_id = None
    target.rests_until, target.failing_since, target.failures = None, None, 0
    wake_after_commit(session, [target.id])
