"""Which waiting rows of a target become one message, and when a flood becomes one notice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from webapp.domain.notices.target_kinds import Limit

BUNDLE_WINDOW = timedelta(minutes=2)
"""Incidents of one organization within this time are one page."""


FLOOD_PAUSE = timedelta(minutes=5)
"""After a notice of a flood, what comes is collected for so long."""

FLOOD_LASTS = timedelta(minutes=15)
"""Within this time after such a notice, more than fit at once are the same flood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A row that waits to be sent.

    `message_key` is set once it belongs to a message that was tried, and `is_flood` if that was the
    notice of a flood. `subject` names what it is about: what is told of one subject keeps its
    order. A row that `is_apart` tells of no ticket, and is never bundled or held back by a flood.
    """

    id: int
    due_at: datetime
    next_try_at: datetime
    subject: str
    bundle: str | None = None
    message_key: str | None = None
    is_urgent: bool = False
    is_flood: bool = False
    is_apart: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are sent as one message; `is_flood` says that only their number is told.

    `hurries` says that something urgent about the same subject waits for it.
    """

    rows: tuple[Waiting, ...]
    is_flood: bool = False
    hurries: bool = False

    @property
    def is_urgent(self) -> bool:
        """Whether one of them is, or something urgent waits for it: it goes with the urgent."""
        return self.hurries or any(row.is_urgent for row in self.rows)

    @property
    def subjects(self) -> frozenset[str]:
        """What it is about."""
        return frozenset(row.subject for row in self.rows)

    @property
    def is_apart(self) -> bool:
        """Whether it tells of no ticket."""
        return self.rows[0].is_apart

    @property
    def was_tried(self) -> bool:
        """Whether it is a message already, which keeps its rows and its key."""
        return self.rows[0].message_key is not None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message about tickets that was sent before."""

    at: datetime
    is_urgent: bool = False
    is_flood: bool = False


def group_rows(rows: Sequence[Waiting], now: datetime) -> list[Group]:
    """Return the messages that `rows`, in the order in which they were written, make at `now`.

    Rows of one message that was tried before stay together. Other rows with the same bundle become
    one message as soon as the first of them is due. A row waits while an earlier one about the same
    subject is to be tried again; what is only held does not hold up others. What is urgent hurries
    what was written before it about the same subject.
    """
    groups: list[Group] = []
    held_back: set[str] = set()
    for members in sorted(_bundle(rows), key=lambda members: members[0].id):
        subjects = {row.subject for row in members}
        is_due = any(row.due_at <= now for row in members) and all(
            row.next_try_at <= now or row.next_try_at == row.due_at for row in members
        )
        if is_due and held_back.isdisjoint(subjects):
            groups.append(Group(tuple(members), is_flood=members[0].is_flood))
        elif is_due or members[0].message_key is not None:
            held_back |= subjects
    return _hurry(groups)


def _bundle(rows: Sequence[Waiting]) -> list[list[Waiting]]:
    """Return the rows of each message; a bundle begins anew with a row that would overtake."""
    bundles: dict[str, list[Waiting]] = {}
    names: dict[str, str] = {}
    last_of: dict[str, str] = {}
    for row in rows:
        name = row.message_key or (f"bundle:{row.bundle}" if row.bundle else f"row:{row.id}")
        current = names.get(name, name)
        before = bundles.get(last_of.get(row.subject, current))
        begun = bundles.get(current)
        if row.message_key is None and begun and before and before[0].id > begun[0].id:
            current = names[name] = f"{name}:{row.id}"
        bundles.setdefault(current, []).append(row)
        last_of[row.subject] = current
    return list(bundles.values())


def _hurry(groups: Sequence[Group]) -> list[Group]:
    """Mark what something urgent about the same subject comes after, so that the order stays."""
    urgent: set[str] = set()
    found: list[Group] = []
    for group in reversed(groups):
        one = group if urgent.isdisjoint(group.subjects) else replace(group, hurries=True)
        if one.is_urgent:
            urgent |= one.subjects
        found.append(one)
    return found[::-1]


def choose_message(
    groups: Sequence[Group], sent: Sequence[SentMessage], limits: Sequence[Limit], now: datetime
) -> Group | None:
    """Return which of `groups` is sent next to a target with `limits`; None if none may be yet.

    What tells of no ticket comes first, then what is urgent, then the rest; in each, what is new
    before what was tried, unless it is about the same subject. Urgent messages and others are
    limited each by themselves. What does not fit becomes one notice that tells how many there are;
    until such a flood is over, there is one every few minutes.
    """
    free = _leave_out_what_waits(groups)
    apart = next((group for group in free if group.is_apart), None)
    if apart is not None or not limits:
        return apart or min(free, key=lambda group: group.was_tried, default=None)
    for is_urgent in (True, False):
        mine = [group for group in free if group.is_urgent == is_urgent]
        before = [one for one in sent if one.is_urgent == is_urgent]
        chosen = _choose_of(mine, before, limits, now) if mine else None
        if chosen is not None:
            return chosen
    return None


def _leave_out_what_waits(groups: Sequence[Group]) -> list[Group]:
    """Return `groups` without those that come after one that was tried, about the same subject."""
    tried: set[str] = set()
    free: list[Group] = []
    for group in groups:
        if tried.isdisjoint(group.subjects):
            free.append(group)
        if group.was_tried:
            tried |= group.subjects
    return free


def _choose_of(
    groups: Sequence[Group], sent: Sequence[SentMessage], limits: Sequence[Limit], now: datetime
) -> Group | None:
    room = min(limit.count - sum(one.at > now - limit.span for one in sent) for limit in limits)
    if room <= 0:
        return None
    fresh = [group for group in groups if not group.was_tried]
    if not fresh:
        return groups[0]
    last_flood = max((one.at for one in sent if one.is_flood), default=None)
    if last_flood is not None and now < last_flood + FLOOD_PAUSE:
        return None
    is_same_flood = last_flood is not None and now < last_flood + FLOOD_LASTS
    if len(fresh) <= room or (room > 1 and not is_same_flood):
        return fresh[0]
    rows = tuple(row for group in fresh for row in group.rows)
    return Group(rows, is_flood=True, hurries=fresh[0].is_urgent)
