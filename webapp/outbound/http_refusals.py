"""What each HTTP status and each failure of a connection means for a delivery, as data.

No sentence holds an exception's text or anything of an address but its host: paths and queries of
webhook addresses are secrets.
"""

import socket
import ssl
from collections.abc import Mapping
from http import HTTPStatus

import requests
import urllib3.exceptions

from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.wire import causes_of

_STATUSES: Mapping[int, tuple[Failure, str]] = {
    401: (Failure.PERMANENT, "does not accept the credentials; enter them again."),
    403: (Failure.PERMANENT, "does not allow this; check the credentials and what they may do."),
    404: (Failure.PERMANENT, "knows no such address; it was mistyped, or deleted there."),
    405: (Failure.PERMANENT, "takes no messages at this address; check the address."),
    407: (Failure.TRANSIENT, "was not reached: the web proxy asks for its own credentials."),
    408: (Failure.TRANSIENT, "did not get the message in time."),
    410: (Failure.PERMANENT, "says that this address is gone for good; enter another."),
    425: (Failure.TRANSIENT, "wants the message later."),
    429: (Failure.TRANSIENT, "takes no more messages for the moment."),
}
_STATUS_CLASSES: Mapping[int, tuple[Failure, str]] = {
    4: (Failure.MESSAGE, "does not accept this message."),
    5: (Failure.TRANSIENT, "is failing on its own side."),
}
_ODD = (Failure.TRANSIENT, "gave an answer that means nothing here.")

_FAILURES: tuple[tuple[tuple[type[BaseException], ...], Failure, str], ...] = (
    # The first type found among an exception's causes decides, so precise types come first.
    (
        (ssl.SSLCertVerificationError,),
        Failure.TRANSIENT,
        "{host} shows a certificate that does not fit: it has expired, is for another name, or is "
        "signed by nobody whom this server trusts.",
    ),
    (
        (urllib3.exceptions.ProxyError,),
        Failure.TRANSIENT,
        "The web proxy between this server and {host} could not be reached, or it refused.",
    ),
    (
        (urllib3.exceptions.NameResolutionError, socket.gaierror),
        Failure.TRANSIENT,
        'The name "{host}" could not be resolved; check the spelling and this server\'s DNS.',
    ),
    (
        # urllib3 counts a refused connection among the time-outs.
        (urllib3.exceptions.NewConnectionError, ConnectionRefusedError),
        Failure.TRANSIENT,
        "{host} could not be reached.",
    ),
    (
        (TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout),
        Failure.TRANSIENT,
        "{host} did not answer in time.",
    ),
    (
        (ssl.SSLError, urllib3.exceptions.SSLError),
        Failure.TRANSIENT,
        "No encrypted connection with {host} could be made; check the address and its port.",
    ),
    (
        (
            requests.exceptions.InvalidURL,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidSchema,
            urllib3.exceptions.LocationValueError,
            UnicodeError,
        ),
        Failure.PERMANENT,
        "The address is no valid web address; it begins with https:// and a host name.",
    ),
    (
        (ConnectionError, requests.ConnectionError, urllib3.exceptions.ProtocolError),
        Failure.TRANSIENT,
        "{host} cut the connection.",
    ),
)
_OTHER = (Failure.TRANSIENT, "{host} could not be reached.")


def status_words(status: int) -> str:
    """Return for instance "202 Accepted"."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def refusal_for_status(host: str, status: int, retry_after: float | None = None) -> DeliveryError:
    """Return the error for an answer that is no success (2xx)."""
    refusal, words = _STATUSES.get(status) or _STATUS_CLASSES.get(status // 100, _ODD)
    return DeliveryError(
        refusal,
        f"{host} answered {status_words(status)}: it {words}",
        retry_after=retry_after if refusal is Failure.TRANSIENT else None,
    )


def refusal_for_failure(host: str, failure: BaseException) -> DeliveryError:
    """Return the error for a failure of the transport (requests, urllib3, sockets, TLS)."""
    causes = list(causes_of(failure))
    for types, refusal, sentence in _FAILURES:
        if any(isinstance(cause, types) for cause in causes):
            return DeliveryError(refusal, sentence.format(host=host))
    return DeliveryError(_OTHER[0], _OTHER[1].format(host=host))
