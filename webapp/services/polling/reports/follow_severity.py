"""What the severity of a report does to the priority of its ticket."""

from webapp.domain.incident import Incident
from webapp.domain.triage.raised import mark_raised
from webapp.models import Priority, Ticket


def follow_severity(ticket: Ticket, incident: Incident, wanted: Priority, *, is_rise: bool) -> str:
    """Raise the priority to `wanted` when the severity rose; return a sentence, or an empty text.

    The priority is never lowered. One that a person chose stays, and the ticket is marked instead.
    """
    is_above = wanted.position < ticket.priority.position
    is_chosen = ticket.priority_set_by_person_at is not None
    ticket.raised_severity = mark_raised(
        ticket.raised_severity,
        incident.severity_word,
        is_rise=is_rise,
        is_chosen=is_chosen,
        is_above=is_above,
    )
    if not is_rise or not is_above:
        return ""
    if is_chosen:
        return "The severity rose above the priority, which stays, as a person chose it."
    ticket.priority = wanted
    ticket.priority_id = wanted.id
    return "The priority was raised with the severity."
