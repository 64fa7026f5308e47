"""Sending a message by mail."""

import io
import smtplib
import socket
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

from webapp import clock
from webapp.domain.notices.message import Message
from webapp.domain.untrusted import clean_line
from webapp.outbound import connection_check
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.guard import guarded
from webapp.outbound.limited_requests import trusting
from webapp.outbound.mail_refusals import refusal_for_mail
from webapp.outbound.mail_text import read_mail_address, write_mail
from webapp.outbound.settings import Destination, MailServer
from webapp.outbound.wire import DeadlineReader

_MOST_REPLY_BYTES = 64 * 1024
_LONGEST_WORDS = 200


def send_mail(destination: Destination, message: Message) -> str:
    """Send `message` once by the mail server and return what the server said. Raises DeliveryError.

    With `starttls` or `tls` nothing is sent unencrypted or to a server whose certificate does not
    fit. A mail that was accepted is a success, whatever the server does afterwards.
    """
    server = destination.mail_server
    if server is None:
        raise DeliveryError(
            Failure.PERMANENT,
            "No mail server is set up: an admin enters one under Settings, Mail server.",
        )
    sender = _address(server.sender, "The sender's address of the mail server")
    to = _address(destination.settings.get("to", ""), "The address")
    mail = write_mail(message, to=to, sender=sender, now=clock.utcnow())
    try:
        with guarded(destination.outbound_hosts, ca_file=destination.ca_file):
            return _deliver(server, mail, sender.addr_spec, to.addr_spec, destination.ca_file)
    except (OSError, ValueError) as failure:  # smtplib's errors are OSErrors
        # Not chained, because the libraries' errors may hold the password.
        raise refusal_for_mail(server.host, failure) from None


def _address(text: str, name: str) -> Address:
    try:
        return read_mail_address(text)
    except (ValueError, IndexError):
        raise DeliveryError(
            Failure.PERMANENT, f"{name} is missing or is no mail address; enter it again."
        ) from None


def _deliver(
    server: MailServer, mail: EmailMessage, sender: str, to: str, ca_file: str | None
) -> str:
    trusted = trusting(ca_file)
    connection = _connect(server, trusted)
    try:
        if server.security == "starttls":
            connection.starttls(context=trusted)
        if server.user:
            connection.login(server.user, server.password)
        connection.send_message(mail, sender, [to])
        return clean_line(connection.last_reply, _LONGEST_WORDS) or "Accepted"
    finally:
        _leave(connection)


def _connect(server: MailServer, trusted: ssl.SSLContext) -> "_Connection":
    name = socket.gethostname()  # not `getfqdn`, which asks a DNS that may hang
    own_name = name if "." in name else "[127.0.0.1]"
    kind: Any = _Connection
    options: dict[str, Any] = {}
    if server.security == "tls":
        kind, options = _TLSConnection, {"context": trusted}
    connection: _Connection = kind(
        server.host,
        server.port,
        local_hostname=own_name,
        timeout=connection_check.CONNECT_SECONDS,
        **options,
    )
    return connection


def _leave(connection: smtplib.SMTP) -> None:
    """Say goodbye without hearing the answer: the mail is accepted or refused by now."""
    try:
        connection.send("QUIT\r\n")
    except OSError:
        pass
    finally:
        connection.close()


class _Connection(smtplib.SMTP):
    """A connection with time-outs for each reply and for all together, and replies of 64 KB."""

    last_reply = ""

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            raw = self.sock.makefile("rb", buffering=0)
            self.file = io.BufferedReader(
                DeadlineReader(
                    raw,
                    self.sock,
                    connection_check.READ_SECONDS,
                    connection_check.seconds_left(),
                    most=_MOST_REPLY_BYTES,
                )
            )
        code, text = super().getreply()
        self.last_reply = f"{code} {text.decode('utf-8', 'replace')}"
        return code, text


class _TLSConnection(_Connection, smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""
