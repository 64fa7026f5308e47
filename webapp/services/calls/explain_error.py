"""Explaining a failed call to Huntress: what is wrong, and what the person can do about it."""

from collections.abc import Mapping

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
_ABOUT_BASE_URL = frozenset({ErrorKind.HOST_NOT_ALLOWED, ErrorKind.REDIRECTED})


def explain(error: HuntressError) -> str:
    """Return what is wrong and what the person can do about it, without any secret."""
    return f"{error.sentence} {_REMEDIES.get(error.kind, '')}".rstrip()


def is_about_base_url(error: HuntressError) -> bool:
    """Whether the error can be solved by another base URL."""
    return error.kind in _ABOUT_BASE_URL
