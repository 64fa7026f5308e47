"""Passkeys (WebAuthn): the addresses they work at, and how a copied one is noticed."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"https": 443, "http": 80}
_THIS_MACHINE = "localhost"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The site that passkeys belong to: its domain, and the one origin they are used at."""

    domain: str
    origin: str


def find_relying_party(public_url: str | None, local_url: str) -> RelyingParty | None:
    """The site of an installation; None where browsers allow no passkeys at its address.

    They need a name, not an IP address, and https anywhere but on the machine itself. Without a
    public address, that is `localhost`, since 127.0.0.1 has no name.
    """
    parts = urlsplit(public_url or local_url)
    host = _as_browsers_write((parts.hostname or "").rstrip("."))
    if not public_url and _is_loopback(host):
        host = _THIS_MACHINE
    is_local = host == _THIS_MACHINE or host.endswith(f".{_THIS_MACHINE}")
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and is_local)
    if not host or not is_secure or _is_address(host):
        return None
    return RelyingParty(host, _origin(parts, host))


def is_copy(stored_count: int, shown_count: int) -> bool:
    """Whether a passkey's counter says that another copy of it is in use.

    It counts signatures and never goes back (WebAuthn, section 6.1.1). Many passkeys do not count
    and always show 0.
    """
    is_counting = stored_count > 0 or shown_count > 0
    return is_counting and shown_count <= stored_count


def _origin(parts: SplitResult, host: str) -> str:
    """Scheme, host and port as browsers write them: without a port that goes without saying."""
    port = parts.port
    is_default = port in (None, _DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}" + ("" if is_default else f":{port}")


def _as_browsers_write(host: str) -> str:
    """The host in ASCII, since origins never hold anything else; empty if it is no name."""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return ""


def _is_loopback(host: str) -> bool:
    return _is_address(host) and ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
