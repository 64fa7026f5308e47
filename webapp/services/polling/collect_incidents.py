"""Collecting puts the rows of a page into the inbox, in one transaction for each page."""

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
    status_of_report,
)
from webapp.domain.plan import Reason, usable_time
from webapp.domain.untrusted import parse_id, parse_time, prune
from webapp.models import Alert, InboxRow, OrganizationMapping
from webapp.services.mapping.drop_reports import kept_of_excluded
from webapp.services.polling.cycle import Cycle
from webapp.services.transactions import NO_SYNC, reading, transaction

UNREADABLE_ATTEMPTS = 3
"""A report without a usable id cannot be processed later either: it is quarantined at once."""


@dataclass(frozen=True, slots=True)
class Collected:
    """One row of a page, ready for the inbox.

    `updated_at` is None where the report's time is missing or not usable.
    """

    key: str
    raw: Any
    content_hash: str
    updated_at: datetime | None
    organization_id: str | None

    @property
    def reduced_hash(self) -> str:
        """The hash of the part that is kept while the organization is excluded."""
        return content_hash(reduce_excluded(self.raw))

    @property
    def has_id(self) -> bool:
        """Whether the report has a usable incident id."""
        return not self.key.startswith("sha256:")

    @property
    def is_deleting(self) -> bool:
        """Whether Huntress is about to delete the incident."""
        return isinstance(self.raw, dict) and status_of_report(self.raw) == DELETING


def collect_rows(cycle: Cycle, rows: Iterable[object], *, is_sweep: bool = False) -> int:
    """Put the `rows` that are not recorded yet into the inbox; return how many inbox rows changed.

    Rows whose alert already holds this time and content are left out. A sweep notes on every
    recorded alert that Huntress still lists it.
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
        reduced = find_reduced(session, cycle.connection.id, fresh, ticketed)
        new = store_rows(
            session, cycle.connection.id, fresh, reduced, fetched_at, recorded=set(recorded)
        )
    cycle.note_wanted(row.raw for row in fresh if row.key not in reduced)
    cycle.run.count(collected=new)
    return new


def store_whole(cycle: Cycle, row_id: int, report: dict[str, Any]) -> None:
    """Put the whole `report`, fetched just now, in place of what was kept in an inbox row.

    If the organization is excluded, only the part that may be kept is stored. Its organization may
    have been excluded again, or the report may name another one by now. Nothing happens if the row
    is gone.
    """
    row = read_report(report, cycle.huntress_now())
    with transaction() as session:
        cycle.lease.fence(session)
        known = session.get(InboxRow, row_id, populate_existing=True)
        if known is None:
            return
        is_reduced = bool(find_reduced(session, cycle.connection.id, [row], set()))
        _replace(known, row, _kept(row, is_reduced=is_reduced), clock.utcnow())
    if not is_reduced:
        cycle.note_wanted([row.raw])


def read_report(row: object, now: datetime) -> Collected:
    """Read one row of a page; an `updated_at` later than `now` (Huntress's clock) is not usable."""
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
    """Return the newest report of each incident, by key; `rows` are in the order of fetching."""
    newest: dict[str, Collected] = {}
    for row in rows:
        known = newest.get(row.key)
        if known is None or not _is_older(row.updated_at, known.updated_at):
            newest[row.key] = row
    return newest


def _is_older(time: datetime | None, than: datetime | None) -> bool:
    """Whether `time` is earlier than `than`; False where one of them is missing.

    Where a time is missing, the report that was fetched later therefore counts as newer.
    """
    return time is not None and than is not None and time < than


def _recorded(cycle: Cycle, rows: dict[str, Collected]) -> dict[str, Any]:
    columns = (
        Alert.external_alert_id,
        Alert.parsed_status,
        Alert.processed_at,
        Alert.content_hash,
        Alert.is_incomplete,
        Alert.reason,
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
    """Whether everything that the report says is recorded already.

    A report of an incident that was recorded as deleted is always news: the 404 may have meant that
    the API key lacked permission. One of an erased incident never is.
    """
    if alert is not None and alert.reason == Reason.ERASED:
        return True
    return (
        alert is not None
        and not alert.is_incomplete
        and alert.parsed_status != DELETED
        and _has_content(alert, row)
        and (row.updated_at is None or row.updated_at == alert.processed_at)
    )


def _has_content(alert: Any, row: Collected) -> bool:
    """Whether the alert holds the content of the report.

    For an excluded organization only the part that may be kept is compared. Once the organization
    is included, the kept part no longer counts as the whole report.
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


def find_reduced(
    session: Session, connection_id: int, rows: list[Collected], ticketed: set[str]
) -> set[str]:
    """Return the keys of reports whose content must not be kept.

    Their organization is excluded and they are not among the `ticketed` keys.
    """
    organizations = {row.organization_id for row in rows if row.organization_id}
    if not organizations:
        return set()
    excluded = set(
        session.scalars(
            select(OrganizationMapping.external_id).where(
                OrganizationMapping.connection_id == connection_id,
                OrganizationMapping.external_id.in_(organizations),
                OrganizationMapping.creates_tickets.is_(False),
            )
        )
    )
    return {row.key for row in rows if row.organization_id in excluded} - ticketed


def store_rows(
    session: Session,
    connection_id: int,
    rows: list[Collected],
    reduced: set[str],
    now: datetime,
    *,
    recorded: set[str],
) -> int:
    """Insert new reports and replace older ones in the inbox; return how many rows changed.

    The caller's transaction must hold the connection. Of the keys in `reduced` only the part is
    kept that may be (see `find_reduced`). A report that Huntress is about to delete, of an incident
    that is not `recorded`, is never processed (see domain.plan). It only replaces an older report
    that waits in the inbox; if it were inserted, it would come back with every walk.
    """
    if not rows:
        return 0
    waiting = {
        row.external_key: row
        for row in session.scalars(
            select(InboxRow).where(
                InboxRow.connection_id == connection_id,
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
                new.append({**_new_values(connection_id, row, now), **kept})
        elif _replaces(row, kept["payload"], known):
            _replace(known, row, kept, now)
            changed += 1
    if new:
        session.execute(insert(InboxRow), new)
    session.flush()
    return len(new) + changed


def _kept(row: Collected, *, is_reduced: bool) -> dict[str, Any]:
    """Return the columns for the report, or for the part that may be kept, with its own hash."""
    if is_reduced:
        return kept_of_excluded(row.raw)
    return {"payload": raw_text(row.raw), "content_hash": row.content_hash, "is_reduced": False}


def _new_values(connection_id: int, row: Collected, now: datetime) -> dict[str, Any]:
    return {
        "connection_id": connection_id,
        "external_key": row.key,
        "updated_at": row.updated_at,
        "fetched_at": now,
        "first_fetched_at": now,
        "next_try_at": now,
        "attempts": 0 if row.has_id else UNREADABLE_ATTEMPTS,
        "error": None if row.has_id else "The report has no usable id.",
    }


def _replaces(row: Collected, payload: str, known: InboxRow) -> bool:
    """Whether the fetched report must replace the one in the inbox.

    It must differ from that report and must not be older. A dismissed report is replaced by the
    same rule.
    """
    return known.payload != payload and not _is_older(row.updated_at, known.updated_at)


def _replace(known: InboxRow, row: Collected, kept: dict[str, Any], now: datetime) -> None:
    for name, value in kept.items():
        setattr(known, name, value)
    known.updated_at = row.updated_at
    known.fetched_at = known.next_try_at = now
    known.version += 1
    known.dismissed_at = known.dismissed_reason = known.dismissed_by_id = None
