"""A real syslog server over TLS or TCP, which keeps the messages it gets.

    with SyslogServer(tls=certificates.fitting()) as server:
        ...  # syslog+tls://127.0.0.1:{server.port}

With `resets` it cuts the connection of that number without having read it.
"""

import socket
import ssl
import struct
import threading
from typing import Self


class SyslogServer:
    """Takes messages framed by their length (RFC 5425), one connection at a time."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.messages: list[str] = []
        self.connections = 0
        self.resets: set[int] = set()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                self._take(plain)
            except (OSError, ValueError):
                plain.close()

    def _take(self, plain: socket.socket) -> None:
        connection = plain
        if self._tls is not None:
            connection = self._tls.wrap_socket(plain, server_side=True)
        with connection:
            if self.connections in self.resets:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return
            data = b""
            while part := connection.recv(65536):
                data += part
            self.messages += _frames(data)
            if isinstance(connection, ssl.SSLSocket):
                connection.unwrap()


def _frames(data: bytes) -> list[str]:
    """The messages of a stream; ValueError if the last one is cut off."""
    found = []
    while data:
        length, _, rest = data.partition(b" ")
        if len(rest) < int(length):
            raise ValueError("a frame is cut off")
        found.append(rest[: int(length)].decode("ascii"))
        data = rest[int(length) :]
    return found
