"""Explaining a failed call to Huntress: what is wrong, and what the person can do about it."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from webapp.domain.polling_health import UNREADABLE_CREDENTIALS
from webapp.huntress.errors import ErrorKind, HuntressError

_REMEDIES: Mapping[ErrorKind, str] = {
    ErrorKind.UNAUTHORIZED: "Create a new API key in the Huntress portal (API Credentials) and "
    "enter both its parts.",
    ErrorKind.RATE_LIMITED: "Wait a minute, then try again.",
    ErrorKind.SERVER_ERROR: "Try again in a few minutes.",
    ErrorKind.TIMEOUT: "Try again in a minute.",
    ErrorKind.UNREACHABLE: "Check this server's network, firewall and proxy, then try again.",
    ErrorKind.NOT_FOUND: "Check the base URL.",
    ErrorKind.UNREADABLE: "Check that the base URL is that of Huntress's API.",
    ErrorKind.HOST_NOT_ALLOWED: "Leave the base URL empty to use Huntress's own.",
}
_ABOUT_CREDENTIALS = (
    *(HuntressError(kind).sentence for kind in (ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN)),
    UNREADABLE_CREDENTIALS,
    "Missing Huntress API credentials",
)
_ABOUT_ACCOUNT = frozenset({ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN, ErrorKind.RATE_LIMITED})
_ABOUT_BASE_URL = frozenset({ErrorKind.HOST_NOT_ALLOWED, ErrorKind.REDIRECTED})


def explain(error: HuntressError) -> str:
    """Return what is wrong and what the person can do about it, without any secret."""
    return f"{error.sentence} {_REMEDIES.get(error.kind, '')}".rstrip()


def explain_trial(error: HuntressError, base_url: str, *, is_default: bool) -> str:
    """Return why an account could not be connected, with the host where that may be the cause.

    `is_default` says that `base_url` is Huntress's own, so that leaving it empty is no remedy.
    """
    sentence = explain(error)
    if is_default and error.kind is ErrorKind.HOST_NOT_ALLOWED:
        sentence = f"{error.sentence} Add it to TRIAGEDESK_HUNTRESS_HOSTS on the server."
    host = urlsplit(base_url).netloc or base_url
    return sentence if host in sentence or error.kind in _ABOUT_ACCOUNT else f"{sentence} ({host})"


def is_about_credentials(sentence: str | None) -> bool:
    """Whether the last error of a connection, as stored, asks for other credentials."""
    return sentence is not None and sentence.startswith(_ABOUT_CREDENTIALS)


def is_about_base_url(error: HuntressError) -> bool:
    """Whether the error can be solved by another base URL."""
    return error.kind in _ABOUT_BASE_URL
