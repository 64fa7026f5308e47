"""Messages of syslog (RFC 5424), framed by their length (RFC 5425, and RFC 6587 without TLS)."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum

from webapp.domain.security.chain import moment_text

LOG_AUDIT = 13
"""The facility that RFC 5424 has for audit logs."""

PROGRAM = "triagedesk"
HOST_LENGTH = 255


class SyslogSeverity(IntEnum):
    """How grave a message is; the numbers are those of RFC 5424."""

    WARNING = 4
    NOTICE = 5
    INFORMATIONAL = 6


def syslog_message(
    document: Mapping[str, object],
    *,
    severity: SyslogSeverity,
    kind: str,
    host: str,
    moment: datetime,
) -> bytes:
    """Return one framed message; `document` is its text, as JSON in ASCII on one line."""
    priority = LOG_AUDIT * 8 + severity
    header = f"<{priority}>1 {moment_text(moment)} {_host(host)} {PROGRAM} - {kind} -"
    message = f"{header} {json_line(document)}".encode("ascii")
    return str(len(message)).encode("ascii") + b" " + message


def json_line(document: Mapping[str, object]) -> str:
    """Return a document as one line of JSON in ASCII."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


def _host(name: str) -> str:
    """A host name as syslog takes it: printable ASCII without blanks, or a dash for none."""
    return "".join(char for char in name if "!" <= char <= "~")[:HOST_LENGTH] or "-"
