"""What open pages ask for every few seconds, by a script of theirs; it counts as nobody's use."""

from flask import request
from flask.typing import ResponseReturnValue

from webapp.services.tickets.live.read_news import (
    read_count_news,
    read_list_news,
    read_ticket_news,
)
from webapp.services.tickets.live.who_is_here import GONE, LOOKING, WRITING, meet
from webapp.web.access import signed_in
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_query import read_query
from webapp.web.tickets.live_answers import live_answer, read_loaded
from webapp.web.viewer import asked_only_by_pages, require_viewer


@tickets.get("/live")
@signed_in
@asked_only_by_pages
def live_count() -> ResponseReturnValue:
    """How many criticals are untouched: for every page, also in a tab that nobody looks at."""
    return live_answer(read_count_news())


@tickets.get("/tickets/live")
@signed_in
@asked_only_by_pages
def live_list() -> ResponseReturnValue:
    """What changed since a list was loaded; the address holds the filters of the list."""
    query, _ = read_query(request.args, require_viewer().id)
    return live_answer(read_list_news(query, read_loaded()))


@tickets.get("/tickets/<int:ticket_id>/live")
@signed_in
@asked_only_by_pages
def live_ticket(ticket_id: int) -> ResponseReturnValue:
    """The newest entries of a ticket, and who else has it open; the viewer counts as there."""
    viewer = require_viewer()
    doing = request.args.get("doing")
    here = meet(
        ticket_id,
        viewer.id,
        viewer.name,
        doing if doing in (WRITING, GONE) else LOOKING,
    )
    people = [{"name": one.name, "is_writing": one.is_writing} for one in here]
    return live_answer(read_ticket_news(ticket_id) | {"here": people})
