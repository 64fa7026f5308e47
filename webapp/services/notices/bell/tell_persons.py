"""Telling people of what concerns them by their own contact methods, as each of them chose.

Who wants it says so for each contact method. It is held by quiet hours unless the ticket is
critical; of tickets of muted clients nobody is told. A row of the bell is told once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from webapp.domain.incident import Severity
from webapp.domain.markdown_text import unescaped
from webapp.domain.notices.events import PERSONAL_TYPES
from webapp.domain.notices.facts import TicketFacts
from webapp.domain.triage.bell import Bell
from webapp.domain.untrusted import clean_line
from webapp.models import Comment, OutboxRow, Target, User
from webapp.services.notices.read_facts import read_facts
from webapp.services.notices.read_rules import muted_clients, read_quiet_hours
from webapp.services.notices.recipients import Recipient, find_recipients
from webapp.services.notices.write_rows import NewRow, write_rows

NOTE_SHOWN = 400
JUST_NOW = timedelta(seconds=10)
"""What a policy has told a contact method of a ticket so shortly before is not told twice."""

_WANTED: Mapping[Bell, ColumnElement[bool]] = {
    Bell.MENTIONED: Target.tells_mentions.is_(True),
    Bell.ASSIGNED: Target.tells_watched.is_(True),
    Bell.WATCHED: Target.tells_watched.is_(True),
    Bell.DUE_SOON: Target.tells_watched.is_(True),
    Bell.OVERDUE: Target.tells_watched.is_(True),
    Bell.RETURNED: Target.tells_watched.is_(True),
}
"""What a person chose for a contact method."""


class Rung(NamedTuple):
    """An item that was put into a bell."""

    item_id: int
    ticket_id: int
    user_id: int
    comment_id: int | None


@dataclass(frozen=True, slots=True)
class _What:
    """What is told: of which kind, by whom, with the notes by id."""

    kind: Bell
    person: str | None
    notes: Mapping[int, str]


def tell_persons(
    session: Session,
    kind: Bell,
    rung: Sequence[Rung],
    now: datetime,
    *,
    actor_id: int | None = None,
) -> None:
    """Write what the people of `rung` wanted to be told, in the caller's transaction."""
    wanted = _WANTED.get(kind)
    if wanted is None or not rung:
        return
    people = {one.user_id for one in rung}
    methods = [
        one
        for one in find_recipients(session, Target.user_id.in_(people), wanted)
        if not one.is_paused
    ]
    if not methods:
        return
    told = _told_just_now(session, rung, methods, now)
    facts = read_facts(session, {one.ticket_id for one in rung}, of_every_source=True)
    muted = muted_clients(session, now)
    person = session.scalar(select(User.name).where(User.id == actor_id)) if actor_id else None
    what = _What(kind, person, _read_notes(session, rung))
    quiet = read_quiet_hours(session)
    quiet_until = (quiet.end_after(now) if quiet else None) or now
    write_rows(
        session,
        [
            _row(one, its, method, what, now if _is_critical(its) else quiet_until)
            for one in rung
            if (its := facts.get(one.ticket_id)) is not None and its.client_id not in muted
            for method in methods
            if method.person_id == one.user_id and (one.ticket_id, method.target_id) not in told
        ],
        now,
    )


def _told_just_now(
    session: Session, rung: Sequence[Rung], methods: Sequence[Recipient], now: datetime
) -> set[tuple[int | None, int | None]]:
    """Return pairs of a ticket and a method for which a policy has just written a message."""
    rows = session.execute(
        select(OutboxRow.ticket_id, OutboxRow.target_id).where(
            OutboxRow.ticket_id.in_({one.ticket_id for one in rung}),
            OutboxRow.target_id.in_({one.target_id for one in methods}),
            OutboxRow.created_at > now - JUST_NOW,
            OutboxRow.event.not_in(PERSONAL_TYPES.values()),
        )
    )
    return {(row.ticket_id, row.target_id) for row in rows}


def _read_notes(session: Session, rung: Sequence[Rung]) -> dict[int, str]:
    ids = {one.comment_id for one in rung if one.comment_id is not None}
    if not ids:
        return {}
    entries = session.scalars(select(Comment).where(Comment.id.in_(ids)))
    return {
        one.id: clean_line(one.body if one.is_typed else unescaped(one.body), NOTE_SHOWN) or ""
        for one in entries
    }


def _row(one: Rung, facts: TicketFacts, method: Recipient, what: _What, due_at: datetime) -> NewRow:
    note = what.notes.get(one.comment_id) if one.comment_id is not None else None
    return NewRow(
        key=f"bell:{one.item_id}",
        recipient=method,
        event=PERSONAL_TYPES[what.kind],
        facts=replace(facts, person=what.person, note=note).as_json(),
        due_at=due_at,
        ticket_id=one.ticket_id,
        bundle=f"{what.kind}:{due_at.timestamp():.6f}",
    )


def _is_critical(facts: TicketFacts) -> bool:
    return Severity.of(facts.severity) is Severity.CRITICAL
