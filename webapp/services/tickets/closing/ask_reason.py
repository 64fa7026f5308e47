"""Closing a ticket of which Huntress still has something to be done needs a reason.

Only people are asked: a poll that closes a ticket with its incident, and a ticket that is closed as
a duplicate, give none or their own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from webapp.domain.triage.close_reasons import CloseReason, LeftAtHuntress, parse_reason
from webapp.domain.untrusted import clean_text
from webapp.models import Alert, Status, Ticket
from webapp.models.alert import is_open
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import LARGEST_ID

CLOSE_NOTE_LENGTH = 2_000
REASON, NOTE = "close_reason", "close_note"
"""The fields of an answer."""

NO_REASON = "Choose why the ticket is closed all the same."
NO_NOTE = "Say in a few words why."


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A ticket that is to be closed, and what Huntress still has to be done for it."""

    ticket_id: int
    number: str
    title: str
    left: LeftAtHuntress


class ReasonNeededError(RefusedError):
    """Closing these tickets needs a reason; nothing was changed.

    `fields` has a sentence for each field of an answer that cannot be taken.
    """

    def __init__(
        self, unfinished: Sequence[Unfinished], fields: Mapping[str, str] | None = None
    ) -> None:
        what = "this ticket" if len(unfinished) == 1 else f"{len(unfinished):,} of these tickets"
        is_left = any(one.left.asks for one in unfinished)
        super().__init__(
            f"Huntress still has something to be done for {what}. Say why it is closed anyway."
            if is_left
            else "Nothing was closed yet: see what is wrong below."
        )
        self.unfinished = tuple(unfinished)
        self.fields = dict(fields or {})


@dataclass(frozen=True, slots=True)
class CloseAnswer:
    """What a person answered: the word of a reason, and a note, which OTHER needs."""

    reason: str | None = None
    note: str = ""

    def read(self) -> tuple[CloseReason | None, str | None]:
        """The checked reason and note, None for what was not given; raises FieldError."""
        reason, note = parse_reason(self.reason), clean_text(self.note, CLOSE_NOTE_LENGTH + 1)
        errors: dict[str, str] = {}
        if self.reason and reason is None:
            errors[REASON] = NO_REASON
        if reason is CloseReason.OTHER and note is None:
            errors[NOTE] = NO_NOTE
        if note and len(note) > CLOSE_NOTE_LENGTH:
            errors[NOTE] = f"A note has at most {CLOSE_NOTE_LENGTH:,} characters."
        if errors:
            raise FieldError(errors)
        return reason, note if reason is not None else None


NO_ANSWER = CloseAnswer()


def find_unfinished(
    session: Session, tickets: Collection[Ticket], status_id: int | None
) -> list[Unfinished]:
    """Those of these open tickets that Huntress still has something for; none unless they close."""
    open_ones = {ticket.id: ticket for ticket in tickets if ticket.closed_at is None}
    if status_id is None or not 0 < status_id <= LARGEST_ID or not open_ones:
        return []
    is_left_open = and_(is_open(), Alert.was_closed.is_(False)).label("is_left_open")
    closes = select(Status.id).where(Status.id == status_id, Status.is_closed)
    rows = session.execute(
        select(Alert.ticket_id, is_left_open, Alert.steps_left, Alert.steps_total)
        .where(
            Alert.ticket_id.in_(sorted(open_ones)),
            Alert.is_incomplete.is_(False),
            Alert.is_drill.is_(False),
            closes.exists(),
        )
        .order_by(Alert.ticket_id)
    )
    found = [
        (
            open_ones[row.ticket_id],
            LeftAtHuntress(bool(row.is_left_open), row.steps_left or 0, row.steps_total or 0),
        )
        for row in rows
    ]
    return [
        Unfinished(ticket.id, ticket.number, ticket.title, left)
        for ticket, left in found
        if left.asks
    ]


def require_reason(
    session: Session,
    tickets: Collection[Ticket],
    status_id: int | None,
    answer: CloseAnswer,
) -> dict[int, LeftAtHuntress]:
    """Return what is left of the tickets that are closed for the reason in `answer`.

    Raises ReasonNeededError where one is needed and none was given that can be taken.
    """
    unfinished = find_unfinished(session, tickets, status_id)
    if not unfinished:
        return {}
    try:
        reason, _ = answer.read()
    except FieldError as error:
        raise ReasonNeededError(unfinished, error.fields) from None
    if reason is None:
        raise ReasonNeededError(unfinished, {} if answer.reason is None else {REASON: NO_REASON})
    return {one.ticket_id: one.left for one in unfinished}


def close_words(reason: CloseReason, left: LeftAtHuntress | None) -> str:
    """A sentence for the timeline: the reason, and what was left to be done."""
    rest = f"; {left.words}" if left is not None and left.asks else ""
    return f"Reason: {reason.words}{rest}."
