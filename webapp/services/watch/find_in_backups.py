"""Backups that failed, or that nobody made."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.config import Config
from webapp.domain.watch.alarm_kinds import Trouble
from webapp.services.recovery.read_backups import judge_places
from webapp.services.watch.found import Found


def find_in_backups(session: Session, config: Config, now: datetime) -> Iterator[Found]:
    """Yield what is wrong with the scheduled backups at `now` (UTC); nothing without a schedule."""
    for place in judge_places(session, config, now):
        if place.failure is not None:
            sentence = f"The backup into {place.words} failed: {place.failure}"
            yield Found(Trouble.BACKUP_FAILED, _subject(place.words), sentence)
        if place.is_overdue and not place.is_at_work:
            newest = (
                f"is of {place.newest_at:%Y-%m-%d %H:%M} UTC" if place.newest_at else "is missing"
            )
            sentence = f"Backups into {place.words} are overdue: the newest good one {newest}."
            yield Found(Trouble.BACKUP_OVERDUE, _subject(place.words), sentence)


def _subject(words: str) -> str:
    return f"backup:{words}"[:100]
