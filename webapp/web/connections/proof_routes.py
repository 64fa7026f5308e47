"""The proofs of a connection: asking for one, and all of them as a CSV file."""

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.security.events import Export
from webapp.services.connections.read_connection_page import read_connection_page
from webapp.services.proof.due_proofs import request_proof
from webapp.services.proof.read_proofs import DayState, ProofDay, export_rows
from webapp.web.access import admin_only
from webapp.web.answers import SEE_OTHER, tell
from webapp.web.csv_files import csv_response
from webapp.web.person_limits import exporting, trials
from webapp.web.viewer import require_viewer

proofs = Blueprint("proofs", __name__, url_prefix="/integrations/huntress/<int:connection_id>")

_COLOURS = {
    DayState.NONE: "grey",
    DayState.CLEAN: "green",
    DayState.FAILED: "orange",
    DayState.UNEXPLAINED: "red",
}


@proofs.app_template_filter()
def proof_colour(state: DayState) -> str:
    """The colour of a day; the words beside it say the same."""
    return _COLOURS[state]


@proofs.app_template_filter()
def proof_day_words(one: ProofDay) -> str:
    """A day of the strip in words, for instance "9 Jun: 4 listed: 4 tickets, 0 unexplained."."""
    words = "no proof." if one.proof is None else one.proof.words
    return f"{one.day.day} {one.day:%b}: {words}"


@proofs.post("/prove")
@admin_only
@trials
def prove(connection_id: int) -> ResponseReturnValue:
    """Let a worker make a proof now."""
    tell(lambda: request_proof(connection_id, actor_id=require_viewer().id))
    return redirect(
        url_for("connections.show", connection_id=connection_id, _anchor="proof"), SEE_OTHER
    )


@proofs.get("/proofs/export")
@admin_only
@exporting
def export(connection_id: int) -> ResponseReturnValue:
    """Send all proofs of the connection, the latest first."""
    read_connection_page(connection_id)  # a connection that does not exist is not found
    return csv_response(
        Export.PROOFS, f"proofs-{connection_id}.csv", export_rows(connection_id), connection_id
    )
