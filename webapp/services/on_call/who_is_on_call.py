"""Who is on call at a moment."""

from datetime import datetime

from sqlalchemy.orm import Session

from webapp.models import User


def who_is_on_call(session: Session, now: datetime) -> User | None:
    """Return the person on call at `now` (UTC), None if nobody is."""
    return None
