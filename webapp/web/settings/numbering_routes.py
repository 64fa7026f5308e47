"""Ticket numbers."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.desk.ticket_prefix import read_numbering, set_prefix
from webapp.web.access import admin_only
from webapp.web.edit_pages import SEEN, EditAttempt
from webapp.web.settings.blueprint import settings
from webapp.web.settings.forms import PrefixForm
from webapp.web.viewer import require_viewer


@settings.route("/ticket-numbers", methods=["GET", "POST"])
@admin_only
def edit_ticket_numbers() -> ResponseReturnValue:
    """What ticket numbers begin with."""
    numbering = read_numbering()
    form = PrefixForm(obj=numbering)

    def save() -> bool:
        seen = request.form.get(SEEN, "")
        return set_prefix(form.prefix.data, seen=seen, actor_id=require_viewer().id)

    attempt = EditAttempt(form, save)
    if attempt.is_saved:
        attempt.say("The prefix")
        return redirect(url_for("settings.edit_ticket_numbers"), 303)
    if attempt.conflict:
        numbering = read_numbering()
    page = render_template(
        "settings/ticket_numbers.html", form=form, attempt=attempt, numbering=numbering
    )
    return page, attempt.status
