"""Canned notes in the note of a ticket."""

from collections.abc import Mapping

from webapp.services.tickets.canned_notes.fill_canned_notes import fill_canned_notes
from webapp.web.params import read_number
from webapp.web.viewer import require_viewer

CANNED = "canned"
"""The field or argument with the id of a canned note."""


def canned_text(ticket_id: int, values: Mapping[str, str]) -> str:
    """The canned note that `values` ask for, filled in for the ticket; empty where there is none.

    Raises NotFoundError for an unknown ticket.
    """
    if CANNED not in values:
        return ""
    note_id = read_number(values[CANNED])
    return fill_canned_notes(ticket_id, my_name=require_viewer().name).body_of(note_id)


def join_notes(typed: str, canned: str) -> str:
    """What was typed, and the canned note below it."""
    return "\n\n".join(text for text in (typed.rstrip(), canned) if text)
