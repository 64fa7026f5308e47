"""Error pages, which say what happened, what it means and what to do next."""

import logging
import sqlite3
from dataclasses import dataclass

from flask import (
    Flask,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from werkzeug.exceptions import HTTPException, InternalServerError, TooManyRequests

from webapp import clock
from webapp.extensions import current_config, limiter
from webapp.outage import DATABASE
from webapp.services.errors import (
    ConflictError,
    FieldError,
    NotFoundError,
    RefusedError,
    ServiceError,
)
from webapp.services.operations.check_storage import try_write
from webapp.services.transactions import first_line, was_database_asked
from webapp.web.access import SignInRequired, safe_next, sign_in_redirect
from webapp.web.addresses import split_address
from webapp.web.answers import SEE_OTHER, reload_page, wants_part
from webapp.web.filters import counted
from webapp.web.gates import Gate, StepRequired, address_of_step
from webapp.web.refusals import CROSS_SITE, FORBIDDEN, NO_TOKEN, note_refusal
from webapp.web.same_session import name_session
from webapp.web.secret_fields import is_secret_field
from webapp.web.throttling import TOO_MANY
from webapp.web.viewer import current_viewer, forget_viewer

log = logging.getLogger(__name__)

FORBIDDEN_STATUS = 403
CONFLICT = 409
SHORT_WAIT = 60
"""Seconds to wait where a limit does not say how long it lasts."""

DATABASE_DOWN = 503
STATUSES = {NotFoundError: 404, RefusedError: 400, ConflictError: CONFLICT, FieldError: 400}
SHOWN_FIELD_LENGTH = 50_000
NO_RIGHTS = "42501"
CSRF_FIELD = "csrf_token"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A heading and one or two sentences."""

    title: str
    text: str


EXPLANATIONS = {
    400: Explanation(
        "That request made no sense",
        "Something in it was missing or malformed. Go back, reload the page and try again.",
    ),
    403: Explanation(
        "This is for admins",
        "Your account may not open this page. Ask an admin if you need it.",
    ),
    404: Explanation(
        "There is nothing here",
        "The page or ticket does not exist, or the address has a typing mistake.",
    ),
    405: Explanation(
        "That cannot be done this way",
        "The address exists, but not for this kind of request. Go back and use the page's buttons.",
    ),
    413: Explanation("That is too large", "Send something smaller; nothing was saved."),
    415: Explanation(
        "That cannot be sent here", "Pages take forms, as browsers send them. Nothing was saved."
    ),
    TOO_MANY: Explanation(
        "Too many attempts",
        "Wait a minute, then try again. This keeps strangers from guessing passwords.",
    ),
    500: Explanation(
        "Something went wrong on our side",
        "Nothing was saved, and the details are in the log. Try again; if it happens twice, tell "
        "your administrator what you were doing.",
    ),
    DATABASE_DOWN: Explanation(
        "The database cannot be used just now",
        "Nothing was saved. Polling and the tickets are safe: go on when it is back. For "
        "administrators: `triagedesk doctor` says what is wrong.",
    ),
}


def status_of(error: ServiceError) -> int:
    """The HTTP status for a page that shows this refusal."""
    return next(status for kind, status in STATUSES.items() if isinstance(error, kind))


def init_errors(app: Flask) -> None:
    """Register the error pages."""
    app.register_error_handler(SignInRequired, _ask_to_sign_in)
    app.register_error_handler(StepRequired, _lead_to_step)
    app.register_error_handler(CSRFError, _form_expired)
    app.register_error_handler(NotFoundError, _not_found)
    app.register_error_handler(ServiceError, _not_possible)
    app.register_error_handler(OperationalError, _database_down)
    app.register_error_handler(InterfaceError, _database_down)
    app.register_error_handler(DatabaseError, _database_failed)
    app.register_error_handler(InternalServerError, _failed)
    app.after_request(_note_database_is_back)
    app.register_error_handler(TooManyRequests, _too_many)
    app.register_error_handler(HTTPException, _refused)


def _refused(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()
    response = _page(error.code)
    if error.code == FORBIDDEN_STATUS:
        note_refusal(error.code, FORBIDDEN)
    for name in ("Allow", "Retry-After"):
        for value in error.get_response().headers.getlist(name):
            response.headers[name] = value
    return response


def _too_many(error: TooManyRequests) -> ResponseReturnValue:
    """Say what there was too much of and how long to wait; what was typed is kept."""
    response: Response | None = error.response  # type: ignore[assignment]  # a werkzeug one, in its types
    seconds = _seconds_to_wait(error)
    if response is None:
        words = _words_of(error)
        explanation = (
            Explanation("Please wait a moment", words) if words else EXPLANATIONS[TOO_MANY]
        )
        if request.method == "POST" and _came_from_here() and _typed() and not _has_secrets():
            response = _typing_page("too_many", TOO_MANY, words=explanation.text)
        else:
            response = _page(TOO_MANY, explanation)
    response.headers["Retry-After"] = str(seconds)
    return response


def _words_of(error: TooManyRequests) -> str | None:
    """What a limit says of itself, and when to try again; None for those that say nothing."""
    if isinstance(error, RateLimitExceeded) and not error.limit.error_message:
        return None
    return f"{error.description} Try again in {_wait_words(_seconds_to_wait(error))}."


def _seconds_to_wait(error: TooManyRequests) -> int:
    """How long the limit lasts that was reached; at least a second."""
    reached = limiter.current_limit
    if isinstance(error, RateLimitExceeded) and reached is not None:
        return max(1, reached.reset_at - int(clock.machine_seconds()))
    wait = error.retry_after
    return wait if isinstance(wait, int) else SHORT_WAIT


def _wait_words(seconds: int) -> str:
    """How long that is: seconds, or minutes rounded up."""
    return counted(seconds, "second") if seconds < 100 else counted(-(-seconds // 60), "minute")


def _failed(error: InternalServerError) -> ResponseReturnValue:
    """Say that something failed, without any template where even the page about it fails."""
    try:
        return _page(500)
    except Exception as problem:  # noqa: BLE001 - whatever it is, it must not end in a second error
        log.error("The error page failed as well: %s", problem)
        explanation = EXPLANATIONS[500]
        return Response(f"{explanation.title}\n\n{explanation.text}\n", 500, mimetype="text/plain")


def _not_found(error: NotFoundError) -> ResponseReturnValue:
    return _page(404)


def _not_possible(error: ServiceError) -> ResponseReturnValue:
    """Show a refusal that the page itself did not handle, in the service's own words."""
    status = status_of(error)
    page = render_template(
        "errors/error.html",
        code=status,
        explanation=Explanation("That is not possible", str(error)),
    )
    return make_response(page, status)


def _database_down(error: SQLAlchemyError) -> ResponseReturnValue:
    """Say that the database cannot be used; what was typed is kept, unless a secret belongs to it.

    A form without its password could only fail again.
    """
    _log_database(error)
    forget_viewer()
    if request.method == "POST" and _came_from_here() and _typed() and not _has_secrets():
        return _typing_page("database", DATABASE_DOWN)
    return _page(DATABASE_DOWN)


def _database_failed(error: DatabaseError) -> ResponseReturnValue:
    """Take a database that only reads, a damaged file or missing rights for a database away.

    Other errors, such as a broken constraint, are ours.
    """
    is_away = isinstance(error, InternalError) or type(error) is DatabaseError
    if is_away or getattr(error.orig, "sqlstate", None) == NO_RIGHTS:
        return _database_down(error)
    raise error


def _note_database_is_back(response: Response) -> Response:
    """End the outage once a page used the database and a trial write succeeds."""
    if DATABASE.is_on and response.status_code < 500 and was_database_asked():
        try:
            try_write(seconds=0.1)
        except (SQLAlchemyError, sqlite3.Error, OSError):
            return response
        DATABASE.end()
    return response


def _page(code: int, explanation: Explanation | None = None) -> Response:
    _look_up_viewer()
    explanation = explanation or EXPLANATIONS.get(code, EXPLANATIONS[400 if code < 500 else 500])
    page = render_template("errors/error.html", code=code, explanation=explanation)
    return make_response(page, code)


def _look_up_viewer() -> None:
    """Load the viewer; if the database fails, go on as if nobody was signed in.

    A page about one failure must not fail because of another.
    """
    try:
        current_viewer()
    except DBAPIError as error:
        _log_database(error)
        forget_viewer()


def _log_database(error: SQLAlchemyError) -> None:
    """Log the first failure only, because every request fails in the same way meanwhile.

    The page is named by its rule: addresses themselves may hold tokens.
    """
    rule = request.url_rule.rule if request.url_rule is not None else "unknown page"
    DATABASE.begin(f"{first_line(error)} ({request.method} {rule})")


def _ask_to_sign_in(error: SignInRequired) -> ResponseReturnValue:
    """Ask to sign in; what was typed into a form is shown again, so that it is not lost."""
    if request.method == "POST" and _came_from_here() and _typed():
        return _typing_page("signed_out", 401)
    return sign_in_redirect()


def _lead_to_step(error: StepRequired) -> ResponseReturnValue:
    """Lead to the page of a step that comes first; what was typed into a form is not lost."""
    if request.method == "POST" and _came_from_here() and _typed():
        return _typing_page("step", CONFLICT, step=error.gate)
    if wants_part():
        return reload_page()
    return redirect(address_of_step(error.gate), SEE_OTHER)


def _form_expired(error: CSRFError) -> ResponseReturnValue:
    """Show the form again with a fresh token, unless another site may have sent it.

    Cookies for https do not come back over http, so no form works there; a page says so.
    """
    name_session()  # so that the forms of the page that is shown now are taken
    is_from_here = _came_from_here()
    note_refusal(400, NO_TOKEN if is_from_here else CROSS_SITE)
    if not is_from_here:
        return _typing_page("refused", 400, fields=[])
    if current_app.config["SESSION_COOKIE_SECURE"] and not request.cookies:
        return _typing_page("no_cookies", 400, fields=[])
    if not current_viewer().is_authenticated and _typed():
        return _typing_page("signed_out", 401)
    return _typing_page("expired", 400)


def _typing_page(
    reason: str,
    code: int,
    fields: list[tuple[str, str]] | None = None,
    step: Gate | None = None,
    words: str = "",
) -> Response:
    page = render_template(
        "errors/typing.html",
        reason=reason,
        words=words,
        fields=_typed() if fields is None else fields,
        files=sum(bool(one.filename) for _, one in request.files.items(multi=True)),
        back=_page_before(),
        step=step,
        public_url=current_config().public_url,
    )
    return make_response(page, code)


def _typed() -> list[tuple[str, str]]:
    """The fields of the form that was sent, without tokens and secrets."""
    return [
        (name, value[:SHOWN_FIELD_LENGTH])
        for name, value in request.form.items(multi=True)
        if not is_secret_field(name)
    ]


def _has_secrets() -> bool:
    """Whether the form has a field that is never shown again, other than its own token."""
    return any(is_secret_field(name) for name in request.form if name != CSRF_FIELD)


def _came_from_here() -> bool:
    """Whether the browser says that the form was on one of our pages."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    source = request.headers.get("Origin") or request.headers.get("Referer") or ""
    return split_address(source).netloc == request.host


def _page_before() -> str | None:
    """The path of the page with the form, or None if that was not ours."""
    parts = split_address(request.headers.get("Referer", ""))
    is_ours = parts.netloc == request.host and safe_next(parts.path) == parts.path
    return parts.path if is_ours else None
