"""Where seals and events of the audit log are sent: to standard output, or to a syslog server."""

from dataclasses import dataclass
from enum import StrEnum


class ReceiverKind(StrEnum):
    """How a receiver is reached."""

    STDOUT = "stdout"
    SYSLOG_TLS = "syslog+tls"
    SYSLOG = "syslog"
    """Without TLS, and so only on this machine."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver; `host` and `port` are those of a syslog server."""

    kind: ReceiverKind
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.kind is ReceiverKind.STDOUT:
            return str(self.kind)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}"
