"""The list that a person came from, so that they can go on to its next ticket."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import request, url_for
from werkzeug.datastructures import MultiDict

from webapp.models import Ticket
from webapp.services.tickets.list_tickets import next_in_list
from webapp.services.tickets.read_ticket import TicketView
from webapp.web.access import safe_next
from webapp.web.addresses import split_address
from webapp.web.tickets.list_query import read_query

ORIGIN = "from"
LONGEST = 1_500


def list_origin() -> str | None:
    """The address of the list with its filters: as passed on, or else the page before this one."""
    for target in (request.values.get(ORIGIN), _page_before()):
        if target and is_list(target):
            return target
    return None


def is_list(target: str) -> bool:
    """Whether `target` is an address of the ticket list on this site."""
    is_ours = len(target) <= LONGEST and safe_next(target) == target
    return is_ours and urlsplit(target).path == url_for("tickets.show_list")


def next_ticket(view: TicketView, origin: str | None, viewer_id: int) -> Ticket | None:
    """The ticket after the one that is shown, in the list that the person came from."""
    if origin is None:
        return None
    values: MultiDict[str, str] = MultiDict(parse_qsl(urlsplit(origin).query))
    query, _ = read_query(values, viewer_id)
    return next_in_list(query, view.ticket, view.priorities)


def ticket_url(ticket_id: int, anchor: str | None = None) -> str:
    """The address of a ticket's page, which passes on the list that the reader came from."""
    origin = kept_origin(list_origin())
    return url_for("tickets.show", ticket_id=ticket_id, _anchor=anchor, **origin)


def kept_origin(origin: str | None) -> dict[str, Any]:
    """The arguments for url_for that pass the origin on."""
    return {ORIGIN: origin} if origin else {}


def _page_before() -> str | None:
    parts = split_address(request.headers.get("Referer", ""))
    if parts.netloc != request.host:
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
