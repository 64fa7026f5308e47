"""How far a drill has come, and what is missing where it does not go on."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.models import Alert, Drill, Escalation, InboxRow, OutboxRow, Policy, TakeLink, Ticket
from webapp.models.outbox import OutboxState
from webapp.services.notices.read_rules import muted_clients

NOT_PROCESSED = (
    "The report was not processed in time: no worker is running, or a poll holds the connection."
    " Health says more."
)
NO_POLICY = "No policy tells anybody of a new critical ticket: no enabled one with a step fits it."
MUTED = "The client that gets the tickets of unmapped organizations is muted, so nobody was told."
NOBODY = (
    "nobody: the step names no target, nobody is on call, or whoever is has no confirmed contact"
    " method."
)
NOT_TAKEN = "Nobody took the ticket in time."
NOT_CLOSED = "The ticket could not be closed."


def read_times(session: Session, drill: Drill) -> dict[str, datetime | None]:
    """Return when each station was reached (UTC), None for those that were not."""
    alert = session.scalars(
        select(Alert).where(
            Alert.connection_id == drill.connection_id,
            Alert.external_alert_id == drill.external_key,
        )
    ).one_or_none()
    ticket = session.scalars(
        select(Ticket)
        .where(
            Ticket.connection_id == drill.connection_id,
            Ticket.source_reference == drill.external_key,
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    times: dict[str, datetime | None] = {"inbox": drill.started_at}
    if alert is not None and not alert.is_incomplete:
        times["plan"] = alert.created_at
    if ticket is None or "plan" not in times:
        return times
    drill.ticket_id = ticket.id
    return {**times, **_times_of_ticket(session, ticket)}


def _times_of_ticket(session: Session, ticket: Ticket) -> dict[str, datetime | None]:
    return {
        "ticket": ticket.created_at,
        "policy": session.scalar(
            select(func.min(Escalation.began_at)).where(Escalation.ticket_id == ticket.id)
        ),
        "delivery": session.scalar(
            select(func.min(OutboxRow.sent_at)).where(
                OutboxRow.ticket_id == ticket.id, OutboxRow.state == OutboxState.SENT
            )
        ),
        "taken": _taken_at(session, ticket),
        "closed": ticket.closed_at,
    }


def _taken_at(session: Session, ticket: Ticket) -> datetime | None:
    """Return when somebody took the ticket: by the link in a message, or on its page."""
    by_link = session.scalar(
        select(func.min(TakeLink.used_at)).where(TakeLink.ticket_id == ticket.id)
    )
    return by_link or ticket.first_touched_at or ticket.closed_at


def find_problem(
    session: Session, drill: Drill, station: str, *, is_late: bool, now: datetime
) -> str | None:
    """Return why a station cannot be reached any more, None while it can; sentences for people."""
    if station in ("plan", "ticket"):
        return _why_not_processed(session, drill) if is_late else None
    if station == "policy":
        return MUTED if _is_muted(session, drill, now) else NO_POLICY
    if station == "delivery":
        return _why_not_delivered(session, drill, is_late)
    return {"taken": NOT_TAKEN, "closed": NOT_CLOSED}[station] if is_late else None


def _why_not_processed(session: Session, drill: Drill) -> str:
    error = session.scalar(
        select(InboxRow.error).where(
            InboxRow.connection_id == drill.connection_id,
            InboxRow.external_key == drill.external_key,
        )
    )
    return f"The report could not be processed. {error}" if error else NOT_PROCESSED


def _is_muted(session: Session, drill: Drill, now: datetime) -> bool:
    ticket = session.get(Ticket, drill.ticket_id)
    return ticket is not None and ticket.client_id in muted_clients(session, now)


def _why_not_delivered(session: Session, drill: Drill, is_late: bool) -> str | None:
    """Return what keeps the messages back; before the time is up only what will not change."""
    rows = session.scalars(
        select(OutboxRow)
        .where(OutboxRow.ticket_id == drill.ticket_id)
        .order_by(OutboxRow.id)
        .execution_options(populate_existing=True)
    ).all()
    may_go_on = session.scalar(
        select(Escalation.id)
        .where(Escalation.ticket_id == drill.ticket_id, Escalation.due_at.is_not(None))
        .limit(1)
    )
    is_pending = any(row.state == OutboxState.PENDING for row in rows)
    if not is_late and (is_pending or may_go_on is not None):
        return None
    if not rows:
        name = session.scalar(
            select(Policy.name)
            .join(Escalation, Escalation.policy_id == Policy.id)
            .where(Escalation.ticket_id == drill.ticket_id)
            .limit(1)
        )
        return f"The policy “{name}” told {NOBODY}"
    said = [f"{row.target_name}: {row.answer or 'not sent yet'}" for row in rows[:5]]
    return f"No message was delivered. {' '.join(said)}"
