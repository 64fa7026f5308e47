"""Listing, retrying and dismissing incidents whose reports could not be processed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import Alert, Connection, InboxRow, Ticket, User
from webapp.services.audit import record_event
from webapp.services.edition import require_enterprise
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.lookups import get_row
from webapp.services.notices.settle import Settlement, settle_tickets
from webapp.services.transactions import reading, transaction

REASON_LENGTH = 1_000


class QuarantineError(RefusedError):
    """The request is not possible for this inbox row; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A quarantined report. Times are UTC.

    `ticket` is the number of the incident's ticket, None where it has none.
    """

    id: int
    connection_id: int
    connection: str
    incident: str
    error: str | None
    attempts: int
    quarantined_at: datetime
    next_try_at: datetime | None
    ticket: str | None
    payload: str

    def as_dict(self) -> dict[str, object]:
        """Return the fields for JSON, without the raw report; times are in ISO format."""
        return {
            "id": self.id,
            "connection_id": self.connection_id,
            "connection": self.connection,
            "incident": self.incident,
            "error": self.error,
            "attempts": self.attempts,
            "quarantined_at": self.quarantined_at.isoformat(),
            "next_try_at": self.next_try_at.isoformat() if self.next_try_at else None,
            "ticket": self.ticket,
        }


def list_quarantined(connection_id: int | None = None) -> list[Quarantined]:
    """Return the reports that are quarantined and not dismissed, oldest first.

    With a `connection_id` only that connection's reports are listed. Raises EditionError.
    """
    require_enterprise()
    query = (
        select(InboxRow, Connection.name, Ticket.number)
        .join(Connection, Connection.id == InboxRow.connection_id)
        .outerjoin(
            Alert,
            (Alert.connection_id == InboxRow.connection_id)
            & (Alert.external_alert_id == InboxRow.external_key),
        )
        .outerjoin(Ticket, Ticket.id == Alert.ticket_id)
        .where(InboxRow.quarantined_at.is_not(None), InboxRow.dismissed_at.is_(None))
        .order_by(InboxRow.quarantined_at, InboxRow.id)
        .execution_options(populate_existing=True)
    )
    if connection_id is not None:
        query = query.where(InboxRow.connection_id == connection_id)
    with reading() as session:
        return [_as_quarantined(row, name, number) for row, name, number in session.execute(query)]


def retry(
    inbox_id: int, actor_id: int | None = None, *, connection_id: int | None = None
) -> InboxRow:
    """Make a quarantined report due at once: the next poll tries it again.

    A report that is due already stays as it is. With a `connection_id` only that connection's
    reports are found. Raises NotFoundError, EditionError, and QuarantineError for a report that was
    dismissed or is not quarantined.
    """
    require_enterprise()
    now = clock.utcnow()
    with transaction() as session:
        row = _load(session, inbox_id, connection_id)
        if row.next_try_at is None or row.next_try_at > now:
            row.next_try_at = now
            row.version += 1
            _record(session, row, "quarantine.retried", actor_id)
        return row


def dismiss(
    inbox_id: int,
    reason: str | None = None,
    actor_id: int | None = None,
    *,
    connection_id: int | None = None,
    seen_hash: str | None = None,
) -> InboxRow:
    """Give up a quarantined report; only a different payload of the incident brings it back.

    The report's ticket stays as it is. `seen_hash` is the `content_hash` of the report that the
    person looked at; if a different report came meanwhile, QuarantineError is raised and nothing is
    dismissed. With a `connection_id` only that connection's reports are found. Raises
    NotFoundError, QuarantineError, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        row = _load(session, inbox_id, connection_id)
        if seen_hash is not None and row.content_hash != seen_hash:
            raise QuarantineError(
                "A newer version of this report came while you were looking at it. Nothing was "
                "dismissed: look at the new one first."
            )
        row.dismissed_at = clock.utcnow()
        row.dismissed_by_id = actor_id
        row.dismissed_reason = (reason or "").strip()[:REASON_LENGTH] or None
        row.next_try_at = None
        row.version += 1
        _record(session, row, "quarantine.dismissed", actor_id, reason=row.dismissed_reason)
        _settle(session, row, actor_id)
        return row


def _settle(session: Session, row: InboxRow, actor_id: int | None) -> None:
    """Nobody has to take the ticket of a report any more that a person has answered."""
    ids = session.scalars(
        select(Ticket.id).where(
            Ticket.connection_id == row.connection_id, Ticket.source_reference == row.external_key
        )
    ).all()
    person = session.get(User, actor_id) if actor_id else None
    settlement = Settlement(person=person.name if person else None, actor_id=actor_id)
    settle_tickets(session, ids, settlement, clock.utcnow())


def _load(session: Session, inbox_id: int, connection_id: int | None) -> InboxRow:
    sentence = f"Nothing with the number {inbox_id} is quarantined; it may have been processed."
    row = get_row(session, InboxRow, inbox_id, sentence, lock=True)
    if connection_id is not None and row.connection_id != connection_id:
        raise NotFoundError(sentence)
    if row.dismissed_at is not None:
        person = session.get(User, row.dismissed_by_id) if row.dismissed_by_id else None
        raise QuarantineError(
            f"This report was dismissed{f' by {person.name}' if person else ''} already; only a "
            "different version of it comes back."
        )
    if row.quarantined_at is None:
        raise QuarantineError(sentence)
    return row


def _as_quarantined(row: InboxRow, connection: str, number: str | None) -> Quarantined:
    assert row.quarantined_at is not None  # noqa: S101 - the query asks for it
    return Quarantined(
        id=row.id,
        connection_id=row.connection_id,
        connection=connection,
        incident=row.external_key,
        error=row.error,
        attempts=row.attempts,
        quarantined_at=row.quarantined_at,
        next_try_at=row.next_try_at,
        ticket=number,
        payload=row.payload,
    )


def _record(
    session: Session, row: InboxRow, action: str, actor_id: int | None, **after: object
) -> None:
    record_event(
        session,
        action=action,
        subject_type="incident",
        subject_id=row.external_key,
        after={"connection_id": row.connection_id, **after},
        actor_id=actor_id,
    )
