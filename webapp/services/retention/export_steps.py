"""Ticked steps of checklists, as exports of clients and people list them."""

from typing import Any

from sqlalchemy import BigInteger, cast, select

from webapp.domain.runbooks.runbook_text import steps_of
from webapp.models import Ticket, TicketRunbook, TicketStep, User
from webapp.services.retention.archive import Record
from webapp.services.retention.sections import Query

STEP_NUMBER = cast(TicketStep.ticket_runbook_id, BigInteger) * 1_000 + TicketStep.position
"""One number for each step: a checklist has far fewer than a thousand of them."""


def select_steps() -> Query:
    """All ticked steps; in place of its words, each has the text of its checklist."""
    return (
        select(
            STEP_NUMBER.label("id"),
            Ticket.number.label("ticket"),
            TicketRunbook.name.label("checklist"),
            TicketStep.position,
            TicketRunbook.body.label("step"),
            User.name.label("done_by"),
            TicketStep.done_at,
        )
        .select_from(TicketStep)
        .join(TicketRunbook, TicketRunbook.id == TicketStep.ticket_runbook_id)
        .join(Ticket, Ticket.id == TicketRunbook.ticket_id)
        .join(User, User.id == TicketStep.done_by_id)
    )


def with_step_words(row: dict[str, Any]) -> Record:
    """Return the row with the words of its step."""
    steps = steps_of(row["step"])
    position = row["position"]
    return {**row, "step": steps[position].text if position < len(steps) else None}
