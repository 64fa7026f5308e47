"""Backups that were made before somebody was forgotten, and still hold what was erased."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from webapp.models import Backup
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class BackupsLeft:
    """How many backups of before there are, as far as this installation made them, and when."""

    count: int
    oldest: datetime | None
    newest: datetime | None

    @property
    def words(self) -> str:
        """What to know about backups, in two or three sentences."""
        elsewhere = (
            "Copies of the database that something else made (snapshots, dumps, a file taken to "
            "another place) are not known here. Whoever restores one has to forget again."
        )
        if self.newest is None or self.oldest is None:
            return f"No backup that was made here holds it. {elsewhere}"
        noun = "backup" if self.count == 1 else "backups"
        verb = "holds" if self.count == 1 else "hold"
        return (
            f"{self.count} {noun} made here still {verb} it, the oldest of {_day(self.oldest)}, the"
            f" newest of {_day(self.newest)}: it is gone from them once newer ones have taken "
            f"their places. {elsewhere}"
        )


def find_backups_left(until: datetime) -> BackupsLeft:
    """Return the backups that were begun before `until` (UTC) and are not removed yet."""
    query = select(Backup.started_at).where(
        Backup.started_at < until, Backup.removed_at.is_(None), Backup.finished_at.is_not(None)
    )
    with reading() as session:
        times: Sequence[datetime] = session.scalars(query.order_by(Backup.started_at)).all()
    return BackupsLeft(len(times), times[0] if times else None, times[-1] if times else None)


def _day(time: datetime) -> str:
    return f"{time.day} {time:%B %Y}"
