"""One's own second factors: authenticator app, passkeys, recovery codes."""

from flask import (
    Blueprint,
    Response,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from webapp.domain.security.factor_rule import FactorDemand
from webapp.extensions import current_config
from webapp.services.errors import FieldError, RefusedError
from webapp.services.people.factors.authenticator_app import begin_app_setup, read_app_setup
from webapp.services.people.factors.own_factors import (
    FactorChange,
    add_own_passkey,
    confirm_own_app,
    make_own_codes,
    remove_own_app,
    remove_own_passkey,
)
from webapp.services.people.factors.passkeys import (
    ask_to_make_passkey,
    read_own_passkey,
    rename_passkey,
)
from webapp.services.people.factors.read_factors import read_own_factors
from webapp.web.access import for_oneself, safe_next
from webapp.web.answers import SEE_OTHER, done
from webapp.web.cookies import SESSION, read_cookie, write_cookie
from webapp.web.form_errors import form_status, show_field_errors
from webapp.web.gates import Gate
from webapp.web.people.factor_forms import AppCodeForm, PasskeyForm
from webapp.web.people.qr_picture import draw_qr
from webapp.web.presence import needs_presence, needs_presence_but_for_first
from webapp.web.viewer import require_viewer

factors = Blueprint("factors", __name__, url_prefix="/preferences/sign-in")

SET_UP_FACTOR = Gate(
    endpoint="factors.show",
    words="set up a second factor",
    is_closed=lambda viewer: viewer.factor_demand is FactorDemand.NOW,
    also_open=frozenset(
        {
            *("factors.begin_app", "factors.confirm_app_code"),
            *("factors.new_passkey", "factors.ask_for_new_passkey", "factors.add_passkey"),
            *("account.confirm", "account.ask_to_confirm_with_passkey"),
            "account.confirm_at_provider",
            *("account.see_notes", "account.switch_theme"),
        }
    ),
)
"""Closed once the grace is over, for somebody who has to have a factor and has none."""


@factors.get("")
@for_oneself
def show() -> ResponseReturnValue:
    """Show the viewer's factors."""
    return render_template(
        "people/factors.html",
        factors=read_own_factors(require_viewer().id),
        wanted=_wanted(),
    )


@factors.post("/app")
@for_oneself
@needs_presence_but_for_first
def begin_app() -> ResponseReturnValue:
    """Make a key for an authenticator app, and lead to the page that shows it."""
    begin_app_setup(require_viewer().id)
    return redirect(url_for("factors.confirm_app_code", next=_wanted()), SEE_OTHER)


@factors.route("/app/confirm", methods=["GET", "POST"])
@for_oneself
@needs_presence_but_for_first
def confirm_app_code() -> ResponseReturnValue:
    """Show key and QR code until the app's first code confirms it."""
    viewer = require_viewer()
    form = AppCodeForm()
    try:
        setup = read_app_setup(viewer.id)
        if form.validate_on_submit():
            change = confirm_own_app(viewer.id, form.code.data, kept_token=_token())
            return _changed(change, "Your authenticator app is set up.")
    except FieldError as error:
        show_field_errors(form, error)
    except RefusedError as error:
        return done(str(error), url_for("factors.show"), "error")
    status = form_status(form)
    form.code.data = None
    picture = draw_qr(setup.address)
    page = render_template(
        "people/app.html", form=form, setup=setup, picture=picture, wanted=_wanted()
    )
    return page, status


@factors.post("/app/remove")
@for_oneself
@needs_presence
def remove_app() -> ResponseReturnValue:
    """Remove the authenticator app, unless it is the last factor of somebody who needs one."""
    try:
        change = remove_own_app(require_viewer().id, kept_token=_token())
    except RefusedError as error:
        return done(str(error), url_for("factors.show"), "error")
    return _changed(change, "The authenticator app is removed.")


@factors.get("/passkeys/new")
@for_oneself
@needs_presence_but_for_first
def new_passkey() -> ResponseReturnValue:
    """Show the form that makes a passkey."""
    return _new_passkey_page(PasskeyForm(formdata=None))


@factors.post("/passkeys/ask")
@for_oneself
@needs_presence_but_for_first
def ask_for_new_passkey() -> ResponseReturnValue:
    """Tell the page's script what to ask the browser for."""
    try:
        question = ask_to_make_passkey(require_viewer().id)
    except RefusedError as error:
        return jsonify(problem=str(error)), 400
    return jsonify(token=question.token, options=question.options)


@factors.post("/passkeys/new")
@for_oneself
@needs_presence_but_for_first
def add_passkey() -> ResponseReturnValue:
    """Store the passkey that the browser made."""
    form = PasskeyForm()
    try:
        change = add_own_passkey(
            require_viewer().id,
            request.form.get("answer_token"),
            request.form.get("answer", ""),
            form.name.data,
            kept_token=_token(),
        )
    except RefusedError as error:
        return _new_passkey_page(form, str(error)), 400
    return _changed(change, f"The passkey “{change.name}” is added.")


@factors.route("/passkeys/<int:passkey_id>", methods=["GET", "POST"])
@for_oneself
def edit_passkey(passkey_id: int) -> ResponseReturnValue:
    """Show a passkey, and give it another name."""
    viewer = require_viewer()
    passkey = read_own_passkey(viewer.id, passkey_id)
    form = PasskeyForm(obj=passkey)
    if form.validate_on_submit():
        try:
            rename_passkey(viewer.id, passkey_id, form.name.data)
        except FieldError as error:
            show_field_errors(form, error)
        else:
            return done("Saved.", url_for("factors.show"))
    page = render_template("people/passkey.html", form=form, passkey=passkey)
    return page, form_status(form)


@factors.post("/passkeys/<int:passkey_id>/remove")
@for_oneself
@needs_presence
def remove_passkey(passkey_id: int) -> ResponseReturnValue:
    """Remove a passkey, unless it is the last factor of somebody who needs one."""
    try:
        change = remove_own_passkey(require_viewer().id, passkey_id, kept_token=_token())
    except RefusedError as error:
        return done(str(error), url_for("factors.show"), "error")
    return _changed(change, f"The passkey “{change.name}” is removed.")


@factors.post("/recovery-codes")
@for_oneself
@needs_presence
def make_codes() -> ResponseReturnValue:
    """Make ten new recovery codes and show them once."""
    try:
        change = make_own_codes(require_viewer().id, kept_token=_token())
    except RefusedError as error:
        return done(str(error), url_for("factors.show"), "error")
    return _changed(change, "Your old recovery codes do not work any more.")


def _changed(change: FactorChange, words: str) -> Response:
    """Go on in the session with its new token; new recovery codes are shown here and never again.

    They stand in the answer to the form itself: no cookie and no address ever holds them.
    """
    leads_to = _wanted() or url_for("factors.show")
    if change.codes:
        page = render_template(
            "people/recovery_codes.html", codes=change.codes, words=words, leads_to=leads_to
        )
        response = make_response(page)
    else:
        response = make_response(done(words, leads_to))
    write_cookie(response, SESSION, change.token, current_config().security.session_lifetime)
    return response


def _new_passkey_page(form: PasskeyForm, failure: str | None = None) -> str:
    return render_template("people/new_passkey.html", form=form, failure=failure, wanted=_wanted())


def _wanted() -> str | None:
    """The page that the gate led away from, and to which setting up a factor leads back."""
    wanted = request.args.get("next")
    return safe_next(wanted) if wanted else None


def _token() -> str:
    return read_cookie(SESSION) or ""
