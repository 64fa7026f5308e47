"""Sending messages to a syslog server over TLS, or over TCP on this machine."""

import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress

from webapp.domain.security.receiver import Receiver, ReceiverKind
from webapp.outbound.connection_check import CONNECT_SECONDS, READ_SECONDS
from webapp.outbound.http_refusals import refusal_for_failure
from webapp.outbound.limited_requests import trusting

GOODBYE_SECONDS = 2.0


def send_syslog(receiver: Receiver, messages: Sequence[bytes], ca_file: str | None = None) -> None:
    """Send framed messages in their order over one connection; raises DeliveryError.

    The host is one that the operator of this server has chosen, so it may be in the own network.
    Syslog acknowledges nothing. The server's own goodbye is waited for, so that a connection that
    it has cut is noticed: whoever calls this sends the messages again then.
    """
    try:
        connection = _connect(receiver, ca_file)
        with connection:
            connection.sendall(b"".join(messages))
            _say_goodbye(connection)
    except (OSError, ValueError) as failure:
        raise refusal_for_failure(receiver.host, failure) from None


def _connect(receiver: Receiver, ca_file: str | None) -> socket.socket:
    address = (receiver.host, receiver.port)
    plain = socket.create_connection(address, timeout=CONNECT_SECONDS)
    plain.settimeout(READ_SECONDS)
    if receiver.kind is not ReceiverKind.SYSLOG_TLS:
        return plain
    try:
        return trusting(ca_file).wrap_socket(plain, server_hostname=receiver.host)
    except BaseException:
        plain.close()
        raise


def _say_goodbye(connection: socket.socket) -> None:
    """Close our side and read what the server still sends: nothing, or that it has cut us off."""
    connection.settimeout(GOODBYE_SECONDS)
    if isinstance(connection, ssl.SSLSocket):
        with suppress(TimeoutError, ssl.SSLError):  # many servers close without a goodbye
            connection.unwrap()
        return
    connection.shutdown(socket.SHUT_WR)
    with suppress(TimeoutError):
        connection.recv(1)
