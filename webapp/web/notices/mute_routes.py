"""The page of muted clients, and the button of a client's page."""

from datetime import timedelta

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import StringField

from webapp import clock
from webapp.services.desk.list_clients import list_client_choices
from webapp.services.errors import FieldError
from webapp.services.notices.mute_client import end_mute, list_mutes, mute_client
from webapp.web.access import admin_only, safe_next
from webapp.web.answers import SEE_OTHER, done, tell
from webapp.web.form_errors import form_status, send_form
from webapp.web.notices.blueprint import notices
from webapp.web.params import LOCAL_TIME, IdField, read_local_time
from webapp.web.viewer import require_viewer, zone_of

USUAL_LENGTH = timedelta(hours=4)


class MuteForm(FlaskForm):
    """The form that mutes a client."""

    client_id = IdField("Client")
    until = StringField("Until", render_kw={"type": "datetime-local"})
    reason = StringField(
        "Reason (optional)", render_kw={"placeholder": "Penetration test", "autocomplete": "off"}
    )


@notices.route("/mutes", methods=["GET", "POST"])
@admin_only
def show_mutes() -> ResponseReturnValue:
    """Show which clients are muted, and mute one."""
    proposed = (clock.utcnow() + USUAL_LENGTH).astimezone(zone_of(require_viewer()))
    form = MuteForm(data={"until": proposed.strftime(LOCAL_TIME)})
    form.client_id.offer("Choose a client", list_client_choices())
    if send_form(form, lambda: _mute(form)):
        return done("The client is muted.", _origin())
    page = render_template("notices/mutes.html", form=form, rows=list_mutes(with_ended=True))
    return page, form_status(form)


@notices.post("/mutes/<int:client_id>/end")
@admin_only
def unmute(client_id: int) -> ResponseReturnValue:
    """End a client's mute."""

    def _end() -> str:
        end_mute(client_id, actor_id=require_viewer().id)
        return "The client is not muted any more."

    tell(_end)
    return redirect(_origin(), SEE_OTHER)


def _mute(form: MuteForm) -> bool:
    if form.client_id.chosen is None:
        raise FieldError({"client_id": "Choose a client."})
    viewer = require_viewer()
    until = read_local_time(form.until.data, zone_of(viewer))
    mute_client(form.client_id.chosen, until, reason=form.reason.data, actor_id=viewer.id)
    return True


def _origin() -> str:
    """The page that the button was on."""
    sent = request.form.get("next")
    return safe_next(sent) if sent else url_for("notices.show_mutes")
