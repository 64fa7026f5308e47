"""Collecting: rows of a page become rows of the inbox, in one transaction a page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, insert, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.incident import (
    DELETED,
    DELETING,
    content_hash,
    incident_key,
    raw_text,
    reduce_excluded,
)
from webapp.domain.plan import usable_time
from webapp.domain.untrusted import parse_id, parse_time, prune
from webapp.models import Alert, InboxRow, OrganizationMapping
from webapp.services.mapping.drop_reports import kept_of_excluded
from webapp.services.polling.cycle import Cycle
from webapp.services.transactions import NO_SYNC, reading, transaction

UNREADABLE_ATTEMPTS = 3
"""A report without a usable id cannot be processed later either: it is quarantined at once."""


@dataclass(frozen=True, slots=True)
class Collected:
    """One row of a page, ready for the inbox. `updated_at` is None where it is not usable."""

    key: str
    raw: Any
    content_hash: str
    updated_at: datetime | None
    organization_id: str | None

    @property
    def reduced_hash(self) -> str:
        """The hash of what is kept where the organization is excluded."""
        return content_hash(reduce_excluded(self.raw))

    @property
    def has_id(self) -> bool:
        """Whether the report says which incident it is."""
        return not self.key.startswith("sha256:")

    @property
    def is_deleting(self) -> bool:
        """Whether Huntress is about to delete the incident."""
        return isinstance(self.raw, dict) and self.raw.get("status") == DELETING


def collect_rows(cycle: Cycle, rows: Iterable[object], *, is_sweep: bool = False) -> int:
    """Put the `rows` that are not recorded yet into the inbox; return how many were new there.

    Rows whose alert already holds this time and content are left out; a sweep notes on those
    that Huntress still lists them.
    """
    fetched_at = clock.utcnow()
    newest = newest_by_key(read_report(row, cycle.huntress_now()) for row in rows)
    if not newest:
        return 0
    recorded = _recorded(cycle, newest)
    fresh = [row for row in newest.values() if not _is_held(row, recorded.get(row.key))]
    held = [key for key in newest if key in recorded] if is_sweep else []
    if not fresh and not held:
        return 0
    with transaction() as session:
        cycle.lease.fence(session)
        _note_seen(session, cycle, held, fetched_at)
        ticketed = {key for key, alert in recorded.items() if alert.ticket_id is not None}
        reduced = _find_reduced(session, cycle, fresh, ticketed)
        new = _store(session, cycle, fresh, reduced, fetched_at, recorded=set(recorded))
    cycle.note_wanted(row.raw for row in fresh if row.key not in reduced)
    cycle.run.count(collected=new)
    return new


def store_whole(cycle: Cycle, row_id: int, report: dict[str, Any]) -> None:
    """Put the whole `report`, fetched just now, in place of what was kept in an inbox row.

    Where its organization is excluded (again, or is another one by now) only a part is kept, as
    ever. Nothing happens where the row is gone.
    """
    row = read_report(report, cycle.huntress_now())
    with transaction() as session:
        cycle.lease.fence(session)
        known = session.get(InboxRow, row_id, populate_existing=True)
        if known is None:
            return
        is_reduced = bool(_find_reduced(session, cycle, [row], set()))
        _replace(known, row, _kept(row, is_reduced=is_reduced), clock.utcnow())
    if not is_reduced:
        cycle.note_wanted([row.raw])


def read_report(row: object, now: datetime) -> Collected:
    """One row of a page; times later than `now` (Huntress's) are not usable."""
    raw = prune(row)
    hashed = content_hash(raw)
    fields = raw if isinstance(raw, dict) else {}
    return Collected(
        key=incident_key(raw, hashed),
        raw=raw,
        content_hash=hashed,
        updated_at=usable_time(parse_time(fields.get("updated_at")), now),
        organization_id=parse_id(fields.get("organization_id")),
    )


def newest_by_key(rows: Iterable[Collected]) -> dict[str, Collected]:
    """The newest report of each incident, of rows in the order they were fetched."""
    newest: dict[str, Collected] = {}
    for row in rows:
        known = newest.get(row.key)
        if known is None or not _is_older(row.updated_at, known.updated_at):
            newest[row.key] = row
    return newest


def _is_older(time: datetime | None, than: datetime | None) -> bool:
    """Newest by `updated_at`; where a time is missing, what was fetched later is newer."""
    return time is not None and than is not None and time < than


def _recorded(cycle: Cycle, rows: dict[str, Collected]) -> dict[str, Any]:
    columns = (
        Alert.external_alert_id,
        Alert.status,
        Alert.processed_at,
        Alert.content_hash,
        Alert.is_incomplete,
        Alert.ticket_id,
        OrganizationMapping.creates_tickets,
    )
    its_organization = and_(
        OrganizationMapping.connection_id == Alert.connection_id,
        OrganizationMapping.external_id == Alert.organization_external_id,
    )
    with reading() as session:
        found = session.execute(
            select(*columns)
            .outerjoin(OrganizationMapping, its_organization)
            .where(Alert.connection_id == cycle.connection.id, Alert.external_alert_id.in_(rows))
        )
        return {row.external_alert_id: row for row in found}


def _is_held(row: Collected, alert: Any) -> bool:
    """Whether the report says nothing that is not recorded already.

    That it is there again after a 404 (which may have meant "no permission") is news.
    """
    return (
        alert is not None
        and not alert.is_incomplete
        and alert.status != DELETED
        and _has_content(alert, row)
        and (row.updated_at is None or row.updated_at == alert.processed_at)
    )


def _has_content(alert: Any, row: Collected) -> bool:
    """Of an excluded organization's report the part that may be kept is all that counts.

    Once the organization is included, that part is not the whole report any more.
    """
    if alert.content_hash == row.content_hash:
        return True
    is_bare = alert.creates_tickets is False and alert.ticket_id is None
    return is_bare and bool(alert.content_hash == row.reduced_hash)


def _note_seen(session: Session, cycle: Cycle, keys: list[str], seen_at: datetime) -> None:
    if keys:
        session.execute(
            update(Alert)
            .where(Alert.connection_id == cycle.connection.id, Alert.external_alert_id.in_(keys))
            .values(observed_at=seen_at),
            execution_options=NO_SYNC,
        )


def _find_reduced(
    session: Session, cycle: Cycle, rows: list[Collected], ticketed: set[str]
) -> set[str]:
    """The keys of reports whose content must not be kept: excluded, and without a ticket."""
    organizations = {row.organization_id for row in rows if row.organization_id}
    if not organizations:
        return set()
    excluded = set(
        session.scalars(
            select(OrganizationMapping.external_id).where(
                OrganizationMapping.connection_id == cycle.connection.id,
                OrganizationMapping.external_id.in_(organizations),
                OrganizationMapping.creates_tickets.is_(False),
            )
        )
    )
    return {row.key for row in rows if row.organization_id in excluded} - ticketed


def _store(
    session: Session,
    cycle: Cycle,
    rows: list[Collected],
    reduced: set[str],
    now: datetime,
    *,
    recorded: set[str],
) -> int:
    """Insert what is new, replace what is older; returns how many rows changed.

    A report that is about to be deleted and not `recorded` never will be (see domain.plan): it
    only replaces an older one that waits. Otherwise it would come back with every walk.
    """
    if not rows:
        return 0
    waiting = {
        row.external_key: row
        for row in session.scalars(
            select(InboxRow).where(
                InboxRow.connection_id == cycle.connection.id,
                InboxRow.external_key.in_([row.key for row in rows]),
            )
        )
    }
    new, changed = [], 0
    for row in rows:
        kept = _kept(row, is_reduced=row.key in reduced)
        known = waiting.get(row.key)
        if known is None:
            if row.key in recorded or not row.is_deleting:
                new.append({**_new_values(cycle, row, now), **kept})
        elif _replaces(row, kept["payload"], known):
            _replace(known, row, kept, now)
            changed += 1
    if new:
        session.execute(insert(InboxRow), new)
    session.flush()
    return len(new) + changed


def _kept(row: Collected, *, is_reduced: bool) -> dict[str, Any]:
    """The report, or the part of it that may be kept, with the hash of just that."""
    if is_reduced:
        return kept_of_excluded(row.raw)
    return {"payload": raw_text(row.raw), "content_hash": row.content_hash, "is_reduced": False}


def _new_values(cycle: Cycle, row: Collected, now: datetime) -> dict[str, Any]:
    return {
        "connection_id": cycle.connection.id,
        "external_key": row.key,
        "updated_at": row.updated_at,
        "fetched_at": now,
        "first_fetched_at": now,
        "next_try_at": now,
        "attempts": 0 if row.has_id else UNREADABLE_ATTEMPTS,
        "error": None if row.has_id else "The report has no usable id.",
    }


def _replaces(row: Collected, payload: str, known: InboxRow) -> bool:
    """Only a different payload that is not older replaces the one that waits (or was dismissed)."""
    return known.payload != payload and not _is_older(row.updated_at, known.updated_at)


def _replace(known: InboxRow, row: Collected, kept: dict[str, Any], now: datetime) -> None:
    for name, value in kept.items():
        setattr(known, name, value)
    known.updated_at = row.updated_at
    known.fetched_at = known.next_try_at = now
    known.version += 1
    known.dismissed_at = known.dismissed_reason = known.dismissed_by_id = None
