"""Addresses as they may be shown: whoever knows a whole one may send there, or listen."""

from urllib.parse import urlsplit

MOST_SHOWN = 3
WEB = ("https://", "http://")


def mask_address(address: str) -> str:
    """Return the scheme and the host of a web address, without path and query: `https://host/…`.

    Of other addresses only the scheme is shown, since what follows may be a key.
    """
    scheme, has_scheme, _ = address.partition("://")
    if not has_scheme:
        return "…"
    if not address.lower().startswith(WEB):
        return f"{scheme}://…"
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return f"{scheme}://…"
    host = parts.hostname or ""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}{port}/…"


def hint_at(address: str) -> str:
    """Return the masked address with the first characters of its path, to tell two topics apart.

    At most a quarter of the path is shown: `https://ntfy.sh/soc…`.
    """
    masked = mask_address(address)
    if not masked.startswith(WEB) or masked.endswith("://…"):
        return masked
    path = urlsplit(address).path.strip("/")
    return f"{masked[:-1]}{path[: min(MOST_SHOWN, len(path) // 4)]}…"
