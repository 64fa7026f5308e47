"""The bell: what concerns the viewer, and marking it as read."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.triage.bell import bell_words
from webapp.services.notices.bell.read_bell import mark_read, open_bell_item, read_bell
from webapp.web.access import for_oneself
from webapp.web.answers import SEE_OTHER, done
from webapp.web.viewer import require_viewer

bell = Blueprint("bell", __name__)
UNREAD = "unread"


@bell.get("/bell")
@for_oneself
def show() -> ResponseReturnValue:
    """Show what concerns the viewer, the newest first: all of it, or what is unread."""
    is_unread = request.args.get("show") == UNREAD
    page = read_bell(
        require_viewer().id,
        is_unread=is_unread,
        after=request.args.get("after"),
        before=request.args.get("before"),
    )
    return render_template(
        "notices/bell.html", page=page, is_unread=is_unread, bell_words=bell_words
    )


@bell.post("/bell/<int:item_id>/open")
@for_oneself
def open_item(item_id: int) -> ResponseReturnValue:
    """Open the ticket of an item, which marks what the bell tells of that ticket as read."""
    ticket_id, entry_id = open_bell_item(require_viewer().id, item_id)
    anchor = f"entry-{entry_id}" if entry_id is not None else None
    return redirect(url_for("tickets.show", ticket_id=ticket_id, _anchor=anchor), SEE_OTHER)


@bell.post("/bell/read")
@for_oneself
def mark_all() -> ResponseReturnValue:
    """Mark everything as read."""
    read = mark_read(require_viewer().id)
    words = "Everything is marked as read." if read else "Nothing was unread."
    return done(words, url_for("bell.show"))
