"""The outbox as its page and commands show it: what was sent to whom, when, with which answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from webapp.domain.notices.events import type_words
from webapp.domain.untrusted import clean_line
from webapp.models import OutboxRow, Target, Ticket, User
from webapp.models.outbox import OutboxState
from webapp.services.keyset import Keyset, Order, PageOfRows, read_page
from webapp.services.list_sizes import PAGE_SIZE
from webapp.services.transactions import reading

SHOWN_OF_TICKET = 10
SHOWN_OF_TITLE = 200
STATES = tuple(state.value for state in OutboxState)
_NEWEST_FIRST = Keyset(Order(OutboxRow.id, "id", descending=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxQuery:
    """The filters and the place of a page."""

    state: str | None = None
    target_id: int | None = None
    number: str | None = None
    event: str | None = None
    after: str | None = None
    before: str | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is set."""
        return any((self.state, self.target_id, self.number, self.event))


@dataclass(frozen=True, slots=True)
class OutboxPage:
    """A page of rows, the numbers of their tickets, and what can be filtered by."""

    rows: PageOfRows[OutboxRow]
    numbers: dict[int, str]
    targets: Sequence[tuple[int, str]]
    events: Sequence[str]
    failed: int


@dataclass(frozen=True, slots=True)
class ToldLine:
    """Somebody who was told of a ticket, or will be: what, by which target, when, with success."""

    what: str
    whom: str
    state: str
    at: datetime
    answer: str | None


def read_outbox(query: OutboxQuery) -> OutboxPage:
    """Return a page of the outbox, newest first, in a fixed number of statements."""
    with reading() as session:
        rows = read_page(
            session,
            _matching(query),
            _NEWEST_FIRST,
            PAGE_SIZE,
            after=query.after,
            before=query.before,
        )
        ids = {row.ticket_id for row in rows.rows} - {None}
        numbers = session.execute(select(Ticket.id, Ticket.number).where(Ticket.id.in_(ids)))
        targets = session.execute(
            select(Target.id, Target.name, User.name)
            .outerjoin(User, User.id == Target.user_id)
            .order_by(Target.user_id.is_not(None), func.lower(Target.name), Target.id)
        ).all()
        return OutboxPage(
            rows=rows,
            numbers=dict(numbers.all()),
            targets=[
                (key, f"{person}: {name}" if person else name) for key, name, person in targets
            ],
            events=sorted(session.scalars(select(OutboxRow.event).distinct())),
            failed=session.scalar(select(func.count()).where(OutboxRow.state == OutboxState.FAILED))
            or 0,
        )


def list_outbox(query: OutboxQuery, limit: int) -> list[dict[str, Any]]:
    """Return the newest `limit` rows that match, for `--json`."""
    with reading() as session:
        statement = _matching(query).add_columns(Ticket.number)
        if not query.number:
            statement = statement.outerjoin(Ticket, Ticket.id == OutboxRow.ticket_id)
        found = session.execute(statement.order_by(OutboxRow.id.desc()).limit(limit))
        return [_as_dict(row, number) for row, number in found.unique()]


def read_told(ticket_id: int) -> list[ToldLine]:
    """Return who was told of a ticket and who will be, newest first; dropped rows are left out."""
    with reading() as session:
        rows = session.scalars(
            select(OutboxRow)
            .where(OutboxRow.ticket_id == ticket_id, OutboxRow.state != OutboxState.DROPPED)
            .order_by(OutboxRow.id.desc())
            .limit(SHOWN_OF_TICKET)
        ).all()
    return [
        ToldLine(
            what=type_words(row.event),
            whom=row.target_name,
            state=row.state,
            at=row.sent_at or (row.next_try_at if row.state == OutboxState.PENDING else row.due_at),
            answer=row.answer,
        )
        for row in rows
    ]


def title_of(row: OutboxRow) -> str:
    """Return the title of what a row tells: of an alarm, a summary, or the ticket as it was."""
    return clean_line(row.facts.get("title"), SHOWN_OF_TITLE) or ""


def _matching(query: OutboxQuery) -> Select[Any]:
    statement = select(OutboxRow).options(joinedload(OutboxRow.target))
    statement = statement.execution_options(populate_existing=True)
    if query.number:
        statement = statement.join(Ticket, Ticket.id == OutboxRow.ticket_id)
    return statement.where(*_conditions(query))


def _conditions(query: OutboxQuery) -> Iterator[Any]:
    if query.state:
        yield OutboxRow.state == query.state
    if query.target_id is not None:
        yield OutboxRow.target_id == query.target_id
    if query.event:
        yield OutboxRow.event == query.event
    if query.number:
        yield func.lower(Ticket.number) == query.number.lower()


def _as_dict(row: OutboxRow, number: str | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "message": row.message_key,
        "event": row.event,
        "ticket": number,
        "title": title_of(row) or None,
        "target_id": row.target_id,
        "target": row.target_name,
        "state": row.state,
        "attempts": row.attempts,
        "created_at": row.created_at.isoformat(),
        "due_at": row.due_at.isoformat(),
        "next_try_at": row.next_try_at.isoformat() if row.state == OutboxState.PENDING else None,
        "sent_at": row.sent_at.isoformat() if row.sent_at else None,
        "answer": row.answer,
    }
