"""When people left, for what is new since then."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.live.absence import Stay, absence_before
from webapp.models import UserSession


def read_absence(session: Session, user_id: int, now: datetime) -> datetime | None:
    """When somebody who is there `now` was last there before, in one statement.

    Nothing is known of a first visit.
    """
    query = select(UserSession.last_seen_at, UserSession.left_at).where(
        UserSession.user_id == user_id
    )
    return absence_before((Stay(*row) for row in session.execute(query)), now)
