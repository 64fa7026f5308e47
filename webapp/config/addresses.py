"""The hosts that may be called, and the addresses that this installation is known by."""

import re
import ssl
from collections.abc import Mapping, Sequence

from webapp.config.env import PREFIX, ConfigError, read_value, read_words, split_url
from webapp.domain.portal_link import DEFAULT_PORTAL_URL

_HOST = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+"


def read_hosts(env: Mapping[str, str], name: str, schemes: Sequence[str]) -> tuple[str, ...]:
    """Host names, or whole origins with one of `schemes` (`http://127.0.0.1:8081`)."""
    hosts = read_words(env, name)
    for host in hosts:
        is_host = re.fullmatch(_HOST, host.lower())
        if not (_is_origin(host, schemes) if "://" in host else is_host):
            raise ConfigError(
                f"{PREFIX}{name} holds {host[:100]!r}, which is not a host.",
                "It takes host names without scheme and path, such as api.huntress.io or ntfy.lan,"
                f" and whole origins ({', '.join(schemes)}), such as http://127.0.0.1:8081",
            )
    return hosts


def _is_origin(url: str, schemes: Sequence[str]) -> bool:
    """Whether `url` is only a scheme, a host and perhaps a port."""
    parts = split_url(url)
    if parts is None or parts.scheme not in schemes or "@" in parts.netloc:
        return False
    is_bare = parts.path in ("", "/") and not parts.query and not parts.fragment
    return is_bare and re.fullmatch(_HOST, parts.hostname or "") is not None


def read_ca_file(env: Mapping[str, str]) -> str | None:
    """The path of a file with more authorities that messages trust; raises ConfigError."""
    path = read_value(env, "OUTBOUND_CA_FILE")
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        name, hint = f"{PREFIX}OUTBOUND_CA_FILE", "It names a file with certificates in PEM form."
        raise ConfigError(f"{name} cannot be read: {error.strerror or 'no PEM'}.", hint) from error
    return path


def read_portal_url(env: Mapping[str, str]) -> str:
    """The form of links to incidents in the portal; raises ConfigError."""
    url = read_value(env, "HUNTRESS_PORTAL_URL") or DEFAULT_PORTAL_URL
    parts = split_url(url)
    is_https = parts is not None and parts.scheme == "https"
    if not is_https or "{incident_id}" not in url or re.search(r"[\s<>()]", url):
        raise ConfigError(
            f"{PREFIX}HUNTRESS_PORTAL_URL is not an https address with {{incident_id}} in it.",
            f"The default is {DEFAULT_PORTAL_URL}",
        )
    return url


def read_heartbeat_url(env: Mapping[str, str]) -> str | None:
    """The address of the outside service; it is as secret as a password, and never repeated."""
    url = read_value(env, "HEARTBEAT_URL")
    parts = split_url(url) if url else None
    if url and (parts is None or parts.scheme not in ("http", "https")):
        raise ConfigError(
            f"{PREFIX}HEARTBEAT_URL is not an address that starts with https:// or http://.",
            "Copy the whole ping address from healthchecks.io, Uptime Kuma or your monitor.",
        )
    return url


def read_public_url(env: Mapping[str, str]) -> str | None:
    """The address that people open, without a slash at its end; raises ConfigError."""
    url = read_value(env, "PUBLIC_URL")
    if url is None:
        return None
    parts = split_url(url)
    if parts is None or parts.scheme not in ("http", "https"):
        raise ConfigError(
            f"{PREFIX}PUBLIC_URL is {url!r}.", "It is an address such as https://desk.example.com"
        )
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigError(
            f"{PREFIX}PUBLIC_URL has something behind the host: {url!r}.",
            "Triagedesk needs a host name of its own, such as https://desk.example.com",
        )
    return url.rstrip("/")
