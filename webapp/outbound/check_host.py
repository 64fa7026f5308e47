"""Whether a host may be sent to, as far as its name alone tells."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.domain.public_address import is_public
from webapp.outbound.allowed_hosts import default_port, is_listed

_LOCAL_NAMES = ("localhost", "local", "internal", "lan", "home.arpa")


def check_host(host: str, port: int, outbound_hosts: Sequence[str]) -> str | None:
    """Return why nothing may be sent to `host`, as a sentence; None where it may be public.

    Nothing is resolved: the guard checks the address that a delivery really connects to.
    """
    if is_listed(host, port, outbound_hosts):
        return None
    name = host.strip("[]").rstrip(".").lower()
    try:
        ip_address(name)
    except ValueError:
        is_local = "." not in name or any(name.endswith(f".{one}") for one in _LOCAL_NAMES)
    else:
        is_local = not is_public(name)
    if not is_local:
        return None
    return (
        "This host is not on the public internet, so nothing is sent there. If it is meant to be "
        "reached, name it in TRIAGEDESK_OUTBOUND_HOSTS on the server."
    )


def check_target_hosts(
    kind: Kind, values: Mapping[str, str], outbound_hosts: Sequence[str]
) -> dict[str, str]:
    """Return a sentence for each web address among a kind's settings that names such a host."""
    problems = {}
    for setting in KINDS[kind].settings:
        address = values.get(setting.name, "")
        if setting.name != "url" or not address.startswith(("https://", "http://")):
            continue
        parts = urlsplit(address)
        port = parts.port or default_port(parts.scheme)
        problem = check_host(parts.hostname or "", port, outbound_hosts)
        if problem:
            problems[setting.name] = problem
    return problems
