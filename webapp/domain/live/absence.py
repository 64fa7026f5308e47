"""When a person was last there before a longer absence."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

LEAVING = timedelta(hours=1)
"""Whoever asks for nothing for so long has left. What open pages ask by themselves is not theirs.
"""


@dataclass(frozen=True, slots=True)
class Stay:
    """A session as far as absences go (UTC): when it was last used, what was noted in it.

    `left_at` is when the person had left before they came back to this session.
    """

    seen_at: datetime | None
    left_at: datetime | None


def absence_before(stays: Iterable[Stay], now: datetime) -> datetime | None:
    """When a person who is there `now` (UTC) was last there before; None for the first time.

    `stays` are all sessions of the person, so that nobody has left who only changed browsers. While
    they stay, it is when they had left before they came.
    """
    known = list(stays)
    last = max((stay.seen_at for stay in known if stay.seen_at is not None), default=None)
    if last is not None and now - last >= LEAVING:
        return last
    return max((stay.left_at for stay in known if stay.left_at is not None), default=None)
