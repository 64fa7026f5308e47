"""Reading quarantined reports: a page of them, or one report in full."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session, load_only

from webapp import clock
from webapp.domain.untrusted import clean_text
from webapp.models import Alert, InboxRow, Ticket
from webapp.services.edition import require_enterprise
from webapp.services.errors import NotFoundError
from webapp.services.keyset import Keyset, Order, PageOfRows, read_page
from webapp.services.polling.read_poll_history import PolledAccount, names_of, read_account
from webapp.services.transactions import reading

PAGE_SIZE = 25
SHOWN_CHARACTERS = 4_000
PRETTY_UP_TO = 64_000
"""Longer reports are not indented on the page, because reading them whole takes too long."""

_WAITING = Keyset(Order(InboxRow.quarantined_at, "quarantined_at"), Order(InboxRow.id, "id"))
_DISMISSED = Keyset(
    Order(InboxRow.dismissed_at, "dismissed_at", descending=True),
    Order(InboxRow.id, "id", descending=True),
)
_COLUMNS = (
    InboxRow.external_key,
    InboxRow.content_hash,
    InboxRow.error,
    InboxRow.attempts,
    InboxRow.next_try_at,
    InboxRow.quarantined_at,
    InboxRow.dismissed_at,
    InboxRow.dismissed_by_id,
    InboxRow.dismissed_reason,
    InboxRow.fetched_at,
    InboxRow.is_reduced,
)


@dataclass(frozen=True, slots=True)
class QuarantinedReport:
    """A quarantined report, and its incident's ticket where it has one.

    `report` is the raw report as readable text. `is_cut` says that it was cut to SHOWN_CHARACTERS.
    """

    row: InboxRow
    report: str
    is_cut: bool
    ticket_id: int | None = None
    ticket_number: str | None = None
    dismissed_by: str | None = None

    @property
    def is_due(self) -> bool:
        """Whether the next poll tries the report again."""
        return self.row.next_try_at is not None and self.row.next_try_at <= clock.utcnow()

    @property
    def has_no_id(self) -> bool:
        """Whether the report came without an id, so that only a person can settle it."""
        return self.row.external_key.startswith("sha256:")


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """A page of reports; the counts are those of the two tabs."""

    account: PolledAccount
    reports: Sequence[QuarantinedReport]
    waiting_count: int
    dismissed_count: int
    next_mark: str | None
    previous_mark: str | None


def read_quarantine(
    connection_id: int,
    *,
    is_dismissed: bool = False,
    after: str | None = None,
    before: str | None = None,
    page_size: int = PAGE_SIZE,
) -> QuarantinePage:
    """Return a page of waiting reports, oldest first, or of dismissed ones, newest first.

    Raises NotFoundError, EditionError.
    """
    require_enterprise()
    with reading() as session:
        account = read_account(session, connection_id)
        page = read_page(
            session,
            _rows(connection_id, is_dismissed),
            _DISMISSED if is_dismissed else _WAITING,
            page_size,
            after=after,
            before=before,
        )
        return QuarantinePage(
            account=account,
            reports=_reports(session, page),
            waiting_count=_count(session, connection_id, False),
            dismissed_count=_count(session, connection_id, True),
            next_mark=page.next_mark,
            previous_mark=page.previous_mark,
        )


def read_quarantined_report(connection_id: int, inbox_id: int) -> str:
    """Return the whole raw report as readable text; raises NotFoundError, EditionError."""
    require_enterprise()
    with reading() as session:
        payload = session.scalar(
            select(InboxRow.payload).where(
                InboxRow.id == inbox_id,
                InboxRow.connection_id == connection_id,
                InboxRow.quarantined_at.is_not(None),
            )
        )
    if payload is None:
        raise NotFoundError("This report is not in quarantine any more.")
    return pretty(payload)


def pretty(payload: str) -> str:
    """Return JSON with indentation, or the text as it came where it is not JSON.

    Characters that are not safe to print are removed.
    """
    try:
        text = json.dumps(json.loads(payload), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        text = payload
    return clean_text(text, len(text) + 1) or ""


def _rows(connection_id: int, is_dismissed: bool) -> Select[InboxRow]:
    return (
        select(InboxRow)
        .options(load_only(*_COLUMNS, raiseload=True))
        .where(*_conditions(connection_id, is_dismissed))
        .execution_options(populate_existing=True)
    )


def _conditions(connection_id: int, is_dismissed: bool) -> tuple[ColumnElement[bool], ...]:
    dismissed = InboxRow.dismissed_at
    return (
        InboxRow.connection_id == connection_id,
        InboxRow.quarantined_at.is_not(None),
        dismissed.is_not(None) if is_dismissed else dismissed.is_(None),
    )


def _count(session: Session, connection_id: int, is_dismissed: bool) -> int:
    counted = select(func.count()).select_from(InboxRow)
    return session.scalar(counted.where(*_conditions(connection_id, is_dismissed))) or 0


def _reports(session: Session, page: PageOfRows[InboxRow]) -> list[QuarantinedReport]:
    people = names_of(session, (row.dismissed_by_id for row in page.rows))
    texts = _texts(session, [row.id for row in page.rows])
    tickets = _tickets(session, [row.id for row in page.rows])
    reports = []
    for row in page.rows:
        text, is_cut = texts[row.id]
        report = QuarantinedReport(
            row, text, is_cut, dismissed_by=people.get(row.dismissed_by_id or 0)
        )
        if row.id in tickets:
            ticket_id, number = tickets[row.id]
            report = replace(report, ticket_id=ticket_id, ticket_number=number)
        reports.append(report)
    return reports


def _texts(session: Session, row_ids: Sequence[int]) -> dict[int, tuple[str, bool]]:
    """Return each report's beginning and whether there is more; long ones are not read whole."""
    length = func.length(InboxRow.payload)
    part = case(
        (length <= PRETTY_UP_TO, InboxRow.payload),
        else_=func.substr(InboxRow.payload, 1, SHOWN_CHARACTERS + 1),
    )
    found = {}
    for row_id, text, size in session.execute(
        select(InboxRow.id, part, length).where(InboxRow.id.in_(row_ids))
    ):
        shown = pretty(text) if size <= PRETTY_UP_TO else clean_text(text) or ""
        found[row_id] = (
            shown[:SHOWN_CHARACTERS],
            len(shown) > SHOWN_CHARACTERS or size > len(text),
        )
    return found


def _tickets(session: Session, row_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    rows = session.execute(
        select(InboxRow.id, Ticket.id, Ticket.number)
        .join(
            Alert,
            (Alert.connection_id == InboxRow.connection_id)
            & (Alert.external_alert_id == InboxRow.external_key),
        )
        .join(Ticket, Ticket.id == Alert.ticket_id)
        .where(InboxRow.id.in_(row_ids))
    )
    return {row_id: (ticket_id, number) for row_id, ticket_id, number in rows}
