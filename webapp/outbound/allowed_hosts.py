"""The exceptions of TRIAGEDESK_OUTBOUND_HOSTS: hosts that need no public address.

An entry is a host name or address (`ntfy.lan`, any port) or an origin (`http://127.0.0.1:9000`,
`smtp://mail.lan:2525`, this port alone).
"""

import socket
from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

_PORTS = {"http": (80,), "https": (443,), "smtp": (25, 587), "smtps": (465,)}


def is_listed(host: str, port: int, outbound_hosts: Sequence[str]) -> bool:
    """Whether an entry names exactly this host and port. Nothing is resolved."""
    return any(
        _same_host(host, name) and (not ports or port in ports)
        for name, ports in _entries(outbound_hosts)
    )


def is_address_of_listed(address: str, port: int, outbound_hosts: Sequence[str]) -> bool:
    """Whether an entry for this port has this address now; names are resolved."""
    return any(
        (not ports or port in ports) and _same_address(address, found)
        for name, ports in _entries(outbound_hosts)
        for found in addresses_of(name, port)
    )


def addresses_of(host: str, port: int) -> list[str]:
    """Every address that `host` has now; empty where it does not resolve."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError):
        return []
    return [str(answer[4][0]) for answer in answers]


def default_port(scheme: str) -> int:
    """The port of an address that names none; 0 for an unknown scheme."""
    return _PORTS.get(scheme, (0,))[0]


def _entries(outbound_hosts: Sequence[str]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each entry's host and ports; an entry without ports allows all of them."""
    for entry in outbound_hosts:
        if "://" not in entry:
            yield entry.strip("[]"), ()
            continue
        parts = urlsplit(entry)
        ports = (parts.port,) if parts.port else _PORTS.get(parts.scheme, ())
        if parts.hostname and ports:
            yield parts.hostname, ports


def _same_host(one: str, other: str) -> bool:
    names = [name.lower().strip("[]").rstrip(".") for name in (one, other)]
    return names[0] == names[1] or _same_address(*names)


def _same_address(one: str, other: str) -> bool:
    """Whether two texts are the same IP address, however each is written."""
    try:
        addresses = [ip_address(text.partition("%")[0]) for text in (one, other)]
    except ValueError:
        return False
    first, second = [
        address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
        for address in addresses
    ]
    return first == second
