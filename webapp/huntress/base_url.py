"""Checking that credentials may be sent to a Huntress base URL.

`check_base_url` reads the URL and can check every address that its host has now. `transport` calls
`check_addresses` and `check_address` again for each new connection, because a name may resolve
differently a moment later.
"""

import re
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from webapp.domain.public_address import is_public
from webapp.huntress.errors import ErrorKind, HuntressError

Resolve = Callable[..., Iterable[tuple[Any, ...]]]
"""A function that takes and returns the same as `socket.getaddrinfo`."""

_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?/?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}

_Origin = tuple[str, str, int]


def check_base_url(
    url: str, allowed_hosts: Sequence[str], *, resolve: Resolve | None = socket.getaddrinfo
) -> str:
    """Return `url` as an origin without a trailing slash, if credentials may be sent there.

    The URL must use https on port 443, with a host in `allowed_hosts` whose addresses are all
    public. An origin that is listed in `allowed_hosts` itself is also allowed, with any scheme,
    port and address (`http://127.0.0.1:8081`, for tests and the demo). With `resolve=None`
    addresses are not checked; this is for callers whose connections check them, or whose proxy
    resolves names. Raises HuntressError: HOST_NOT_ALLOWED with a sentence that says what is wrong,
    or UNREACHABLE where the name does not resolve.
    """
    origin = _parse_origin(url)
    if origin in _allowed_origins(allowed_hosts):
        return _format_origin(origin)
    scheme, host, port = origin
    if host not in {entry.strip().lower() for entry in allowed_hosts}:
        raise _refusal(
            f'The host "{host}" is not allowed. Allowed Huntress hosts: '
            f"{', '.join(allowed_hosts) or 'none'} (TRIAGEDESK_HUNTRESS_HOSTS)."
        )
    if scheme != "https":
        raise _refusal("The Huntress base URL must begin with https://.")
    if port != _DEFAULT_PORTS["https"]:
        raise _refusal("The Huntress base URL must not name a port.")
    if resolve is not None and not check_addresses(host, port, resolve):
        raise HuntressError(
            ErrorKind.UNREACHABLE,
            f'The host name "{host}" could not be resolved; check this server\'s DNS.',
        )
    return _format_origin(origin)


def is_exempt_origin(url: str, allowed_hosts: Sequence[str]) -> bool:
    """Whether `url` is an origin that `allowed_hosts` lists as an exception.

    Raises HuntressError(HOST_NOT_ALLOWED) where `url` is not a valid origin.
    """
    return _parse_origin(url) in _allowed_origins(allowed_hosts)


def check_addresses(host: str, port: int, resolve: Resolve) -> bool:
    """Check every address of `host`; return False where the name does not resolve.

    Raises HuntressError(HOST_NOT_ALLOWED) as soon as one of them is not public.
    """
    try:
        answers = list(resolve(host.strip("[]"), port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return False
    for answer in answers:
        check_address(str(answer[4][0]))
    return bool(answers)


def check_address(address: str) -> None:
    """Raise HuntressError(HOST_NOT_ALLOWED) unless `address` is a public unicast address."""
    if not is_public(address):
        raise _refusal(
            "The Huntress host resolves to a private, local or reserved network address; "
            "credentials are not sent there."
        )


def _parse_origin(url: str) -> _Origin:
    text = url.strip().lower()
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise _refusal(_what_is_wrong(text))
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS[match["scheme"]]
    if not 0 < port < 65_536:
        raise _refusal("The Huntress base URL names a port that does not exist.")
    return match["scheme"], match["host"], port


def _what_is_wrong(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        return "The Huntress base URL is not a valid URL."
    if parts.scheme not in _DEFAULT_PORTS:
        return "The Huntress base URL must begin with https://."
    if "@" in parts.netloc:
        return "The Huntress base URL must not contain a user name or password."
    if parts.path not in ("", "/") or parts.query or parts.fragment or "?" in text or "#" in text:
        return "The Huntress base URL must end after the host name, without a path or query."
    return "The Huntress base URL is not a valid URL."


def _allowed_origins(allowed_hosts: Sequence[str]) -> set[_Origin]:
    return {_parse_origin(entry) for entry in allowed_hosts if "://" in entry}


def _format_origin(origin: _Origin) -> str:
    scheme, host, port = origin
    return f"{scheme}://{host}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")


def _refusal(sentence: str) -> HuntressError:
    return HuntressError(ErrorKind.HOST_NOT_ALLOWED, sentence)
