"""The page of how quickly tickets were touched and closed, linked from the dashboard."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.figures import duration_words
from webapp.domain.triage.months import month_of_day, parse_month, shift_month
from webapp.services.operations.response_figures import read_response_figures
from webapp.web.access import signed_in
from webapp.web.params import read_number
from webapp.web.viewer import require_viewer, zone_of

response_times = Blueprint("response_times", __name__)


@response_times.get("/response-times")
@signed_in
def show() -> ResponseReturnValue:
    """Show a month by client, and twelve months of all clients or of one."""
    zone = zone_of(require_viewer())
    today = clock.utcnow().astimezone(zone).date()
    this_month = month_of_day(today)
    month = min(parse_month(request.args.get("month")) or this_month, this_month)
    client_id = read_number(request.args.get("client"))
    return render_template(
        "operations/response_times.html",
        figures=read_response_figures(month, client_id, today=today, zone=zone),
        client_id=client_id,
        earlier=shift_month(month, -1),
        later=shift_month(month, 1) if month < this_month else None,
        duration_words=duration_words,
    )
