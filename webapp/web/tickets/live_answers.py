"""Pages that stay open ask whether anything has changed: when a page was made, and the answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Flask, Response, g, jsonify, request

from webapp import clock
from webapp.domain.live.tag import tag_of
from webapp.domain.untrusted import parse_moment
from webapp.web.viewer import require_viewer

ASKS_EVERY_SECONDS = 10
"""A change is to be seen within 15 seconds."""
TICKET_ASKS_EVERY_SECONDS = 8
"""Who else is there is to be seen within ten."""

LOADED = "loaded"
"""The name under which a page sends when it was made."""


def init_live(app: Flask) -> None:
    """Note when each request came, before anything is read, and give it to templates."""
    app.before_request(_note_time)
    app.add_template_global(page_time)
    app.jinja_env.globals["live_seconds"] = ASKS_EVERY_SECONDS
    app.jinja_env.globals["ticket_live_seconds"] = TICKET_ASKS_EVERY_SECONDS


def page_time() -> datetime:
    """The time (UTC) as of which a page is shown: nothing of it was read before."""
    if "page_time" not in g:
        g.page_time = clock.utcnow()
    time: datetime = g.page_time
    return time


def read_loaded() -> datetime | None:
    """When the page that asks was made; None where it does not say, or nothing that is a time."""
    return parse_moment(request.args.get(LOADED))


def live_answer(news: Mapping[str, Any]) -> Response:
    """`news` as JSON with its tag; 304 without a body where the page has it already.

    With it goes what the viewer's bell counts, which is read with their session. Every other tag
    gets the whole answer.
    """
    told = {**news, "unread": require_viewer().unread}
    response = jsonify(told)
    response.set_etag(tag_of(told))
    response.make_conditional(request)
    return response


def _note_time() -> None:
    page_time()
