"""The page of the outbox: what was sent to whom, and sending again what failed."""

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from webapp.domain.notices.events import type_words
from webapp.domain.untrusted import clean_line
from webapp.models.outbox import EVENT_LENGTH
from webapp.services.notices.read_outbox import STATES, OutboxQuery, read_outbox, title_of
from webapp.services.notices.resend import resend, resend_failed
from webapp.web.access import admin_only, safe_next
from webapp.web.answers import SEE_OTHER, tell
from webapp.web.filters import counted
from webapp.web.notices.blueprint import notices
from webapp.web.params import read_number
from webapp.web.viewer import require_viewer

KEPT = ("state", "target", "ticket", "event")
NUMBER_LENGTH = 40


@notices.get("/outbox")
@admin_only
def show_outbox() -> ResponseReturnValue:
    """Show a page of the outbox; the address holds the filters and the page."""
    query = _read_query(request.args)
    kept = {name: request.args[name] for name in KEPT if request.args.get(name)}
    return render_template(
        "notices/outbox.html",
        query=query,
        page=read_outbox(query),
        states=STATES,
        type_words=type_words,
        title_of=title_of,
        kept=kept,
        here=request.full_path.rstrip("?"),
    )


@notices.post("/outbox/<int:row_id>/again")
@admin_only
def send_again(row_id: int) -> ResponseReturnValue:
    """Send a failed message again."""
    tell(lambda: _sent_again(resend([row_id], actor_id=require_viewer().id)))
    return _back()


@notices.post("/outbox/again")
@admin_only
def send_all_again() -> ResponseReturnValue:
    """Send everything again that failed."""
    tell(lambda: _sent_again(resend_failed(actor_id=require_viewer().id)))
    return _back()


def _sent_again(count: int) -> str:
    if not count:
        return "Nothing has failed."
    return f"{counted(count, 'row')} will be sent again at once."


def _back() -> ResponseReturnValue:
    target = safe_next(request.form.get("next"))
    is_here = target.startswith(url_for("notices.show_outbox"))
    return redirect(target if is_here else url_for("notices.show_outbox"), SEE_OTHER)


def _read_query(values: MultiDict[str, str]) -> OutboxQuery:
    state: Any = values.get("state")
    return OutboxQuery(
        state=state if state in STATES else None,
        target_id=read_number(values.get("target")),
        number=clean_line(values.get("ticket"), NUMBER_LENGTH),
        event=clean_line(values.get("event"), EVENT_LENGTH),
        after=values.get("after"),
        before=values.get("before"),
    )
