"""Finding tickets from every page, for the palette."""

from flask import jsonify, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.tickets.find_tickets import find_tickets
from webapp.web.access import signed_in
from webapp.web.params import read_search
from webapp.web.tickets.blueprint import tickets


@tickets.get("/tickets/find")
@signed_in
def find() -> ResponseReturnValue:
    """The tickets that fit what is being typed, as JSON; the browser shows all of it as text."""
    return jsonify(
        [
            {
                "url": url_for("tickets.show", ticket_id=one.id),
                "number": one.number,
                "what": one.what,
                "facts": [
                    *([one.host] if one.host else []),
                    one.client,
                    "closed" if one.is_closed else "open",
                ],
            }
            for one in find_tickets(read_search(request.args))
        ]
    )
