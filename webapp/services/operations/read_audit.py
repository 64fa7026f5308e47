"""Reading the audit log: one filtered page of it, or all of it for a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from webapp.domain.security.events import EXPORTS_OF_ONE, FAILURES, GROUPS, EventKind
from webapp.models import AuditEvent, AuditLink, User
from webapp.services.keyset import Keyset, Order, PageOfRows, read_page
from webapp.services.list_sizes import EXPORT_BATCH, PAGE_SIZE
from webapp.services.operations.audit_names import AuditNames, load_names
from webapp.services.transactions import reading

SYSTEM = "system"
_RECENT = 5_000
_NEWEST_FIRST = Keyset(Order(AuditEvent.id, "id", descending=True))


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """The filters and the place of a page of the audit log; a filter that is None hides nothing.

    `actor` is a user's id, or SYSTEM for events without a person. `group` is the first word of
    actions, such as "user" in "user.added". `address` may be the beginning of one. `since` is
    inclusive and `until` exclusive; both are UTC.
    """

    actor: int | str | None = None
    kind: EventKind | None = None
    group: str | None = None
    address: str | None = None
    session_ref: str | None = None
    subject_type: str | None = None
    subject_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: str | None = None
    before: str | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter hides events."""
        return replace(self, after=None, before=None) != AuditQuery()


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of events (newest first), the names they mention, and the choices of the filters."""

    events: PageOfRows[AuditEvent]
    people: Mapping[int, str]
    names: AuditNames
    groups: Sequence[str]


@dataclass(frozen=True, slots=True)
class ExportedEvent:
    """An event for a file: who it was, the row's present name, and the event's link of the chain.

    `position` and `hash` are None while the event waits for its link.
    """

    event: AuditEvent
    actor: str | None
    subject: str | None
    position: int | None
    hash: str | None


def list_events(query: AuditQuery, *, page_size: int = PAGE_SIZE) -> AuditPage:
    """The page of events that `query` asks for; an unreadable mark gives the newest events."""
    with reading() as session:
        events = read_page(
            session,
            _events(query),
            _NEWEST_FIRST,
            page_size,
            after=query.after,
            before=query.before,
        )
        people = session.execute(select(User.id, User.name).order_by(func.lower(User.name)))
        return AuditPage(
            events=events,
            people={row[0]: row[1] for row in people},
            names=load_names(session, events.rows),
            groups=_groups(session),
        )


def export_events(query: AuditQuery) -> Iterator[ExportedEvent]:
    """Every event that matches the filters, newest first, read in batches; marks are ignored."""
    last_id: int | None = None
    while batch := _read_batch(query, last_id):
        yield from batch
        last_id = batch[-1].event.id


def _read_batch(query: AuditQuery, last_id: int | None) -> list[ExportedEvent]:
    statement = (
        _events(query)
        .add_columns(User.email, AuditLink.position, AuditLink.hash)
        .outerjoin(User, User.id == AuditEvent.actor_id)
        .outerjoin(AuditLink, AuditLink.event_id == AuditEvent.id)
    )
    if last_id is not None:
        statement = statement.where(AuditEvent.id < last_id)
    with reading() as session:
        rows = session.execute(statement.order_by(AuditEvent.id.desc()).limit(EXPORT_BATCH)).all()
        names = load_names(session, [row[0] for row in rows])
        session.expunge_all()  # a long export must not keep the rows it has written in memory
    return [
        ExportedEvent(event, email, names.of_subject(event), position, digest)
        for event, email, position, digest in rows
    ]


def _events(query: AuditQuery) -> Select[AuditEvent]:
    return select(AuditEvent).where(*_conditions(query))


def _conditions(query: AuditQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.actor == SYSTEM:
        conditions.append(AuditEvent.actor_id.is_(None))
    elif query.actor is not None:
        conditions.append(AuditEvent.actor_id == query.actor)
    if query.kind:
        conditions.append(_is_of(query.kind))
    if query.address:
        conditions.append(AuditEvent.address.startswith(query.address, autoescape=True))
    if query.session_ref:
        conditions.append(AuditEvent.session_ref == query.session_ref)
    if query.group:
        conditions.append(AuditEvent.action.startswith(f"{query.group}.", autoescape=True))
    if query.subject_type:
        conditions.append(AuditEvent.subject_type == query.subject_type)
    if query.subject_id:
        conditions.append(AuditEvent.subject_id == query.subject_id)
    if query.since:
        conditions.append(AuditEvent.happened_at >= query.since)
    if query.until:
        conditions.append(AuditEvent.happened_at < query.until)
    return conditions


def _is_of(kind: EventKind) -> ColumnElement[bool]:
    """Whether an event is of a kind: failures are one of their own, and changes are the rest."""
    if kind is EventKind.REFUSALS:
        return AuditEvent.action.in_(FAILURES)
    groups = GROUPS.get(kind) or [one for groups in GROUPS.values() for one in groups]
    is_in_groups = or_(
        *(AuditEvent.action.startswith(f"{one}.", autoescape=True) for one in groups)
    )
    if kind is EventKind.EXPORTS:
        return or_(is_in_groups, AuditEvent.action.in_(EXPORTS_OF_ONE))
    if kind is EventKind.CHANGES:
        return and_(~is_in_groups, AuditEvent.action.not_in(FAILURES))
    return is_in_groups


def _groups(session: Session) -> list[str]:
    """The first words of the most recent actions; reading all of a long log would take too long."""
    recent = select(AuditEvent.action).order_by(AuditEvent.id.desc()).limit(_RECENT).subquery()
    actions = session.scalars(select(recent.c.action).distinct())
    return sorted({action.partition(".")[0] for action in actions})
