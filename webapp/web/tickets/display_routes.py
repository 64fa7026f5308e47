"""How a person sees the ticket list: its columns and their order, its density, its groups."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.triage.list_columns import ListDisplay, known_columns, move_column
from webapp.services.errors import RefusedError
from webapp.services.tickets.rows.list_display import reset_list_display, set_list_display
from webapp.web.access import for_oneself, safe_next
from webapp.web.addresses import with_values
from webapp.web.params import YES
from webapp.web.tickets.blueprint import tickets
from webapp.web.viewer import require_viewer

DISPLAY = "display"
"""The value in the list's address that opens the panel again after a column was moved."""


@tickets.post("/tickets/display")
@for_oneself
def set_display() -> ResponseReturnValue:
    """Keep what was chosen, and go back to the list; the buttons beside a column move it."""
    user_id = require_viewer().id
    if "reset" in request.form:
        reset_list_display(user_id)
        return _back(is_open=False)
    up, down = request.form.get("up"), request.form.get("down")
    columns = known_columns(request.form.getlist("column"))
    columns = move_column(columns, up or down or "", -1 if up else 1)
    chosen = ListDisplay(
        columns,
        is_compact=request.form.get("is_compact") == YES,
        is_grouped=request.form.get("is_grouped") == YES,
    )
    try:
        set_list_display(user_id, chosen)
    except RefusedError as error:
        flash(str(error), "error")
        return _back(is_open=True)
    return _back(is_open=bool(up or down))


def _back(*, is_open: bool) -> ResponseReturnValue:
    target = request.form.get("next")
    path = safe_next(target) if target else url_for("tickets.show_list")
    return redirect(with_values(path, {DISPLAY: "1"}) if is_open else path, 303)
