"""Where the audit log's daily seals and its events are sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from webapp.config.env import PREFIX, ConfigError, read_value, split_url
from webapp.domain.security.receiver import Receiver, ReceiverKind

PORTS = {ReceiverKind.SYSLOG_TLS: 6514, ReceiverKind.SYSLOG: 601}
LONGEST = 300
FORMS = (
    "It is stdout, syslog+tls://HOST:6514, or syslog://127.0.0.1:601 for a server on this machine."
)


@dataclass(frozen=True)
class AuditSettings:
    """Where seals go, and where every event goes; None: nowhere."""

    seal: Receiver | None = None
    forward: Receiver | None = None


def read_audit_settings(env: Mapping[str, str]) -> AuditSettings:
    """Read and check the settings; raises ConfigError with a hint."""
    return AuditSettings(
        seal=_read_receiver(env, "AUDIT_SEAL"), forward=_read_receiver(env, "AUDIT_FORWARD")
    )


def _read_receiver(env: Mapping[str, str], name: str) -> Receiver | None:
    text = read_value(env, name)
    if text is None:
        return None
    if text.lower() == ReceiverKind.STDOUT:
        return Receiver(ReceiverKind.STDOUT)
    parts = split_url(text)
    kinds = {str(kind): kind for kind in PORTS}
    is_bare = (
        parts is not None
        and parts.scheme in kinds
        and not (parts.username or parts.password or parts.query or parts.fragment)
        and parts.path in ("", "/")
        and re.fullmatch(r"[A-Za-z0-9_.:-]+", parts.hostname or "")
    )
    if parts is None or not is_bare or len(text) > LONGEST:
        raise ConfigError(f"{PREFIX}{name} is {text[:100]!r}.", FORMS)
    kind, host = kinds[parts.scheme], parts.hostname or ""
    if kind is ReceiverKind.SYSLOG and not _is_this_machine(host):
        raise ConfigError(
            f"{PREFIX}{name} would send the audit log to {host} without encryption.",
            f"Use syslog+tls://. {FORMS}",
        )
    return Receiver(kind, host, parts.port or PORTS[kind])


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
