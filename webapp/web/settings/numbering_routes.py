"""The page of ticket numbers."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.services.desk.ticket_prefix import read_numbering, set_prefix
from webapp.web.access import admin_only
from webapp.web.edit_pages import EditAttempt
from webapp.web.settings.blueprint import settings
from webapp.web.settings.forms import PrefixForm


@settings.route("/ticket-numbers", methods=["GET", "POST"])
@admin_only
def edit_ticket_numbers() -> ResponseReturnValue:
    """Show and save the prefix of ticket numbers."""
    numbering = read_numbering()
    form = PrefixForm(obj=numbering)
    attempt = EditAttempt(
        form, lambda seen, by: set_prefix(form.prefix.data, seen=seen, actor_id=by)
    )
    if attempt.is_saved:
        return attempt.done("The prefix", url_for("settings.edit_ticket_numbers"))
    if attempt.conflict:
        numbering = read_numbering()
    page = render_template(
        "settings/ticket_numbers.html", form=form, attempt=attempt, numbering=numbering
    )
    return page, attempt.status
