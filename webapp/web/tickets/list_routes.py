"""The ticket list."""

from flask import render_template, request, session
from flask.typing import ResponseReturnValue

from webapp.domain.triage.list_columns import COLUMNS, fit_columns, read_display
from webapp.services.tickets.list_tickets import list_tickets
from webapp.services.tickets.saved_views import VIEW_NAME_LENGTH, list_views
from webapp.web.access import signed_in
from webapp.web.tickets.answering.undo_memory import undo_offers
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.display_routes import DISPLAY
from webapp.web.tickets.list_links import (
    SORT_WORDS,
    ListLinks,
    age_pairs,
    assignee_pairs,
    built_in_views,
)
from webapp.web.tickets.list_query import CLOSE_REASONS, SEVERITIES, SOURCES, read_query
from webapp.web.viewer import require_viewer

SELECTED = "bulk_selection"
"""The session key for the selection that the next list restores if a bulk change was refused."""


@tickets.get("/tickets")
@signed_in
def show_list() -> ResponseReturnValue:
    """Show the list; the address holds the filters, the order and the page."""
    viewer = require_viewer()
    query, ignored = read_query(request.args, viewer.id)
    display = read_display(viewer.list_settings)
    page = list_tickets(query, is_grouped=display.is_grouped)
    links = ListLinks(request.args)
    return render_template(
        "tickets/list.html",
        query=page.query,
        page=page,
        links=links,
        chips=links.chips(page.query, page.choices, viewer.id),
        ignored=tuple(dict.fromkeys((*ignored, *page.ignored))),
        people=assignee_pairs(page.choices.users, viewer.id),
        age_pairs=age_pairs,
        sorts=list(SORT_WORDS.items()),
        sources=list(SOURCES.items()),
        severities=list(SEVERITIES.items()),
        close_reasons=list(CLOSE_REASONS.items()),
        built_in_views=list(built_in_views(page.choices)),
        saved_views=list_views(viewer.id),
        view_name_length=VIEW_NAME_LENGTH,
        undo=undo_offers(viewer.id),
        selected=session.pop(SELECTED, ()),
        display=display,
        all_columns=COLUMNS,
        columns=fit_columns(display.columns),
        is_display_open=DISPLAY in request.args,
        is_all_selected=request.args.get("select") == "all",
    )
