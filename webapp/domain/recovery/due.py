"""When the next scheduled backup is due, and what counts as overdue."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

FAILURE_RESTS = timedelta(hours=1)
"""How long after a failure a backup is tried again."""

MOST_INTERRUPTED = 3
"""So many backups within FAILURE_RESTS that did not come to their end count as a failure."""

SILENT_AFTER = timedelta(minutes=5)
"""A backup at work says so at least every minute; after so long without a word it is none."""

OVERDUE_AFTER = timedelta(hours=26)
"""A day, and two hours for making and checking the backup."""

_AT = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?: +(\S+))?", re.ASCII)


class BackupState(StrEnum):
    """How far a backup has come; INTERRUPTED is one whose process ended before it did."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class DailyTime:
    """A time of day in a zone (UTC if none is named)."""

    at: time = time(2)
    zone: str = "UTC"

    def __str__(self) -> str:
        return f"{self.at:%H:%M} {self.zone}"

    def last_before(self, now: datetime) -> datetime:
        """The last moment (UTC) until `now` at which clocks in the zone showed this time."""
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        moments = (
            datetime.combine(today - timedelta(days=ago), self.at, zone).astimezone(UTC)
            for ago in (0, 1, 2)
        )
        return next(moment for moment in moments if moment <= now)

    def next_after(self, now: datetime) -> datetime:
        """The next moment (UTC) after `now` at which clocks in the zone show this time."""
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        moments = (
            datetime.combine(today + timedelta(days=ahead), self.at, zone).astimezone(UTC)
            for ahead in (-1, 0, 1, 2)
        )
        return next(moment for moment in moments if moment > now)


def parse_daily_time(text: str) -> DailyTime | None:
    """Read `02:00` (UTC) or `02:00 Europe/Berlin`; None for anything else."""
    match = _AT.fullmatch(text.strip())
    if match is None:
        return None
    zone = match[3] or "UTC"
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # unknown, not a name at all, a folder of zones
        return None
    return DailyTime(time(int(match[1]), int(match[2])), zone)


@dataclass(frozen=True, slots=True)
class MadeBackup:
    """A backup into one place: how far it has come, since when, and when it last said so (UTC)."""

    state: str
    started_at: datetime
    ended_at: datetime | None = None
    beat_at: datetime | None = None
    is_verified: bool = False

    def is_at_work(self, now: datetime) -> bool:
        """Whether it runs, as far as can be told by its last word; a time to come is none."""
        heard_at = self.beat_at or self.started_at
        return self.state == BackupState.RUNNING and abs(now - heard_at) < SILENT_AFTER

    @property
    def is_good(self) -> bool:
        """Whether it is there and was checked."""
        return self.state == BackupState.COMPLETED and self.is_verified


def is_backup_due(made: Iterable[MadeBackup], at: DailyTime, now: datetime) -> bool:
    """Whether a backup into one place is to be made at `now` (UTC), going by those made before.

    One is due daily, at once where there was none since the last due time, an hour after a failure,
    and at once where one was interrupted, but for the third time within an hour: something ends
    them. None is due while one is at work.
    """
    due_at = at.last_before(now)
    interrupted = 0
    for one in made:
        if one.is_at_work(now):
            return False
        if one.is_good and due_at <= one.started_at <= now:
            return False
        ended_at = one.ended_at or one.started_at
        if now - FAILURE_RESTS < ended_at <= now:
            if one.state == BackupState.FAILED:
                return False
            interrupted += one.state in (BackupState.RUNNING, BackupState.INTERRUPTED)
    return interrupted < MOST_INTERRUPTED


def newest_good(made: Iterable[MadeBackup]) -> datetime | None:
    """When the newest backup that was checked began (UTC), None where there is none."""
    return max((one.started_at for one in made if one.is_good), default=None)


def is_overdue(made: Sequence[MadeBackup], now: datetime) -> bool:
    """Whether the newest good backup is too old at `now` (UTC), or there is none."""
    newest = newest_good(made)
    return newest is None or now - newest > OVERDUE_AFTER


def has_failed_last(made: Iterable[MadeBackup]) -> bool:
    """Whether the newest backup that has ended by itself failed."""
    ended = [one for one in made if one.state in (BackupState.COMPLETED, BackupState.FAILED)]
    newest = max(ended, key=lambda one: one.started_at, default=None)
    return newest is not None and newest.state == BackupState.FAILED
