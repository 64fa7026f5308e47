"""Asking a proxy as a browser would, or as no browser would."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path

NAME = "desk.example.com"
SECRET = "s3cret-t0ken"
"""Stands in addresses that no log may hold."""

TLS_12 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
TLS_13 = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)
OLD_TLS = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
YEAR = "max-age=31536000; includeSubDomains"
SECONDS = 10


@dataclass(frozen=True)
class Answer:
    """What came back; the names of headers are in lower case, a repeated one is joined by `, `."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class Asker:
    """Somebody who reaches a proxy at two ports of this machine."""

    port: int
    tls_port: int
    ca_file: Path

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        host: str = NAME,
        name: str | None = NAME,
        tls: bool = True,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer | None:
        """Send one request; None where the connection is closed without an answer.

        `name` is what the handshake asks for, `host` the host of the request.
        """
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
        try:
            with self._connect(tls, name) as connection:
                connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
                return _read(connection, method)
        except (ssl.SSLError, ConnectionError, HTTPException):
            return None

    def greet(
        self, versions: tuple[ssl.TLSVersion, ssl.TLSVersion], ciphers: str = ""
    ) -> tuple[str, str] | None:
        """Agree on a version and a cipher; returns their names, None where there is nothing."""
        context = self._context()
        context.minimum_version, context.maximum_version = versions
        if ciphers:
            context.set_ciphers(ciphers)
        try:
            with (
                socket.create_connection(("127.0.0.1", self.tls_port), SECONDS) as plain,
                context.wrap_socket(plain, server_hostname=NAME) as connection,
            ):
                agreed = connection.cipher()
                return (connection.version() or "", agreed[0]) if agreed else None
        except (ssl.SSLError, ConnectionError):
            return None

    def _connect(self, tls: bool, name: str | None) -> socket.socket:
        if not tls:
            return socket.create_connection(("127.0.0.1", self.port), SECONDS)
        context = self._context()
        if name != NAME:
            context.check_hostname = False
        plain = socket.create_connection(("127.0.0.1", self.tls_port), SECONDS)
        try:
            return context.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca_file))


def _read(connection: socket.socket, method: str) -> Answer:
    response = HTTPResponse(connection, method=method)
    response.begin()
    body = response.read().decode(errors="replace")
    names = {name.lower() for name, _ in response.getheaders()}
    headers = {name: response.getheader(name) or "" for name in names}
    return Answer(response.status, headers, body)
