"""What a row says of its ticket: what it is, where, how far, and how old."""

from dataclasses import dataclass

from markupsafe import Markup

from webapp.domain.incident import is_closed_status
from webapp.domain.triage.row_words import progress_words, what_words
from webapp.domain.triage.subjects import is_identity
from webapp.models import Ticket
from webapp.services.tickets.read_incident import IncidentView
from webapp.services.tickets.rows.ticket_rows import MOST_COUNTED, what_of
from webapp.web.filters import age, exact
from webapp.web.tickets.blueprint import tickets


@dataclass(frozen=True, slots=True)
class RowWords:
    """The words of a row.

    `same_open` counts the open tickets of its host or identity, such as `3 open`; None if there are
    not several.
    """

    what: str
    more: int
    progress: tuple[str, ...]
    is_identity: bool
    same_open: str | None


@tickets.app_template_filter()
def row_words(ticket: Ticket) -> RowWords:
    """The words of a ticket that was read with all that a row shows."""
    found = what_of(ticket)
    return RowWords(
        what=found.words,
        more=found.more,
        progress=_progress(ticket),
        is_identity=is_identity(ticket.subject_key),
        same_open=_counted_open(ticket.open_of_subject or 0),
    )


@tickets.app_template_filter()
def ticket_words(ticket: Ticket, incident: IncidentView | None) -> RowWords:
    """What a ticket's page says of its incident, in the words of its row.

    `what` is empty where the title says it already.
    """
    is_edited = ticket.text_edited_by_person_at is not None
    found = what_words(ticket.title, incident.kinds if incident else None, is_edited=is_edited)
    is_told = found.words not in ticket.title
    return RowWords(
        what=found.words if is_told else "",
        more=found.more if is_told else 0,
        progress=_incident_progress(ticket, incident) if incident else (),
        is_identity=is_identity(ticket.subject_key),
        same_open=None,
    )


@tickets.app_template_filter()
def ticket_age(ticket: Ticket) -> Markup:
    """The age of a ticket, with its times on hover: sent, ticketed, last changed."""
    times = [f"Ticketed {exact(ticket.created_at)}", f"Last changed {exact(ticket.updated_at)}"]
    if ticket.connection_id is not None:
        times.insert(0, f"Sent {exact(ticket.reported_at)}")
    return age(ticket.reported_at, hover="\n".join(times))


def _progress(ticket: Ticket) -> tuple[str, ...]:
    if ticket.closed_at is not None and is_closed_status(ticket.incident_status):
        return ()
    return progress_words(
        ticket.incident_status,
        total=ticket.steps_total,
        left=ticket.steps_left,
        is_isolated=ticket.is_isolated,
        is_identity=is_identity(ticket.subject_key),
    )


def _incident_progress(ticket: Ticket, incident: IncidentView) -> tuple[str, ...]:
    if ticket.closed_at is not None and is_closed_status(incident.status):
        return ()
    return progress_words(
        incident.status,
        total=incident.steps_total,
        left=incident.steps_left,
        is_isolated=incident.is_isolated,
        is_identity=is_identity(ticket.subject_key),
    )


def _counted_open(number: int) -> str | None:
    if number < 2:
        return None
    return f"{MOST_COUNTED}+ open" if number > MOST_COUNTED else f"{number} open"
