"""Which waiting rows of a target become one message, and when a flood becomes one notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.domain.notices.target_kinds import Limit

BUNDLE_WINDOW = timedelta(minutes=2)
"""Incidents of one organization within this time are one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A row that waits to be sent.

    `message_key` is set once it belongs to a message that was tried. `subject` names what it is
    about: what is told of one subject keeps its order.
    """

    id: int
    due_at: datetime
    next_try_at: datetime
    subject: str
    bundle: str | None = None
    message_key: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are sent as one message; `is_flood` says that only their number is told."""

    rows: tuple[Waiting, ...]
    is_flood: bool = False


def group_rows(rows: Sequence[Waiting], now: datetime) -> list[Group]:
    """Return the messages that `rows`, in the order in which they were written, make at `now`.

    Rows of one message that was tried before stay together. Other rows with the same bundle become
    one message as soon as the first of them is due. A row waits while an earlier one about the same
    subject does.
    """
    keys: dict[str, list[Waiting]] = {}
    for row in rows:
        name = row.message_key or (f"bundle:{row.bundle}" if row.bundle else f"row:{row.id}")
        keys.setdefault(name, []).append(row)
    groups: list[Group] = []
    held_back: set[str] = set()
    for members in sorted(keys.values(), key=lambda members: members[0].id):
        subjects = {row.subject for row in members}
        is_due = any(row.due_at <= now for row in members) and all(
            row.next_try_at <= now or row.next_try_at == row.due_at for row in members
        )
        if is_due and held_back.isdisjoint(subjects):
            groups.append(Group(tuple(members)))
        else:
            held_back |= subjects
    return groups


def free_at(sent: Sequence[datetime], limits: Sequence[Limit], now: datetime) -> datetime:
    """Return when the next message may be sent; `sent` are the times of those before."""
    moment = now
    for limit in limits:
        within = sorted(at for at in sent if at > now - limit.span)
        if len(within) >= limit.count:
            moment = max(moment, within[-limit.count] + limit.span)
    return moment


def fold_flood(
    groups: Sequence[Group], sent: Sequence[datetime], limits: Sequence[Limit], now: datetime
) -> list[Group]:
    """Return the messages to send now to a target with `limits`.

    As long as they fit, these are `groups`. Where there are more than fit, the last message that
    fits tells the number of all that are left. Where none fits, none is sent yet.
    """
    room = min(
        (limit.count - sum(at > now - limit.span for at in sent) for limit in limits),
        default=len(groups),
    )
    if len(groups) <= room:
        return list(groups)
    if room <= 0:
        return []
    left = groups[room - 1 :]
    flood = Group(tuple(row for group in left for row in group.rows), is_flood=True)
    return [*groups[: room - 1], flood]
