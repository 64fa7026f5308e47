"""What the web server itself answers: to what is no HTTP, and where the app could not answer."""

import socket
from http import HTTPStatus

from gunicorn.http import errors

from webapp.bare_page import make_bare_page

STATUSES: dict[type[Exception], HTTPStatus] = {
    errors.InvalidResponseHeader: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidResponseHeaderName: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.ConfigurationProblem: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ParseException: HTTPStatus.BAD_REQUEST,
}
"""The first kind that fits counts; any other error is the server's own: 500."""

SENTENCES = {
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address is too long. Search for less, or filter less.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "The browser sends too much along. Delete the cookies of this address and try again."
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Something went wrong on our side. Try again; the details are in the log."
    ),
}
MALFORMED = "The browser, or a program between it and Triagedesk, sent something that is not HTTP."


def status_of_failure(error: BaseException) -> HTTPStatus:
    """The status to answer with when reading a request or running the app ended in `error`."""
    fitting = (status for kind, status in STATUSES.items() if isinstance(error, kind))
    return next(fitting, HTTPStatus.INTERNAL_SERVER_ERROR)


def make_answer(status: HTTPStatus, public_url: str | None) -> bytes:
    """A whole HTTP/1.1 answer: a page in words that repeats nothing of the request."""
    headers, body = make_bare_page(status.phrase, SENTENCES.get(status, MALFORMED), public_url)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def send_answer(connection: socket.socket, answer: bytes, seconds: float) -> None:
    """Send it, within `seconds`; nobody may be there any more, and that is no error."""
    try:
        connection.settimeout(seconds)
        connection.sendall(answer)
    except OSError:
        return
