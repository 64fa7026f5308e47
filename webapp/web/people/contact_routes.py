"""A person's own contact methods: adding one, its code, a test, deleting it."""

from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.extensions import limiter
from webapp.services.errors import RefusedError
from webapp.services.notices.targets.confirm_contact import (
    confirm_contact_method,
    send_code,
    try_contact_method,
)
from webapp.services.notices.targets.contact_methods import (
    add_contact_method,
    choose_what_is_told,
    delete_contact_method,
    read_contact_methods,
)
from webapp.web.access import for_oneself
from webapp.web.answers import SEE_OTHER, done, tell
from webapp.web.form_errors import form_status, send_form
from webapp.web.notices.target_forms import SettingsForm, build_form
from webapp.web.presence import needs_presence_to_send
from webapp.web.viewer import Viewer, require_viewer

contact = Blueprint("contact", __name__, url_prefix="/preferences/contact-methods")

MESSAGES = "30 per hour"
"""Codes and tests: nobody may flood somebody else's phone."""

throttled = limiter.limit(
    MESSAGES,
    methods=["POST"],
    error_message="30 codes and tests can be sent in an hour, so that nobody floods a phone.",
)


@contact.route("/new", methods=["GET", "POST"])
@for_oneself
@needs_presence_to_send
@throttled
def new() -> ResponseReturnValue:
    """Choose a kind, enter the address, and have a code sent there."""
    viewer = require_viewer()
    known = read_contact_methods(viewer.id)
    kind = _kind(request.args.get("kind"), known.offered)
    if kind is None:
        return render_template("people/choose_contact.html", known=known, kinds=KINDS)
    fields = KINDS[kind].own_settings
    form = build_form(SettingsForm, fields, data=_defaults(kind, viewer))
    try:
        added = send_form(form, lambda: add_contact_method(viewer.id, kind, form.typed(fields)).id)
    except RefusedError as error:
        return done(str(error), _section(), "error")
    if added is None:
        page = render_template(
            "people/new_contact.html", form=form, fields=fields, kind=KINDS[kind]
        )
        return page, form_status(form)
    return _code_sent(added)


@contact.post("/<int:method_id>/code")
@for_oneself
@throttled
def new_code(method_id: int) -> ResponseReturnValue:
    """Send a new code; an earlier one stops working."""
    return _code_sent(method_id)


@contact.post("/<int:method_id>/confirm")
@for_oneself
def confirm(method_id: int) -> ResponseReturnValue:
    """Confirm a contact method by the code that was sent there."""

    def _confirm() -> str:
        sent = request.form.get("code")
        method = confirm_contact_method(require_viewer().id, method_id, sent)
        return f"{method.name} is confirmed: you are reached there from now on."

    tell(_confirm)
    return _back()


@contact.post("/<int:method_id>/test")
@for_oneself
@throttled
def send_test(method_id: int) -> ResponseReturnValue:
    """Send a test, and show what the receiver answered."""

    def _test() -> str:
        words = try_contact_method(require_viewer().id, method_id)
        return f"The test was sent. The answer: {words}"

    tell(_test)
    return _back()


@contact.post("/<int:method_id>/told")
@for_oneself
def choose(method_id: int) -> ResponseReturnValue:
    """Choose what a contact method tells besides pages."""
    name = choose_what_is_told(
        require_viewer().id,
        method_id,
        mentions="mentions" in request.form,
        watched="watched" in request.form,
    )
    return done(f"Saved what {name} tells you.", _section())


@contact.post("/<int:method_id>/delete")
@for_oneself
def delete(method_id: int) -> ResponseReturnValue:
    """Delete a contact method."""
    name = delete_contact_method(require_viewer().id, method_id)
    return done(f"{name} was deleted: you are not reached there any more.", _section())


def _code_sent(method_id: int) -> ResponseReturnValue:
    try:
        send_code(require_viewer().id, method_id)
    except RefusedError as error:
        return done(f"The code was not sent: {error}", _section(), "error")
    return done("A code was sent there. Enter it within 15 minutes.", _section())


def _kind(text: str | None, offered: Sequence[Kind]) -> Kind | None:
    return next((kind for kind in offered if kind.value == text), None)


def _defaults(kind: Kind, viewer: Viewer) -> dict[str, str]:
    return {"to": viewer.email} if kind is Kind.EMAIL else {}


def _back() -> ResponseReturnValue:
    return redirect(_section(), SEE_OTHER)


def _section() -> str:
    return url_for("account.edit_preferences", _anchor="contact-heading")
