"""Taking a ticket by the link in a message, without signing in."""

from flask import Response, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.extensions import limiter
from webapp.services.errors import ConflictError, NotFoundError, RefusedError
from webapp.services.tickets.take_ticket import TakeOffer, read_take_link, take_ticket
from webapp.web.access import public
from webapp.web.errors import status_of
from webapp.web.tickets.blueprint import tickets

TRIES = "60 per minute"
too_many_tries = limiter.limit(
    TRIES, error_message="60 links can be opened in a minute from one address."
)


@tickets.get("/take/<token>")
@public
@too_many_tries
def show_take(token: str) -> ResponseReturnValue:
    """Show what the link is about; this changes nothing, because mail scanners follow links."""
    return _page(token)


@tickets.post("/take/<token>")
@public
@too_many_tries
def take(token: str) -> ResponseReturnValue:
    """Take the ticket for the person whom the link was sent to."""
    try:
        take_ticket(token)
    except (NotFoundError, ConflictError, RefusedError) as error:
        return _page(token, status_of(error))
    return _private(make_response(redirect(url_for("tickets.show_take", token=token), 303)))


def _page(token: str, status: int = 200) -> ResponseReturnValue:
    offer: TakeOffer | None = None
    problem: str | None = None
    try:
        offer = read_take_link(token)
    except NotFoundError as error:
        problem, status = str(error), status_of(error)
    page = render_template("tickets/take.html", offer=offer, problem=problem)
    return _private(make_response(page, status))


def _private(response: Response) -> Response:
    """Keep the address, which is a secret, from search engines and from logs as a referrer."""
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "strict-origin"
    return response
