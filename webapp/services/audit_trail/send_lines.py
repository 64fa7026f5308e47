"""Sending documents to where seals and events go, in whichever form that takes them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from webapp.domain.security.receiver import Receiver, ReceiverKind
from webapp.domain.security.syslog import SyslogSeverity, json_line, syslog_message
from webapp.outbound.security.syslog import send_syslog
from webapp.process_identity import machine_name


@dataclass(frozen=True, slots=True)
class SentDocument:
    """What is sent; `kind` is `seal` or `event`, and `moment` (UTC) is when it came about."""

    kind: str
    document: dict[str, object]
    moment: datetime
    severity: SyslogSeverity = SyslogSeverity.INFORMATIONAL


def send_documents(
    receiver: Receiver, documents: Sequence[SentDocument], ca_file: str | None
) -> None:
    """Send documents in their order; raises DeliveryError, and whoever calls this tries again."""
    if receiver.kind is ReceiverKind.STDOUT:
        for one in documents:
            sys.stdout.write(f"{json_line(one.document)}\n")
        sys.stdout.flush()
        return
    host = machine_name()
    messages = [
        syslog_message(
            one.document, severity=one.severity, kind=one.kind, host=host, moment=one.moment
        )
        for one in documents
    ]
    send_syslog(receiver, messages, ca_file)
