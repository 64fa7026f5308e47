"""Until when a bulk change can be undone, and by whom."""

from datetime import datetime, timedelta

UNDO_MINUTES = 10


def is_undo_open(created_at: datetime, now: datetime) -> bool:
    """Whether a bulk change made at `created_at` (UTC) is recent enough to be undone at `now`."""
    return now - created_at <= timedelta(minutes=UNDO_MINUTES)


def may_undo(actor_id: int | None, viewer_id: int, is_admin: bool) -> bool:
    """Whether the viewer may undo what the actor did: their own, and admins everything."""
    return is_admin or actor_id == viewer_id
