"""What is settled before Flask looks at a request: the host it names, and HEAD."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from webapp.bare_page import make_bare_page

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Monitors ask for these by whatever address they know; they show nothing and link nowhere."""


class HostGuard:
    """Refuses a request whose host is neither that of PUBLIC_URL nor a name of this machine.

    Links and redirects are built from the host that a request names, so a host that anybody can
    make up must not get as far as a page.
    """

    def __init__(self, application: Application, public_url: str | None) -> None:
        self._application = application
        self._public_url = public_url
        self._names = LOOPBACK | {urlsplit(public_url or "").hostname or "localhost"}

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if host_name(environ.get("HTTP_HOST", "localhost")) in self._names:
            return self._application(environ, start_response)
        if environ.get("PATH_INFO") in PROBES:
            return self._application({**environ, "HTTP_HOST": "localhost"}, start_response)
        title = "Triagedesk does not answer at this address"
        headers, body = make_bare_page(title, self._sentence(), self._public_url)
        start_response("400 Bad Request", headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]

    def _sentence(self) -> str:
        if self._public_url:
            return f"Open {self._public_url} instead."
        return (
            "For administrators: set TRIAGEDESK_PUBLIC_URL to the address that people open, for"
            " example https://desk.example.com, and restart. Without it only names of the machine"
            " itself (127.0.0.1, localhost) are answered."
        )


class HeadAsGet:
    """Answers HEAD as GET without a body, so that no view can take it for something else."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if environ.get("REQUEST_METHOD") != "HEAD":
            return self._application(environ, start_response)
        answer = self._application({**environ, "REQUEST_METHOD": "GET"}, start_response)
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        return []


def host_name(host: str) -> str | None:
    """The name in a Host header, in lower case; None where it is no host at all."""
    try:
        parts = urlsplit(f"//{host}")
        has_port = parts.port is not None or not host.endswith(":")
    except ValueError:
        return None
    is_bare = not (parts.path or parts.query or parts.fragment or parts.username)
    return parts.hostname if is_bare and has_port else None
