"""Taking shifts, putting somebody on call, swapping, and ending overrides."""

from datetime import datetime

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.models import OnCallOverride
from webapp.services.errors import FieldError
from webapp.services.on_call.edit_overrides import (
    add_override,
    end_override,
    parse_shift_key,
    swap_shifts,
    take_shift,
)
from webapp.web.access import signed_in
from webapp.web.answers import SEE_OTHER, done, tell
from webapp.web.form_errors import form_status, send_form
from webapp.web.on_call.blueprint import on_call
from webapp.web.on_call.forms import OverrideForm
from webapp.web.on_call.page import render_on_call
from webapp.web.params import read_local_time
from webapp.web.viewer import require_viewer, zone_of


@on_call.post("/overrides")
@signed_in
def override() -> ResponseReturnValue:
    """Put oneself on call, or as an admin somebody else; a refused form is shown again."""
    form = OverrideForm()
    added = send_form(form, lambda: _override(form))
    if added:
        return done(f"{added.user.name} is on call in that time.", url_for("on_call.show"))
    return render_on_call(override_form=form), form_status(form)


@on_call.post("/take")
@signed_in
def take() -> ResponseReturnValue:
    """Take a shift that the page shows."""

    def _take() -> str:
        take_shift(parse_shift_key(request.form.get("shift")), actor_id=require_viewer().id)
        return "The shift is yours."

    tell(_take)
    return _back()


@on_call.post("/swap")
@signed_in
def swap() -> ResponseReturnValue:
    """Swap two shifts that the page shows."""

    def _swap() -> str:
        first, second = (parse_shift_key(request.form.get(name)) for name in ("first", "second"))
        swap_shifts(first, second, actor_id=require_viewer().id)
        return "The two shifts are swapped."

    tell(_swap)
    return _back()


@on_call.post("/overrides/<int:override_id>/end")
@signed_in
def end(override_id: int) -> ResponseReturnValue:
    """End an override."""

    def _end() -> str:
        end_override(override_id, actor_id=require_viewer().id)
        return "The override is ended."

    tell(_end)
    return _back()


def _override(form: OverrideForm) -> OnCallOverride:
    viewer = require_viewer()
    return add_override(
        form.person.chosen or viewer.id,
        _time(form, "starts_at"),
        _time(form, "ends_at"),
        reason=form.reason.data,
        actor_id=viewer.id,
    )


def _time(form: OverrideForm, name: str) -> datetime | None:
    """The time in a field, None if nothing was typed; raises FieldError."""
    typed = form[name].data
    moment = read_local_time(typed, zone_of(require_viewer()))
    if typed and moment is None:
        raise FieldError({name: "Enter a day and a time."})
    return moment


def _back() -> ResponseReturnValue:
    return redirect(url_for("on_call.show"), SEE_OTHER)
