"""Which backups are kept: the newest of so many days, weeks and months."""

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime

MOST_KEPT = 1000
_PART = re.compile(r"(\d{1,4}) (daily|weekly|monthly)", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeepRule:
    """How many days, weeks (ISO 8601) and months keep their newest backup; all times are UTC."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 12

    def __str__(self) -> str:
        parts = ((self.daily, "daily"), (self.weekly, "weekly"), (self.monthly, "monthly"))
        return ", ".join(f"{count} {name}" for count, name in parts if count)


def parse_keep(text: str) -> KeepRule | None:
    """Read a rule such as `7 daily, 4 weekly, 12 monthly`; None for a text that is no rule.

    What is not named is not kept. A rule that keeps nothing at all, names a kind twice or counts
    further than MOST_KEPT is none.
    """
    counts: dict[str, int] = {}
    for part in text.lower().split(","):
        match = _PART.fullmatch(" ".join(part.split()))
        if match is None or match[2] in counts or int(match[1]) > MOST_KEPT:
            return None
        counts[match[2]] = int(match[1])
    if not any(counts.values()):
        return None
    return KeepRule(**{"daily": 0, "weekly": 0, "monthly": 0, **counts})


def choose_removed(taken: Iterable[datetime], rule: KeepRule) -> set[datetime]:
    """Return the times (UTC) of those backups that the rule does not keep.

    Days, weeks and months without a backup do not count, so that backups that stopped months ago
    are all still there. The newest backup is always kept.
    """
    newest_first = sorted(set(taken), reverse=True)
    kept = set(newest_first[:1])
    for count, period in ((rule.daily, _day), (rule.weekly, _week), (rule.monthly, _month)):
        kept |= _newest_of_each(newest_first, count, period)
    return set(newest_first) - kept


def choose_removed_unchecked(
    unchecked: Iterable[datetime], checked: Iterable[datetime], rule: KeepRule
) -> set[datetime]:
    """Return the times (UTC) of backups that nobody has checked and that the rule does not keep.

    Each counts beside the checked ones alone: it never takes the place of one of them, and goes
    when a checked one that is newer has taken its own.
    """
    known = set(checked)
    return {at for at in unchecked if at in choose_removed(known | {at}, rule)}


def _newest_of_each(
    newest_first: list[datetime], count: int, period: Callable[[datetime], Hashable]
) -> set[datetime]:
    found: dict[Hashable, datetime] = {}
    for at in newest_first:
        if period(at) not in found and len(found) < count:
            found[period(at)] = at
    return set(found.values())


def _day(at: datetime) -> Hashable:
    return at.date()


def _week(at: datetime) -> Hashable:
    return at.isocalendar()[:2]


def _month(at: datetime) -> Hashable:
    return at.year, at.month
