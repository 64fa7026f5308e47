"""The simulator's HTTP server on 127.0.0.1, with threads; it can cut connections."""

import contextlib
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from webapp.huntress.simulator.api import Answer, Headers

MAX_BODY = 65_536
IDLE_SECONDS = 60


@dataclass(frozen=True)
class Reply:
    """An answer, and whether the connection breaks off halfway through its body."""

    answer: Answer
    cut: bool = False


Responder = Callable[[str, str, Headers, bytes], Reply]


class LoopbackServer(ThreadingHTTPServer):
    """Answers every request with `respond(method, target, headers, body)`, in daemon threads."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, respond: Responder, http_date: Callable[[], str]) -> None:
        self.respond = respond
        self.http_date = http_date
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would look up this machine's name here, which may take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def start(self) -> None:
        """Serve from a daemon thread and return at once; connections are accepted already."""
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Close the listening socket and every open connection."""
        self.shutdown()
        self.server_close()
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            hang_up(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def hang_up(connection: socket.socket) -> None:
    """End the connection in both directions; a connection that has ended is left alone."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackServer
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    timeout = IDLE_SECONDS
    wbufsize = -1
    disable_nagle_algorithm = True  # else a body over 8 KB waits 40 ms for an acknowledgement

    def _respond(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        size = int(length) if length.isdigit() else MAX_BODY + 1
        if size > MAX_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            self._send(Reply(Answer(413, b"", "text/plain")))
            return
        body = self.rfile.read(size)
        self._send(self.server.respond(self.command, self.path, self.headers, body))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _respond  # noqa: N815

    def _send(self, reply: Reply) -> None:
        answer = reply.answer
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if reply.cut else answer.body)
        self.wfile.flush()
        if reply.cut:
            self.close_connection = True
            hang_up(self.connection)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.server.http_date()

    def log_message(self, format: str, *args: object) -> None:
        """Write no log, because `Simulator.requests` records the requests."""
