"""From when on a page that was loaded some time ago is told of changes."""

from datetime import datetime, timedelta

LATE_COMMITS = timedelta(seconds=20)
"""A change bears the time at which its transaction began; it may be committed so much later."""
LONGEST_OPEN = timedelta(days=2)
"""A page that has been open for longer is told of the changes of so much time."""


def changes_from(loaded: datetime | None, now: datetime) -> datetime:
    """The time (UTC) after which changes are told to a page that was loaded at `loaded`.

    A little before it was loaded, so that no change is missed that was committed late; the page
    knows which of them it shows already. Without a time, and for one in the future, it counts as
    loaded `now`.
    """
    known = now if loaded is None else min(loaded, now)
    return max(known - LATE_COMMITS, now - LONGEST_OPEN)
