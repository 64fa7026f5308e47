"""The list that a person came from, so that they can go on to its next ticket.

Pages and forms of a ticket pass on the address of the list and, as its `place`, the mark at which
the ticket stood in it. So "Next" leads on from there, whatever was done to the ticket meanwhile and
whichever related ticket was opened.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import request, url_for
from werkzeug.datastructures import MultiDict

from webapp.models import Ticket
from webapp.services.tickets.list_tickets import SORTS, neighbours_in_list
from webapp.services.tickets.read_ticket import TicketView
from webapp.web.access import safe_next
from webapp.web.addresses import split_address
from webapp.web.tickets.list_query import read_query

ORIGIN = "from"
PLACE = "place"
LONGEST = 1_500


@dataclass(frozen=True, slots=True)
class ListWay:
    """The way through the list: its address, the row in it, the tickets before and after it.

    The last value of a mark is the id of its ticket. `kept` are the arguments for url_for that pass
    list and place on, `fresh` those that pass only the list on, for the tickets beside.
    """

    origin: str
    back_url: str
    kept: dict[str, str]
    fresh: dict[str, str]
    previous: Ticket | None
    next: Ticket | None


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


def find_way(view: TicketView, viewer_id: int) -> ListWay | None:
    """The way through the list that the person came from; None if they came from elsewhere."""
    origin = list_origin()
    if origin is None:
        return None
    values = parse_qsl(urlsplit(origin).query)
    address = _address([(name, value) for name, value in values if name != PLACE])
    query, _ = read_query(MultiDict(values), viewer_id)
    keyset = SORTS[query.sort_name]
    place = dict(values).get(PLACE, "")
    at = keyset.read_mark(place)
    if at is None:  # there is none, or it is of another order
        place, at = keyset.mark(view.ticket), [view.ticket.id]
    previous, following = neighbours_in_list(query, place, view.priorities, without=view.ticket.id)
    with_place = _address([*parse_qsl(urlsplit(address).query), (PLACE, place)])
    return ListWay(
        origin=with_place,
        back_url=f"{address}#ticket-{at[-1]}",
        kept=kept_origin(with_place),
        fresh=kept_origin(address),
        previous=previous,
        next=following,
    )


def ticket_url(ticket_id: int, anchor: str | None = None, **values: Any) -> str:
    """The address of a ticket's page, which passes on the list that the reader came from."""
    origin = kept_origin(list_origin())
    return url_for("tickets.show", ticket_id=ticket_id, _anchor=anchor, **values, **origin)


def kept_origin(origin: str | None) -> dict[str, Any]:
    """The arguments for url_for that pass the origin on."""
    return {ORIGIN: origin} if origin else {}


def _address(values: list[tuple[str, str]]) -> str:
    home = url_for("tickets.show_list")
    return f"{home}?{urlencode(values)}" if values else home


def _page_before() -> str | None:
    parts = split_address(request.headers.get("Referer", ""))
    if parts.netloc != request.host:
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
