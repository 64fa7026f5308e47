"""Taking a ticket by the link in a message, without signing in."""

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.extensions import limiter
from webapp.services.errors import RefusedError
from webapp.services.tickets.take_ticket import read_take_link, take_ticket
from webapp.web.access import public
from webapp.web.errors import status_of
from webapp.web.tickets.blueprint import tickets

TRIES = "60 per minute"


@tickets.get("/take/<token>")
@public
@limiter.limit(TRIES)
def show_take(token: str) -> ResponseReturnValue:
    """Show what the link is about; this changes nothing, because mail scanners follow links."""
    return _page(token)


@tickets.post("/take/<token>")
@public
@limiter.limit(TRIES)
def take(token: str) -> ResponseReturnValue:
    """Take the ticket for the person whom the link was sent to."""
    try:
        take_ticket(token)
    except RefusedError as error:
        return _page(token, status_of(error))
    return _kept_private(
        make_response(redirect(url_for("tickets.show_take", token=token, done=1), 303))
    )


def _page(token: str, status: int = 200) -> ResponseReturnValue:
    offer = read_take_link(token)
    if offer.facts is None:
        status = 404
    page = render_template(
        "tickets/take.html", offer=offer, token=token, is_done=request.args.get("done") == "1"
    )
    return _kept_private(make_response(page, status))


def _kept_private(response: Response) -> Response:
    """Keep the address, which is a secret, from search engines and from logs as a referrer."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "strict-origin"
    return response
