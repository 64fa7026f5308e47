"""The check of every connection that a guarded thread opens.

The interpreter tells its audit hooks of each connection before it is made, with the address that is
really connected to and whichever library opens it. Nothing can therefore resolve a name to another
address between check and connection (DNS rebinding), and no plugin can forget the check.
"""

import socket
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import ip_address
from time import monotonic
from typing import Any

import requests

from webapp.domain.public_address import is_public
from webapp.outbound.allowed_hosts import is_address_of_listed, is_listed
from webapp.outbound.errors import DeliveryError, Failure

CONNECT_SECONDS = 10.0
READ_SECONDS = 10.0
WHOLE_SECONDS = 30.0

_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname")
_CONNECTIONS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_WATCHED = frozenset((*_LOOKUPS, *_CONNECTIONS))


@dataclass(slots=True)
class Guard:
    """What is known of the delivery that this thread makes.

    `asked` is the host name that was looked up last, for sentences. `proxy` is the host and port of
    the web proxy that a request goes through. `refusal` is the first refusal. `outcomes` are the
    answers and failures of what `requests` sent, for callers whose library keeps them to itself.
    """

    outbound_hosts: Sequence[str]
    ca_file: str | None
    ends_at: float
    asked: str = ""
    proxy: tuple[str, int] | None = None
    refusal: DeliveryError | None = None
    is_checking: bool = False
    outcomes: list[requests.Response | Exception] = field(default_factory=list)

    def seconds_left(self) -> float:
        """The rest of the delivery's time. Raises TimeoutError where there is none."""
        left = self.ends_at - monotonic()
        if left <= 0:
            raise TimeoutError("the delivery took too long as a whole")
        return left

    def refuse(self, sentence: str) -> DeliveryError:
        """A permanent refusal to raise; it is kept, because a library may swallow it."""
        error = DeliveryError(Failure.PERMANENT, sentence)
        self.refusal = self.refusal or error
        return error


current: ContextVar[Guard | None] = ContextVar("outbound_guard", default=None)
_installed: list[bool] = []


def seconds_left() -> float:
    """The rest of this thread's delivery; 30 s outside a guard. Raises TimeoutError at its end."""
    guard = current.get()
    return WHOLE_SECONDS if guard is None else guard.seconds_left()


def watch_connections() -> None:
    """Add the hook to this process, once. It does nothing outside a guard."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_watch)


def not_public(guard: Guard, host: str, address: str = "") -> DeliveryError:
    """The refusal of a host that is not public."""
    shown = _shown(host)
    if address and address != host:
        shown += f" ({_shown(address)})"
    return guard.refuse(
        f"{shown} is not on the public internet, so nothing is sent there. If it is meant to be "
        "reached, name it in TRIAGEDESK_OUTBOUND_HOSTS on the server."
    )


def _shown(text: str) -> str:
    """A host as a sentence may hold it."""
    return "".join(char if char.isprintable() else "?" for char in text[:253]) or "The host"


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if event not in _WATCHED:
        return
    guard = current.get()
    if guard is None or guard.is_checking:
        return
    if event in _LOOKUPS:
        host = args[0]
        guard.asked = host.decode("ascii", "replace") if isinstance(host, bytes) else host or ""
        return
    sock, address = args
    if address is None:  # a connected socket, whose connection has been checked
        return
    guard.is_checking = True
    try:
        _check(guard, sock, address)
    finally:
        guard.is_checking = False


def _check(guard: Guard, sock: socket.socket, address: Any) -> None:
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
        raise guard.refuse(
            "Only connections over the network are allowed here, and this target asks for one "
            "within the server."
        )
    host, port = str(address[0]), int(address[1])
    if not _is_address(host):
        # What the name was resolved to is not told here.
        if not is_listed(host, port, guard.outbound_hosts):
            raise guard.refuse(
                f"{_shown(host)} was not reached, because its address cannot be checked. If it is "
                "meant to be reached, name it in TRIAGEDESK_OUTBOUND_HOSTS on the server."
            )
    elif not is_public(host) and not _is_exception(guard, host, port):
        raise not_public(guard, guard.asked or host, host)
    _limit_time(guard, sock)


def _is_exception(guard: Guard, address: str, port: int) -> bool:
    if guard.proxy is not None:
        host, proxy_port = guard.proxy
        if is_address_of_listed(address, port, [f"http://{_bracketed(host)}:{proxy_port}"]):
            return True
    return is_address_of_listed(address, port, guard.outbound_hosts)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _limit_time(guard: Guard, sock: socket.socket) -> None:
    """Let connecting wait for 10 s at most, and never beyond the delivery's time."""
    wanted = sock.gettimeout()
    if wanted != 0:  # a socket that never waits belongs to an event loop
        sock.settimeout(min(wanted or CONNECT_SECONDS, CONNECT_SECONDS, guard.seconds_left()))


def _is_address(text: str) -> bool:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
