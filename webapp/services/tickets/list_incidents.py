"""The register of incidents: every recorded one, with its ticket or the reason it has none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from webapp.domain.incident import DELETED, DELETING, DRAFT, is_recorded_open
from webapp.domain.plan import Reason
from webapp.domain.search_query import SEARCH_LENGTH
from webapp.models import Alert, Connection, OrganizationMapping, Ticket
from webapp.models.alert import is_open
from webapp.services.edition import require_enterprise
from webapp.services.keyset import Keyset, Order, read_page
from webapp.services.list_sizes import PAGE_SIZE
from webapp.services.portal_links import incident_url
from webapp.services.tickets.ticket_filters import has_severity
from webapp.services.transactions import reading

REASONS: dict[str, str] = {
    Reason.BEFORE_BACKFILL: "Older than the backfill",
    Reason.ORG_OPTED_OUT: "Excluded organization",
    Reason.ALREADY_CLOSED: "Closed when first seen",
    Reason.NOT_SENT_YET: "Not sent yet: the SOC still works on it",
    Reason.DELETING: "Being deleted at Huntress",
    Reason.TICKET_REQUESTED: "Comes with the next poll",
    Reason.TICKET_DELETED: "Ticket deleted for its age",
    Reason.ERASED: "Erased: its client was forgotten",
}
OTHER_REASON = "No ticket"
COUNT_LIMIT = 999

_NEWEST = Keyset(Order(Alert.id, "id", descending=True))
_reported_at = func.coalesce(Alert.triggered_at, Alert.created_at)


STATUSES: Mapping[str, str] = {
    "open": "Open at Huntress",
    "closed": "Closed at Huntress",
    "deleted": "Deleted at Huntress",
}


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    """The filters and the place of a page; a filter that is None or empty hides nothing.

    `organization_id` is the id of an OrganizationMapping, `severity` a word of
    domain.incident.Severity, `status` a key of STATUSES and `reason` one of REASONS. Incidents were
    reported at `since` or later and before `until` (both UTC).
    """

    connection_id: int | None = None
    organization_id: int | None = None
    severity: str | None = None
    status: str | None = None
    has_ticket: bool | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""
    after: str | None = None
    before: str | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter hides incidents."""
        return replace(self, after=None, before=None) != IncidentQuery()


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """A recorded incident; times are UTC.

    `reason` says why it has no ticket; None for one that has. `is_reduced` says that only its id,
    severity, status and times are kept, because its organization is excluded or its ticket was
    deleted for its age. `reported_at` is when it was recorded where Huntress gave no time.
    """

    id: int
    external_id: str
    subject: str | None
    severity: str | None
    status: str | None
    organization: str | None
    organization_id: str | None
    host: str | None
    connection: str
    ticket_id: int | None
    ticket_number: str | None
    ticket_closed_at: datetime | None
    reason: str | None
    is_excluded: bool
    is_reduced: bool
    is_open: bool
    is_requested: bool
    is_over: bool
    portal_url: str | None
    reported_at: datetime
    recorded_at: datetime
    updated_at: datetime | None
    closed_at: datetime | None

    @property
    def can_have_ticket(self) -> bool:
        """Whether a person may ask for a ticket.

        Those with a ticket, closed, excluded and requested incidents get none, nor do those whose
        ticket was deleted for its age (`is_over`).
        """
        is_free = self.ticket_id is None and not self.is_excluded and not self.is_requested
        return self.is_open and is_free and not self.is_over


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """A page of incidents, newest first, and what the filters offer.

    `count` stops at one more than COUNT_LIMIT; a search is not counted, as that would read every
    subject. `connections` and `organizations` are pairs of id and name.
    """

    rows: Sequence[IncidentRow]
    next_mark: str | None
    previous_mark: str | None
    count: int | None
    connections: Sequence[tuple[int, str]]
    organizations: Sequence[tuple[int, str]]


def list_incidents(query: IncidentQuery, *, page_size: int = PAGE_SIZE) -> IncidentPage:
    """The page of recorded incidents that `query` asks for.

    A mark that cannot be read starts from the top. Raises EditionError.
    """
    require_enterprise()
    with reading() as session:
        conditions = incident_conditions(query)
        page = read_page(
            session,
            select(Alert).where(*conditions),
            _NEWEST,
            page_size,
            after=query.after,
            before=query.before,
        )
        return IncidentPage(
            rows=read_incident_rows(session, [alert.id for alert in page.rows]),
            next_mark=page.next_mark,
            previous_mark=page.previous_mark,
            count=None if query.search else _count(session, conditions),
            connections=_connections(session),
            organizations=_organizations(session),
        )


def incident_conditions(query: IncidentQuery) -> list[ColumnElement[bool]]:
    """SQL for the filters of `query`; drills are in no register."""
    conditions: list[ColumnElement[bool]] = [Alert.is_drill.is_(False)]
    if query.connection_id is not None:
        conditions.append(Alert.connection_id == query.connection_id)
    if query.organization_id is not None:
        chosen = OrganizationMapping.id == query.organization_id
        conditions.append(_has_organization(chosen))
    if query.severity is not None:
        conditions.append(has_severity(query.severity))
    if query.status is not None:
        conditions.append(_has_status(query.status))
    if query.has_ticket is not None:
        has_none = Alert.ticket_id.is_(None)
        conditions.append(~has_none if query.has_ticket else has_none)
    if query.reason is not None:
        conditions += [Alert.ticket_id.is_(None), Alert.reason == query.reason]
    if query.since is not None:
        conditions.append(_reported_at >= query.since)
    if query.until is not None:
        conditions.append(_reported_at < query.until)
    search = query.search.strip()[:SEARCH_LENGTH]
    if search:
        conditions.append(_is_found(search))
    return conditions


def read_incident_rows(session: Session, ids: Sequence[int]) -> list[IncidentRow]:
    """What the register says of the alerts with these ids, newest first."""
    return [_as_row(row) for row in session.execute(_details(ids))]


def _count(session: Session, conditions: Sequence[ColumnElement[bool]]) -> int:
    found = select(Alert.id).where(*conditions).limit(COUNT_LIMIT + 1).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def _connections(session: Session) -> list[tuple[int, str]]:
    names = select(Connection.id, Connection.name).order_by(func.lower(Connection.name))
    return [(row.id, row.name) for row in session.execute(names)]


def _has_status(word: str) -> ColumnElement[bool]:
    if word == "open":
        return is_open()
    is_deleted = Alert.parsed_status == DELETED
    return is_deleted if word == "deleted" else and_(~is_open(), ~is_deleted)


def _has_organization(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(OrganizationMapping.id).where(same_organization(), condition).exists()


def _is_found(search: str) -> ColumnElement[bool]:
    number = Ticket.number.icontains(search, autoescape=True)
    return or_(
        Alert.message.icontains(search, autoescape=True),
        Alert.device_name.icontains(search, autoescape=True),
        Alert.external_alert_id == search,
        _has_organization(OrganizationMapping.name.icontains(search, autoescape=True)),
        select(Ticket.id).where(Ticket.id == Alert.ticket_id, number).exists(),
    )


def _organizations(session: Session) -> list[tuple[int, str]]:
    """Every organization; with several connections, the connection's name tells twins apart."""
    rows = session.execute(
        select(OrganizationMapping.id, OrganizationMapping.name, Connection.name)
        .join(Connection, Connection.id == OrganizationMapping.connection_id)
        .order_by(func.lower(OrganizationMapping.name), OrganizationMapping.id)
    ).all()
    is_one = len({connection for _, _, connection in rows}) < 2
    return [(key, name if is_one else f"{name} ({connection})") for key, name, connection in rows]


def _details(ids: Sequence[int]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Alert.id,
            Alert.external_alert_id,
            Alert.message,
            Alert.severity,
            Alert.status,
            Alert.parsed_status,
            Alert.reason,
            Alert.organization_external_id,
            Alert.device_name,
            Alert.processed_at,
            Alert.resolved_at,
            Alert.created_at,
            _reported_at.label("reported_at"),
            and_(Alert.raw_report.is_(None), Alert.message.is_(None)).label("is_reduced"),
            OrganizationMapping.name.label("organization"),
            OrganizationMapping.creates_tickets,
            Connection.name.label("connection"),
            Connection.subdomain,
            Connection.portal_template,
            Alert.ticket_id,
            Ticket.number,
            Ticket.closed_at,
        )
        .join(Connection, Connection.id == Alert.connection_id)
        .outerjoin(OrganizationMapping, same_organization())
        .outerjoin(Ticket, Ticket.id == Alert.ticket_id)
        .where(Alert.id.in_(ids))
        .order_by(Alert.id.desc())
    )


def same_organization() -> ColumnElement[bool]:
    """SQL that joins an alert to its organization's row of the mapping."""
    return and_(
        OrganizationMapping.connection_id == Alert.connection_id,
        OrganizationMapping.external_id == Alert.organization_external_id,
    )


def _as_row(row: Any) -> IncidentRow:
    return IncidentRow(
        id=row.id,
        external_id=row.external_alert_id,
        subject=row.message,
        severity=row.severity,
        status=row.status,
        organization=row.organization or row.organization_external_id,
        organization_id=row.organization_external_id,
        host=row.device_name,
        connection=row.connection,
        ticket_id=row.ticket_id,
        ticket_number=row.number,
        ticket_closed_at=row.closed_at,
        reason=None if row.ticket_id else REASONS.get(row.reason or "", OTHER_REASON),
        is_excluded=row.creates_tickets is False,
        is_reduced=row.is_reduced,
        is_open=is_recorded_open(row.parsed_status) and row.parsed_status not in (DELETING, DRAFT),
        is_requested=row.reason == Reason.TICKET_REQUESTED,
        is_over=row.reason == Reason.TICKET_DELETED,
        portal_url=incident_url(
            row.external_alert_id,
            row.organization_external_id,
            subdomain=row.subdomain,
            chosen=row.portal_template,
        ),
        reported_at=row.reported_at,
        recorded_at=row.created_at,
        updated_at=row.processed_at,
        closed_at=row.resolved_at,
    )


def find_ticket_of(alert_id: int) -> int | None:
    """The id of the ticket that an incident has by now, or None."""
    with reading() as session:
        return session.scalar(select(Alert.ticket_id).where(Alert.id == alert_id))
