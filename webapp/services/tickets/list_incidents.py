"""Recorded incidents without a ticket, and why they have none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from webapp.domain.incident import DELETING, DRAFT, is_recorded_open
from webapp.domain.plan import Reason
from webapp.domain.search_query import SEARCH_LENGTH
from webapp.models import Alert, Connection, OrganizationMapping
from webapp.models.alert import is_open
from webapp.services.keyset import Keyset, Order, read_page
from webapp.services.list_sizes import PAGE_SIZE
from webapp.services.lookups import list_connections
from webapp.services.transactions import reading

REASONS: dict[str, str] = {
    Reason.BEFORE_BACKFILL: "Older than the backfill",
    Reason.ORG_OPTED_OUT: "Excluded organization",
    Reason.ALREADY_CLOSED: "Closed when first seen",
    Reason.NOT_SENT_YET: "Not sent yet: the SOC still works on it",
    Reason.DELETING: "Being deleted at Huntress",
    Reason.TICKET_REQUESTED: "Comes with the next poll",
}
OTHER_REASON = "No ticket"

_NEWEST = Keyset(Order(Alert.id, "id", descending=True))


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    """The filters and the place of a page; a filter that is None or empty hides nothing."""

    connection_id: int | None = None
    reason: str | None = None
    is_open: bool = False
    search: str = ""
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """A recorded incident without a ticket.

    `is_reduced` says that only its id, severity, status and times are kept because its organization
    is excluded. No ticket can be made of these.
    """

    id: int
    external_id: str
    subject: str | None
    severity: str | None
    status: str | None
    organization: str | None
    connection: str
    reason: str
    is_excluded: bool
    is_reduced: bool
    is_open: bool
    is_requested: bool
    happened_at: datetime

    @property
    def can_have_ticket(self) -> bool:
        """Whether a person may ask for a ticket.

        Closed, excluded and requested incidents get none.
        """
        return self.is_open and not self.is_excluded and not self.is_requested


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """A page of incidents, newest first, and the connections to choose from."""

    rows: Sequence[IncidentRow]
    next_mark: str | None
    previous_mark: str | None
    connections: Sequence[Connection]


def list_incidents(query: IncidentQuery, *, page_size: int = PAGE_SIZE) -> IncidentPage:
    """The page of recorded incidents without a ticket that `query` asks for.

    A mark that cannot be read starts from the top.
    """
    with reading() as session:
        page = read_page(
            session,
            select(Alert).where(*_conditions(query)),
            _NEWEST,
            page_size,
            after=query.after,
            before=query.before,
        )
        rows = session.execute(_details([alert.id for alert in page.rows])).all()
        return IncidentPage(
            rows=[_as_row(row) for row in rows],
            next_mark=page.next_mark,
            previous_mark=page.previous_mark,
            connections=list_connections(session),
        )


def _conditions(query: IncidentQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Alert.ticket_id.is_(None)]
    if query.connection_id is not None:
        conditions.append(Alert.connection_id == query.connection_id)
    if query.reason in REASONS:
        conditions.append(Alert.reason == query.reason)
    if query.is_open:
        conditions.append(is_open())
    search = query.search.strip()[:SEARCH_LENGTH]
    if search:
        conditions.append(
            or_(
                Alert.message.icontains(search, autoescape=True),
                Alert.external_alert_id == search,
                select(OrganizationMapping.id)
                .where(
                    _same_organization(),
                    OrganizationMapping.name.icontains(search, autoescape=True),
                )
                .exists(),
            )
        )
    return conditions


def _details(ids: list[int]) -> Select[*tuple[Any, ...]]:
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
            Alert.triggered_at,
            Alert.created_at,
            Alert.raw_report.is_(None).label("is_reduced"),
            OrganizationMapping.name.label("organization"),
            OrganizationMapping.creates_tickets,
            Connection.name.label("connection"),
        )
        .join(Connection, Connection.id == Alert.connection_id)
        .outerjoin(OrganizationMapping, _same_organization())
        .where(Alert.id.in_(ids))
        .order_by(Alert.id.desc())
    )


def _same_organization() -> ColumnElement[bool]:
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
        connection=row.connection,
        reason=REASONS.get(row.reason or "", OTHER_REASON),
        is_excluded=row.creates_tickets is False,
        is_reduced=row.is_reduced,
        is_open=is_recorded_open(row.parsed_status) and row.parsed_status not in (DELETING, DRAFT),
        is_requested=row.reason == Reason.TICKET_REQUESTED,
        happened_at=row.triggered_at or row.created_at,
    )


def find_ticket_of(alert_id: int) -> int | None:
    """The id of the ticket that an incident has by now, or None."""
    with reading() as session:
        return session.scalar(select(Alert.ticket_id).where(Alert.id == alert_id))
