"""The pages about polling one connection: history, quarantine, and last calls to Huntress."""

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from webapp.services.connections.read_exchanges import read_exchanges
from webapp.services.errors import ServiceError
from webapp.services.polling.answer_quarantine import REASON_LENGTH, dismiss, retry
from webapp.services.polling.read_poll_history import KINDS, read_poll_history, read_poll_run
from webapp.services.polling.read_quarantine import read_quarantine, read_quarantined_report
from webapp.web.access import admin_only
from webapp.web.polling import words
from webapp.web.viewer import require_viewer

polling = Blueprint("polling", __name__, url_prefix="/integrations/huntress/<int:connection_id>")
for _filter in (
    words.trigger_words,
    words.run_look,
    words.skip_words,
    words.seconds_words,
    words.run_duration_words,
    words.run_counts,
):
    polling.add_app_template_filter(_filter)

DISMISSED = "dismissed"


@polling.app_template_global()
def connection_page_url(connection_id: int) -> str:
    """The address of a connection's page, or of its card if that page does not exist."""
    if "connections.show" in current_app.view_functions:
        return url_for("connections.show", connection_id=connection_id)
    return url_for("dashboard.show", _anchor=f"connection-{connection_id}")


@polling.get("/polls")
@admin_only
def show_runs(connection_id: int) -> ResponseReturnValue:
    """Show the history of polls; the address holds the filter and the page."""
    kind = request.args.get("show")
    history = read_poll_history(
        connection_id,
        kind=kind,
        after=request.args.get("after"),
        before=request.args.get("before"),
    )
    return render_template(
        "polling/runs.html",
        history=history,
        account=history.account,
        kind=kind if kind in KINDS else None,
        is_later_page=bool(request.args.get("after") or request.args.get("before")),
    )


@polling.get("/polls/<int:run_id>")
@admin_only
def show_run(connection_id: int, run_id: int) -> ResponseReturnValue:
    """Show one poll with all its counts."""
    detail = read_poll_run(connection_id, run_id)
    return render_template(
        "polling/run.html", detail=detail, account=detail.account, count_words=words.COUNT_WORDS
    )


@polling.get("/api-calls")
@admin_only
def show_exchanges(connection_id: int) -> ResponseReturnValue:
    """Show the last calls to Huntress."""
    log = read_exchanges(connection_id)
    return render_template("polling/exchanges.html", log=log, account=log.account)


@polling.get("/quarantine")
@admin_only
def show_quarantine(connection_id: int) -> ResponseReturnValue:
    """Show the reports that could not be processed, or the dismissed ones."""
    return _quarantine(connection_id)


@polling.get("/quarantine/<int:report_id>/report")
@admin_only
def show_report(connection_id: int, report_id: int) -> ResponseReturnValue:
    """Send the whole raw report as plain text."""
    response = Response(read_quarantined_report(connection_id, report_id), mimetype="text/plain")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@polling.post("/quarantine/<int:report_id>/retry")
@admin_only
def retry_report(connection_id: int, report_id: int) -> ResponseReturnValue:
    """Let the next poll try a report again."""
    try:
        retry(report_id, require_viewer().id, connection_id=connection_id)
    except ServiceError as error:
        flash(str(error), "warning")
    else:
        flash("The next poll tries this report again.", "success")
    return _back(connection_id)


@polling.post("/quarantine/<int:report_id>/dismiss")
@admin_only
def dismiss_report(connection_id: int, report_id: int) -> ResponseReturnValue:
    """Dismiss a report with a reason; a refused reason is shown again as it was typed."""
    reason = request.form.get("reason", "").strip()
    problem = _reason_problem(reason)
    if problem:
        return _quarantine(connection_id, refused=(report_id, reason, problem)), 400
    try:
        dismiss(
            report_id,
            reason,
            require_viewer().id,
            connection_id=connection_id,
            seen_hash=request.form.get("seen"),
        )
    except ServiceError as error:
        flash(str(error), "warning")
    else:
        flash(
            "Dismissed. The report comes back only if Huntress sends another version of it.",
            "success",
        )
    return _back(connection_id)


def _reason_problem(reason: str) -> str | None:
    if not reason:
        return "Say why, for those who look at it later."
    if len(reason) > REASON_LENGTH:
        return f"A reason has at most {REASON_LENGTH:,} characters; this one has {len(reason):,}."
    return None


def _quarantine(connection_id: int, refused: tuple[int, str, str] | None = None) -> str:
    """Render the page; `refused` has a report's id, the typed reason and what is wrong with it."""
    is_dismissed = request.args.get("show") == DISMISSED
    page = read_quarantine(
        connection_id,
        is_dismissed=is_dismissed,
        after=request.args.get("after"),
        before=request.args.get("before"),
    )
    return render_template(
        "polling/quarantine.html",
        page=page,
        account=page.account,
        is_dismissed=is_dismissed,
        refused=refused,
    )


def _back(connection_id: int) -> ResponseReturnValue:
    return redirect(url_for("polling.show_quarantine", connection_id=connection_id), 303)
