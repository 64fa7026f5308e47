"""A real HTTP server that keeps what it is sent, and misbehaves on demand.

    with HttpReceiver() as receiver:
        receiver.behaviour = answer(429, {"Retry-After": "7"})
        ...  # outbound_hosts=[receiver.origin]
        assert receiver.requests[0].json == {...}

A behaviour is a function that gets the handler of one request, whose body has been read.
"""

import json
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Self

Behaviour = Callable[["Handler"], None]


@dataclass(frozen=True)
class Received:
    """A request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    """Answers one request as the receiver's behaviour says."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.close_connection = True
        receiver = self.server.receiver
        receiver.requests.append(Received(self.command, self.path, headers, body))
        receiver.behaviour(self)

    do_GET = do_POST  # noqa: N815 - http.server's name

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status and the headers."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def wait(self, seconds: float) -> bool:
        """Wait, and tell whether the receiver goes on."""
        return not self.server.receiver.is_closing.wait(seconds)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: "HttpReceiver"

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are what many tests are about."""


class HttpReceiver:
    """The server, in threads of this process; with `tls` it speaks https."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.requests: list[Received] = []
        self.behaviour: Behaviour = answer(200)
        self.is_closing = Event()
        self._server = _Server((host, 0), Handler)
        self._server.receiver = self
        if tls is not None:
            # The handshake belongs to the request's thread: a failed one must stop no other.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_port
        self.origin = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def answer(status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Behaviour:
    """Answer so: `answer(429, {"Retry-After": "7"})`."""

    def behave(handler: Handler) -> None:
        handler.begin(status, {"Content-Length": str(len(body)), **(headers or {})})
        handler.wfile.write(body)

    return behave


def flood(megabytes: int, status: int = 200) -> Behaviour:
    """Answer with so many megabytes, which are never held in memory at once."""

    def behave(handler: Handler) -> None:
        handler.begin(status, {"Content-Length": str(megabytes * 1_000_000)})
        for _ in range(megabytes):
            handler.wfile.write(b"x" * 1_000_000)

    return behave


def drip(pause: float, status: int | None = 200) -> Behaviour:
    """Send a byte after each pause for ever: of the body, or of the head with `status=None`."""

    def behave(handler: Handler) -> None:
        if status is None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        else:
            handler.begin(status, {"Connection": "close"})
        while handler.wait(pause):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    return behave


def hang(handler: Handler) -> None:
    """Never answer."""
    handler.wait(600)


def reset(handler: Handler) -> None:
    """Cut the connection so that the client sees a reset."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()
