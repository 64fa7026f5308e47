"""What a ticket's fields say, as texts that are compared with what a form showed."""

from webapp.domain.triage.collisions import fingerprint
from webapp.models import Ticket
from webapp.services.tickets.notes.machine_text import editable_description

TEXTS = ("title", "description", "external_reference", "external_url")
FIELD_OF = {
    "status": "status_id",
    "priority": "priority_id",
    "assignee": "assignee_id",
    "client": "client_id",
    "board": "board_id",
    "category": "category_id",
    "host": "host",
    **{name: name for name in TEXTS},
}
"""The name in forms of each field of domain.triage.collisions.FIELD_WORDS."""


def text_values(ticket: Ticket) -> dict[str, str]:
    """The values of a ticket that the form of its texts shows, by their names in the form."""
    values = {name: getattr(ticket, name) or "" for name in TEXTS}
    return {
        **values,
        "description": editable_description(ticket),
        "client_id": str(ticket.client_id),
        "host": ticket.subject_name or "",
    }


def seen_values(ticket: Ticket) -> dict[str, str]:
    """What every field says now, by its name in forms; of the description only a fingerprint."""
    values, category_id = text_values(ticket), ticket.subcategory_id or ticket.category_id
    return {
        **values,
        "description": fingerprint(values["description"]),
        "status_id": str(ticket.status_id),
        "priority_id": str(ticket.priority_id),
        "assignee_id": str(ticket.assignee_id or ""),
        "board_id": str(ticket.board_id),
        "category_id": str(category_id or ""),
    }


def present_words(ticket: Ticket) -> dict[str, str]:
    """What the fields say now, in words, for those that fit into a sentence."""
    return {
        "status": ticket.status.name,
        "priority": ticket.priority.name,
        "assignee": ticket.assignee.name if ticket.assignee else "nobody",
        "client": ticket.client.name,
        "board": ticket.board.name,
    }
