"""The errors of calls to Huntress, with sentences for the person who must act on them.

One table says what each HTTP status means, another what each transport failure means. No response
body, exception text, URL or credential is ever copied into a sentence, so that it may be stored,
logged and shown.
"""

import ssl
from dataclasses import dataclass
from enum import StrEnum

import requests
import urllib3.exceptions

from webapp.outbound.wire import causes_of


class ErrorKind(StrEnum):
    """The kinds of failures by which callers decide what to do."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    BAD_REQUEST = "bad_request"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    HOST_NOT_ALLOWED = "host_not_allowed"
    REDIRECTED = "redirected"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class _Meaning:
    sentence: str
    is_retryable: bool = False
    needs_person: bool = False


_MEANINGS = {
    ErrorKind.UNAUTHORIZED: _Meaning(
        "Huntress refused the credentials: the API key or the secret is wrong or was revoked.",
        needs_person=True,
    ),
    ErrorKind.FORBIDDEN: _Meaning(
        "The Huntress API key lacks permission for this request; use a key that may read it.",
        needs_person=True,
    ),
    ErrorKind.NOT_FOUND: _Meaning(
        "Huntress has nothing at this address, or the API key may not see it."
    ),
    ErrorKind.RATE_LIMITED: _Meaning(
        "Huntress's limit of API calls for this account is used up; other tools may be using "
        "the same account.",
        is_retryable=True,
    ),
    ErrorKind.BAD_REQUEST: _Meaning("Huntress did not accept the request."),
    ErrorKind.SERVER_ERROR: _Meaning(
        "Huntress is failing on its side.",
        is_retryable=True,
    ),
    ErrorKind.TIMEOUT: _Meaning("Huntress did not answer in time.", is_retryable=True),
    ErrorKind.UNREACHABLE: _Meaning(
        "Huntress could not be reached: the connection failed or was cut.", is_retryable=True
    ),
    ErrorKind.TLS: _Meaning(
        "The certificate of the Huntress host could not be verified; check the system's "
        "certificates, its clock and any proxy that inspects traffic.",
        needs_person=True,
    ),
    ErrorKind.HOST_NOT_ALLOWED: _Meaning(
        "This host is not an allowed Huntress host.", needs_person=True
    ),
    ErrorKind.REDIRECTED: _Meaning(
        "The Huntress host answered with a redirect, which is never followed because it would "
        "carry the credentials elsewhere; check the base URL.",
        needs_person=True,
    ),
    ErrorKind.UNREADABLE: _Meaning("Huntress's answer could not be understood."),
    ErrorKind.TOO_LARGE: _Meaning("Huntress's answer was too large."),
}


class HuntressError(Exception):
    """A request to Huntress did not get a usable answer.

    `sentence` (also `str(error)`) is safe to show and store. `is_retryable` says that the same
    request may succeed a little later; the client has used up its own tries when it raises.
    `needs_person` says that calls fail until somebody changes credentials, settings or the network.
    `retry_after` is in seconds (1 to 120), None where Huntress named no time. `status` is the HTTP
    status, None where no answer came.
    """

    def __init__(
        self,
        kind: ErrorKind,
        sentence: str | None = None,
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        meaning = _MEANINGS[kind]
        super().__init__(sentence or meaning.sentence)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after
        self.sentence: str = sentence or meaning.sentence
        self.is_retryable = meaning.is_retryable
        self.needs_person = meaning.needs_person

    def __repr__(self) -> str:
        return f"HuntressError({self.kind.value}, status={self.status}, {self.sentence!r})"


_STATUSES: dict[int, tuple[ErrorKind, str | None]] = {
    401: (ErrorKind.UNAUTHORIZED, None),
    403: (ErrorKind.FORBIDDEN, None),
    404: (ErrorKind.NOT_FOUND, None),
    407: (
        ErrorKind.UNREACHABLE,
        "The web proxy between this server and Huntress asks for its own user name and password.",
    ),
    408: (ErrorKind.TIMEOUT, None),
    410: (ErrorKind.NOT_FOUND, None),
    429: (ErrorKind.RATE_LIMITED, None),
}
_STATUS_CLASSES = {
    3: ErrorKind.REDIRECTED,
    4: ErrorKind.BAD_REQUEST,
    5: ErrorKind.SERVER_ERROR,
}


def error_for_status(status: int, retry_after: float | None = None) -> HuntressError | None:
    """Return the error for an HTTP status, or None for a success (2xx).

    The body is not read, because Huntress does not document bodies of errors.
    """
    if 200 <= status < 300:
        return None
    kind, sentence = _STATUSES.get(
        status, (_STATUS_CLASSES.get(status // 100, ErrorKind.UNREADABLE), None)
    )
    if kind in (ErrorKind.BAD_REQUEST, ErrorKind.SERVER_ERROR):
        sentence = _MEANINGS[kind].sentence[:-1] + f" (status {status})."
    return HuntressError(kind, sentence, status=status, retry_after=retry_after)


_FAILURES: tuple[tuple[type[BaseException], ErrorKind, str | None], ...] = (
    # The first type found among an exception's causes decides, so precise types come first.
    (ssl.SSLCertVerificationError, ErrorKind.TLS, None),
    (
        urllib3.exceptions.ProxyError,
        ErrorKind.UNREACHABLE,
        "The web proxy between this server and Huntress could not be reached, or it refused the "
        "connection.",
    ),
    (
        urllib3.exceptions.NameResolutionError,
        ErrorKind.UNREACHABLE,
        "The name of the Huntress host could not be resolved; check this server's DNS.",
    ),
    # urllib3 counts a refused connection among the time-outs.
    (urllib3.exceptions.NewConnectionError, ErrorKind.UNREACHABLE, None),
    (TimeoutError, ErrorKind.TIMEOUT, None),
    (urllib3.exceptions.TimeoutError, ErrorKind.TIMEOUT, None),
    (requests.Timeout, ErrorKind.TIMEOUT, None),
    (
        urllib3.exceptions.DecodeError,
        ErrorKind.UNREADABLE,
        "Huntress's answer could not be unpacked.",
    ),
    (requests.ConnectionError, ErrorKind.UNREACHABLE, None),
    (ConnectionError, ErrorKind.UNREACHABLE, None),
    (urllib3.exceptions.ProtocolError, ErrorKind.UNREACHABLE, None),
    (
        requests.RequestException,
        ErrorKind.BAD_REQUEST,
        "The request to Huntress could not be made; check the base URL and the proxy settings.",
    ),
    (
        OSError,  # requests raises a bare OSError for a missing bundle of certificates
        ErrorKind.TLS,
        "The request to Huntress could not be made; check that the configured bundle of "
        "certificates exists and can be read.",
    ),
)


def error_for_exception(exception: BaseException) -> HuntressError:
    """Return the error for a failure of the transport (requests, urllib3, sockets, TLS)."""
    causes = list(causes_of(exception))
    for wanted, kind, sentence in _FAILURES:
        if any(isinstance(cause, wanted) for cause in causes):
            return HuntressError(kind, sentence)
    return HuntressError(ErrorKind.UNREACHABLE)
