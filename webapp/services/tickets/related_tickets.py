"""What belongs together with a ticket: linked tickets, those of its host or identity, and others.

Everything is found in one statement, each list from an index and a few rows long. Drills are none
of it. A name says which host it is only at one client, so other clients' hosts are left out; so are
other organizations' on the fallback client, where unmapped tickets of all of them lie.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    String,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from webapp.domain.triage.row_words import what_words
from webapp.domain.triage.ticket_link import LinkKind, relation_words
from webapp.models import Alert, Ticket, TicketLink
from webapp.models.watch import is_no_drill
from webapp.services.tickets.read_incident import IncidentView

SHOWN = 5
MOST_LINKS = 100
NEWEST_OF_ORGANIZATION = 300
"""Of an unmapped organization, this many of its newest incidents are looked at."""

_LINK, _SUBJECT, _ORGANIZATION = "link", "subject", "organization"
_NO_NUMBER: ColumnElement[Any] = cast(null(), Integer)
_NO_WORD: ColumnElement[Any] = cast(null(), String)


@dataclass(frozen=True, slots=True)
class RelatedTicket:
    """A ticket, or an incident without one (`ticket_id` is None); `what` is what its row says."""

    ticket_id: int | None
    number: str | None
    what: str
    is_closed: bool
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class LinkedTicket:
    """A ticket that people linked: what the ticket of the page is to it, in words."""

    link_id: int
    kind: str
    is_from: bool
    ticket: RelatedTicket

    @property
    def words(self) -> str:
        """Words such as `a duplicate of`."""
        return relation_words(self.kind, is_from=self.is_from)

    @property
    def is_original(self) -> bool:
        """Whether the ticket of the page is a duplicate of this one."""
        return self.kind == LinkKind.DUPLICATE and self.is_from

    @property
    def is_open_part(self) -> bool:
        """Whether this one is an open part of the ticket of the page."""
        return self.kind == LinkKind.PART and not self.is_from and not self.ticket.is_closed


@dataclass(frozen=True, slots=True)
class Related:
    """What belongs together: open ones first, then newest first; none is in two lists.

    `has_more_…` says that the list of tickets shows more. `organization` names the Huntress
    organization for an unmapped ticket, as the list is filtered by it; for others it is None.
    """

    links: Sequence[LinkedTicket]
    of_subject: Sequence[RelatedTicket]
    of_organization: Sequence[RelatedTicket]
    has_more_of_subject: bool
    has_more_of_organization: bool
    organization: str | None

    @property
    def original(self) -> LinkedTicket | None:
        """The ticket that this one is a duplicate of."""
        return next((one for one in self.links if one.is_original), None)

    @property
    def open_parts(self) -> Sequence[LinkedTicket]:
        """The open parts of a case."""
        return [one for one in self.links if one.is_open_part]


def find_related(session: Session, ticket: Ticket, incident: IncidentView | None) -> Related:
    """Find what belongs together with the ticket, whose incident is given."""
    parts = [*_links(ticket), *_of_subject(ticket, incident), *_of_organization(ticket, incident)]
    bounded = [select(part.subquery()) for part in parts]
    rows = session.execute(union_all(*bounded)).all()
    linked = sorted((row for row in rows if row.kind == _LINK), key=lambda row: row.link_id)
    links = [
        LinkedTicket(row.link_id, row.link_kind, bool(row.is_from), _ticket(row)) for row in linked
    ]
    shown = {one.ticket.ticket_id for one in links}
    of_subject = _distinct(rows, _SUBJECT, shown)
    shown |= {one.ticket_id for one in of_subject[:SHOWN]}
    of_organization = _distinct(rows, _ORGANIZATION, shown)
    return Related(
        links=links,
        of_subject=of_subject[:SHOWN],
        of_organization=of_organization[:SHOWN],
        has_more_of_subject=len(of_subject) > SHOWN,
        has_more_of_organization=len(of_organization) > SHOWN,
        organization=_organization(incident) if ticket.is_unmapped else None,
    )


def _organization(incident: IncidentView | None) -> str | None:
    if incident is None or incident.organization_id is None:
        return None
    return f"{incident.connection_id}:{incident.organization_id}"


def _distinct(rows: Iterable[Row[Any]], kind: str, shown: set[int | None]) -> list[RelatedTicket]:
    """The rows of one kind, open ones first and newest first, without those in `shown`."""
    found: dict[tuple[int | None, int | None], RelatedTicket] = {}
    for row in rows:
        if row.kind == kind and (row.ticket_id is None or row.ticket_id not in shown):
            without_ticket = row.alert_id if row.ticket_id is None else None
            found.setdefault((row.ticket_id, without_ticket), _ticket(row))
    newest_first = sorted(found.values(), key=lambda one: one.happened_at, reverse=True)
    return sorted(newest_first, key=lambda one: one.is_closed)


def _ticket(row: Row[Any]) -> RelatedTicket:
    title = row.title or "Incident without a subject"
    return RelatedTicket(
        ticket_id=row.ticket_id,
        number=row.number,
        what=what_words(title, row.kinds, is_edited=row.edited_at is not None).words,
        is_closed=bool(row.is_closed),
        happened_at=row.happened_at,
    )


def _columns(kind: str, **own: ColumnElement[Any]) -> Select[Any]:
    """The columns that all parts of the statement have, of a ticket unless `own` says otherwise."""
    columns: dict[str, ColumnElement[Any]] = {
        "kind": literal(kind),
        "link_id": _NO_NUMBER,
        "link_kind": _NO_WORD,
        "is_from": false(),
        "alert_id": _NO_NUMBER,
        "ticket_id": Ticket.id.expression,
        "number": Ticket.number.expression,
        "title": Ticket.title.expression,
        "edited_at": Ticket.text_edited_by_person_at.expression,
        "kinds": _first_kinds(),
        "is_closed": Ticket.closed_at.is_not(None),
        "happened_at": Ticket.reported_at.expression,
        **own,
    }
    return select(*[column.label(name) for name, column in columns.items()])


def _first_kinds() -> ColumnElement[Any]:
    first = select(Alert.kinds).where(Alert.ticket_id == Ticket.id).order_by(Alert.id).limit(1)
    return first.scalar_subquery()


def _links(ticket: Ticket) -> list[Select[Any]]:
    """The links of the ticket in each direction; both columns have an index."""
    return [
        _columns(
            _LINK,
            link_id=TicketLink.id.expression,
            link_kind=TicketLink.kind.expression,
            is_from=literal(is_from),
        )
        .join(TicketLink, far == Ticket.id)
        .where(near == ticket.id)
        .order_by(TicketLink.id)
        .limit(MOST_LINKS)
        for is_from, near, far in (
            (True, TicketLink.from_id, TicketLink.to_id),
            (False, TicketLink.to_id, TicketLink.from_id),
        )
    ]


def _open_and_closed(statement: Select[Any]) -> list[Select[Any]]:
    """The newest open ones and the newest closed ones of some tickets, each from an index."""
    return [
        statement.where(state).order_by(Ticket.id.desc()).limit(2 * SHOWN + 1)
        for state in (Ticket.closed_at.is_(None), Ticket.closed_at.is_not(None))
    ]


def _of_subject(ticket: Ticket, incident: IncidentView | None) -> list[Select[Any]]:
    """Tickets of the same name at the same client, and incidents of the same agent."""
    parts: list[Select[Any]] = []
    if ticket.subject_key is not None:
        same_name = _columns(_SUBJECT).where(
            Ticket.subject_key == ticket.subject_key,
            Ticket.client_id == ticket.client_id,
            Ticket.id != ticket.id,
            is_no_drill(),
        )
        if ticket.is_unmapped and incident is not None:
            own = select(Alert.id).where(
                Alert.ticket_id == Ticket.id, _is_of_organization(incident)
            )
            same_name = same_name.where(own.exists())
        parts += _open_and_closed(same_name)
    if incident is not None and incident.agent_id is not None:
        parts.append(_of_agent(ticket, incident))
    return parts


def _of_agent(ticket: Ticket, incident: IncidentView) -> Select[Any]:
    is_over = case((Ticket.id.is_not(None), Ticket.closed_at.is_not(None)), else_=Alert.was_closed)
    return (
        _columns(
            _SUBJECT,
            alert_id=Alert.id.expression,
            title=func.coalesce(Ticket.title, Alert.message),
            kinds=Alert.kinds.expression,
            is_closed=is_over,
            happened_at=func.coalesce(Ticket.reported_at, Alert.triggered_at, Alert.created_at),
        )
        .select_from(Alert)
        .outerjoin(Ticket, Ticket.id == Alert.ticket_id)
        .where(
            Alert.agent_external_id == incident.agent_id,
            Alert.connection_id == incident.connection_id,
            or_(Alert.ticket_id.is_(None), Alert.ticket_id != ticket.id),
            Alert.is_drill.is_(False),
        )
        .order_by(is_over, Alert.id.desc())
        .limit(2 * SHOWN + 1)
    )


def _of_organization(ticket: Ticket, incident: IncidentView | None) -> list[Select[Any]]:
    """Other tickets of the client; for an unmapped ticket, those of its Huntress organization."""
    if not ticket.is_unmapped:
        same_client = _columns(_ORGANIZATION).where(
            Ticket.client_id == ticket.client_id, Ticket.id != ticket.id, is_no_drill()
        )
        return _open_and_closed(same_client)
    if incident is None or incident.organization_id is None:
        return []
    newest = (
        select(Alert.ticket_id)
        .where(
            _is_of_organization(incident),
            Alert.ticket_id.is_not(None),
            Alert.ticket_id != ticket.id,
            Alert.is_drill.is_(False),
        )
        .order_by(Alert.id.desc())
        .limit(NEWEST_OF_ORGANIZATION)
    )
    return [
        _columns(_ORGANIZATION)
        .where(Ticket.id.in_(newest))
        .order_by(Ticket.closed_at.is_not(None), Ticket.id.desc())
        .limit(2 * SHOWN + 1)
    ]


def _is_of_organization(incident: IncidentView) -> ColumnElement[bool]:
    return (Alert.organization_external_id == incident.organization_id) & (
        Alert.connection_id == incident.connection_id
    )
