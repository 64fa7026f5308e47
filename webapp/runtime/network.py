"""Rules for where the web server may listen, and opening its port."""

import errno
import os
import socket
from collections.abc import MutableMapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from webapp.config import Config, ConfigError

LAST_PORT = 65_535
FIRST_HANDED_OVER = 3
"""The number of the first socket that systemd hands over (sd_listen_fds(3))."""


def is_loopback(host: str) -> bool:
    """Whether `host` is "localhost" or a loopback address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_safe_host(host: str, public_url: str | None) -> None:
    """Raise ConfigError for a host that others can reach, unless PUBLIC_URL is an https address.

    An https address says that a reverse proxy encrypts the connections.
    """
    if is_loopback(host) or urlsplit(public_url or "").scheme == "https":
        return
    raise ConfigError(
        f"Listening on {host} needs TRIAGEDESK_PUBLIC_URL to be an https address.",
        "Passwords must not travel unencrypted: put a reverse proxy with https in front of"
        " 127.0.0.1, or set TRIAGEDESK_PUBLIC_URL=https://… if there is one already.",
    )


def take_over_socket(env: MutableMapping[str, str], config: Config) -> socket.socket:
    """Return the listening socket that systemd hands over, and take the variables about it away.

    Raises ConfigError where there is not exactly one, and where it is not for a reverse proxy that
    the configuration knows.
    """
    count, pid = env.pop("LISTEN_FDS", ""), env.pop("LISTEN_PID", "")
    env.pop("LISTEN_FDNAMES", None)
    if (count, pid) != ("1", str(os.getpid())):
        raise ConfigError(
            "systemd hands over no socket, or more than one.",
            "`--systemd-socket` is for a service with a unit such as triagedesk.socket beside it.",
        )
    server = socket.socket(fileno=FIRST_HANDED_OVER)
    if server.family != socket.AF_UNIX:
        require_safe_host(server.getsockname()[0], config.public_url)
    elif not (config.public_url and config.trusted_proxies):
        raise ConfigError(
            "Only a reverse proxy can reach a Unix socket.",
            "Set TRIAGEDESK_PUBLIC_URL to the address that people open, and"
            " TRIAGEDESK_TRUSTED_PROXIES=1.",
        )
    server.set_inheritable(True)
    return server


def describe_socket(server: socket.socket) -> str:
    """Where a socket listens: `127.0.0.1:8000`, `[::1]:8000`, or the path of a Unix socket."""
    name = server.getsockname()
    if isinstance(name, str):
        return name
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket, which children inherit.

    Raises ConfigError if it cannot be opened.
    """
    require_port(port)
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        server = socket.socket(family, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
    except OSError as error:
        raise ConfigError(
            f"Port {port} on {host} cannot be used ({error.strerror or error}).",
            _advise(error, port),
        ) from error
    server.listen(128)
    server.set_inheritable(True)
    return server


def require_port(port: int) -> None:
    """Raise ConfigError for a number that is not a port; the system would use another port."""
    if not 0 <= port <= LAST_PORT:
        raise ConfigError(f"There is no port {port}.", f"Ports go up to {LAST_PORT}.")


def _advise(error: OSError, port: int) -> str:
    """The advice for a port that cannot be opened."""
    if isinstance(error, PermissionError):
        return "Ports below 1024 are for root: use another one, behind a reverse proxy."
    if error.errno == errno.EADDRINUSE:
        return f"Another program may be using it: try `--port {port + 1}`."
    return "`--host` takes an address of this machine, such as 127.0.0.1 or ::1."


def find_free_port() -> int:
    """A port of 127.0.0.1 that is free at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
