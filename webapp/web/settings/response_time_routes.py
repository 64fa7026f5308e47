"""The page of response times: targets by priority, and the desk's opening hours."""

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.desk.response_times.edit_times import (
    offer_targets,
    read_response_times,
    save_times,
)
from webapp.services.people.set_preferences import list_time_zones
from webapp.web.access import admin_only
from webapp.web.edit_pages import EditAttempt
from webapp.web.settings.blueprint import settings
from webapp.web.settings.response_time_forms import times_form

OFFER = "offer"


@settings.route("/response-times", methods=["GET", "POST"])
@admin_only
def edit_response_times() -> ResponseReturnValue:
    """Show targets and opening hours, and save them; `?offer=1` fills in sensible targets."""
    page = read_response_times()
    is_offered = OFFER in request.args
    is_sent = request.method == "POST"
    shown = offer_targets(page) if is_offered else page.values
    form = times_form(page.priorities, None if is_sent else shown)
    attempt = EditAttempt(
        form, lambda seen, by: save_times(form.values(page.priorities), seen=seen, actor_id=by)
    )
    if attempt.is_saved:
        return attempt.done("The page of response times", url_for("settings.edit_response_times"))
    html = render_template(
        "settings/response_times.html",
        page=page,
        form=form,
        attempt=attempt,
        is_offered=is_offered and not is_sent,
        version=attempt.version(page.version),
        time_zones=list_time_zones(),
    )
    return html, attempt.status
