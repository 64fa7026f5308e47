"""The client on real sockets: what a mock cannot show. Time-outs are tenths of a second here."""

import gzip
import io
import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from webapp.huntress.budget import CallBudget, MemoryLedger
from webapp.huntress.client import HuntressClient
from webapp.huntress.errors import ErrorKind, HuntressError
from webapp.outbound import wire

pytestmark = pytest.mark.slow

TIMEOUT = 0.15
BODY = b'{"agents": [{"id": 1}]}'


class TinyServer:
    """Reads one request for each connection and lets `answer(connection)` do what it likes."""

    def __init__(self, answer: Callable[[Any], None], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._tls = tls
        self._is_closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while not self._is_closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: Any) -> None:
        connection.settimeout(5)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self.requests.append(connection.recv(65_536))
            self._answer(connection)
        except OSError:
            pass  # the client hung up, which is what most of these tests are about
        finally:
            connection.close()

    def drip(self, connection: Any, data: bytes) -> None:
        """Send `data` byte by byte: no silence is ever as long as the time-out."""
        for byte in data:
            if self._is_closing.wait(TIMEOUT / 5):
                return
            connection.sendall(bytes([byte]))

    def close(self) -> None:
        self._is_closing.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., TinyServer]]:
    with ExitStack() as stack:

        def start(answer: Callable[[Any], None], **options: Any) -> TinyServer:
            server = TinyServer(answer, **options)
            stack.callback(server.close)
            return server

        yield start


class Clock:
    """Virtual waits, so that no retry takes real time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def make_client(base_url: str, **options: Any) -> HuntressClient:
    clock = Clock()
    budget = CallBudget(MemoryLedger(50), clock=lambda: clock.now, sleep=clock.sleep)
    given: dict[str, Any] = {"allowed_hosts": [base_url], "timeout": TIMEOUT}
    return HuntressClient(
        base_url=base_url,
        api_key="hk_key",
        api_secret="hs_secret",
        budget=budget,
        **{**given, **options},
    )


def local(server: TinyServer, **options: Any) -> HuntressClient:
    return make_client(f"http://127.0.0.1:{server.port}", **options)


def error_of(client: HuntressClient) -> HuntressError:
    with pytest.raises(HuntressError) as caught:
        client.list_agents()
    return caught.value


def head(length: int, *more: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_good_answer_with_and_without_a_length(serve: Any) -> None:
    server = serve(lambda sock: sock.sendall(head(len(BODY)) + BODY))
    client = local(server)
    assert client.list_agents().rows == ({"id": 1},)
    client.close()
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n17\r\n" + BODY + b"\r\n0\r\n\r\n"
    )
    assert local(serve(lambda sock: sock.sendall(chunked))).list_agents().rows == ({"id": 1},)
    until_closed = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY
    assert local(serve(lambda sock: sock.sendall(until_closed))).list_agents().rows == ({"id": 1},)


def test_a_connection_is_kept_for_the_next_request(serve: Any) -> None:
    def answer_twice(sock: Any) -> None:
        for _ in range(2):
            sock.sendall(head(len(BODY)) + BODY)
            sock.recv(65_536)

    server = serve(answer_twice)
    client = local(server)
    assert client.list_agents().rows == client.list_agents().rows
    assert server.connections == 1
    client.close()


@pytest.mark.parametrize(
    "data",
    [
        head(1000) + BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + BODY,
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ],
    ids=["cut body", "cut chunk", "no HTTP", "hung up"],
)
def test_a_cut_connection_is_tried_three_times(serve: Any, data: bytes) -> None:
    server = serve(lambda sock: sock.sendall(data))
    error = error_of(local(server))
    assert (error.kind, error.status) == (ErrorKind.UNREACHABLE, None)
    assert server.connections == 3


def test_a_cut_body_is_not_recorded_as_a_success(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses: list[int | None] = []
    monkeypatch.setattr(
        CallBudget, "finish", lambda self, _, *, status, **rest: statuses.append(status)
    )
    error_of(local(serve(lambda sock: sock.sendall(head(1000) + BODY))))
    assert statuses == [None, None, None]


def test_a_cut_head_is_no_empty_list(serve: Any) -> None:
    """http.client takes it for a whole head, so the answer looks like one without a body."""
    error = error_of(local(serve(lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"))))
    assert error.kind is ErrorKind.UNREADABLE


def test_a_refused_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert error_of(make_client(f"http://127.0.0.1:{port}")).kind is ErrorKind.UNREACHABLE


@pytest.mark.parametrize(
    ("first", "dripping"),
    [
        (b"", b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 400),
        (head(400), b" " * 400),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b" " * 400),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 80),
    ],
    ids=["head", "body", "body without a length", "chunks"],
)
def test_a_dripping_answer_ends_at_the_deadline(serve: Any, first: bytes, dripping: bytes) -> None:
    def drip(sock: Any) -> None:
        sock.sendall(first)
        server.drip(sock, dripping)

    server = serve(drip)
    started = time.monotonic()
    error = error_of(local(server))
    took = time.monotonic() - started
    assert error.kind is ErrorKind.TIMEOUT
    assert server.connections == 3
    assert took < 9  # each of the three answers would take 12 s or more


def test_a_slow_answer_has_four_time_outs_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that each read moves, for real reads are cut short on a busy machine."""
    now = [100.0]
    waits: list[float] = []

    class Socket:
        def settimeout(self, seconds: float) -> None:
            waits.append(seconds)

    class Dripping(io.RawIOBase):
        def readinto(self, buffer: Any) -> int:
            now[0] += 25
            buffer[:1] = b"x"
            return 1

    monkeypatch.setattr(wire, "monotonic", lambda: now[0])
    reader = wire.DeadlineReader(Dripping(), Socket(), seconds=30, whole=120)  # type: ignore[arg-type]
    assert [reader.read(1) for _ in range(5)] == [b"x"] * 5
    assert waits == [30, 30, 30, 30, 20]
    with pytest.raises(TimeoutError, match="as a whole"):
        reader.read(1)


def test_silence_is_a_timeout(serve: Any) -> None:
    server = serve(lambda sock: sock.recv(1))
    assert error_of(local(server)).kind is ErrorKind.TIMEOUT


@pytest.mark.parametrize("location", ["/elsewhere", "http://[bad", "https://evil.example/", None])
def test_a_redirect_is_neither_followed_nor_read(serve: Any, location: str | None) -> None:
    def redirect(sock: Any) -> None:
        line = f"Location: {location}\r\n" if location else ""
        sock.sendall(f"HTTP/1.1 302 Found\r\n{line}Content-Length: 99\r\n\r\n".encode())
        sock.recv(1)  # the body never comes: whoever reads it waits for the time-out

    server = serve(redirect)
    error = error_of(local(server, timeout=2.0))
    assert (error.kind, error.status) == (ErrorKind.REDIRECTED, 302)
    assert server.connections == 1


BOMB = gzip.compress(b" " * 20_000_000)


def test_a_gzip_bomb_is_stopped_while_it_unpacks(serve: Any) -> None:
    assert len(BOMB) < 50_000
    server = serve(lambda sock: sock.sendall(head(len(BOMB), "Content-Encoding: gzip") + BOMB))
    error = error_of(local(server, max_response_bytes=100_000, timeout=5.0))
    assert error.kind is ErrorKind.TOO_LARGE
    assert server.connections == 5  # 500, 100, 20, 4 and 1 rows


def test_packed_answers_are_read(serve: Any) -> None:
    packed = gzip.compress(BODY)
    server = serve(lambda sock: sock.sendall(head(len(packed), "Content-Encoding: gzip") + packed))
    assert local(server).list_agents().rows == ({"id": 1},)
    assert b"Accept-Encoding: gzip\r\n" in server.requests[0]


def test_an_answer_that_cannot_be_unpacked_is_unreadable(serve: Any) -> None:
    server = serve(lambda sock: sock.sendall(head(9, "Content-Encoding: gzip") + b"not gzip!"))
    error = error_of(local(server))
    assert error.kind is ErrorKind.UNREADABLE
    assert server.connections == 1


def test_an_announced_size_that_is_too_large_is_not_downloaded(serve: Any) -> None:
    def announce(sock: Any) -> None:
        sock.sendall(head(10**9))
        sock.recv(1)

    started = time.monotonic()
    error = error_of(local(serve(announce), timeout=30.0))
    assert error.kind is ErrorKind.TOO_LARGE
    assert time.monotonic() - started < 20


def test_a_body_without_end_is_stopped_at_the_limit(serve: Any) -> None:
    def flood(sock: Any) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            sock.sendall(b" " * 65_536)

    error = error_of(local(serve(flood), max_response_bytes=1_000_000, timeout=5.0))
    assert error.kind is ErrorKind.TOO_LARGE


# --- the guard -------------------------------------------------------------------------------


def guarded() -> HuntressClient:
    return make_client("https://api.huntress.io", allowed_hosts=["api.huntress.io"])


def resolve_to(monkeypatch: pytest.MonkeyPatch, *answers: list[tuple[str, int]]) -> list[str]:
    """Names resolve to each of `answers` in turn, the last one for ever."""
    left, asked = list(answers), []

    def resolve(host: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        addresses = left.pop(0) if len(left) > 1 else left[0]
        if not addresses:
            raise socket.gaierror("no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


PUBLIC = ("93.184.216.34", 443)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def test_a_host_with_any_private_address_is_not_connected_to(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda sock: None)
    resolve_to(monkeypatch, [("127.0.0.1", server.port), PUBLIC])
    error = error_of(guarded())
    assert error.kind is ErrorKind.HOST_NOT_ALLOWED
    assert server.connections == 0


def test_a_name_that_changes_after_the_check_gets_not_one_byte(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda sock: None)
    resolve_to(monkeypatch, [PUBLIC], [("127.0.0.1", server.port)])
    error = error_of(guarded())
    server.close()
    assert error.kind is ErrorKind.HOST_NOT_ALLOWED
    assert server.requests == [b""]


def test_a_name_that_does_not_resolve_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolve_to(monkeypatch, [])
    error = error_of(guarded())
    assert error.kind is ErrorKind.UNREACHABLE
    assert "DNS" in error.sentence
    assert set(asked) == {"api.huntress.io"}


def test_through_a_proxy_only_the_proxy_is_connected_to(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    proxy = serve(lambda sock: sock.sendall(refusal))
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:hs_proxy_word@127.0.0.1:{proxy.port}")
    error = error_of(guarded())
    assert error.kind is ErrorKind.UNREACHABLE
    assert "proxy" in error.sentence
    assert "hs_proxy_word" not in repr(error)
    assert all(request.startswith(b"CONNECT api.huntress.io:443 ") for request in proxy.requests)
    assert b"\r\nAuthorization:" not in b"".join(proxy.requests)


def test_an_excepted_origin_is_reached_directly(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(lambda sock: None)
    server = serve(lambda sock: sock.sendall(head(len(BODY)) + BODY))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    assert local(server).list_agents().rows == ({"id": 1},)
    assert proxy.connections == 0


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both.pem").write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


def test_a_certificate_that_nobody_vouches_for_is_refused(serve: Any, tmp_path: Path) -> None:
    server = serve(lambda sock: None, tls=self_signed(tmp_path))
    error = error_of(make_client(f"https://127.0.0.1:{server.port}", timeout=2.0))
    assert error.kind is ErrorKind.TLS
    assert server.connections == 1
    assert server.requests == []


def test_deadlines_hold_over_tls_too(serve: Any, tmp_path: Path) -> None:
    import requests

    def drip(sock: Any) -> None:
        sock.sendall(head(400))
        server.drip(sock, b" " * 400)

    server = serve(drip, tls=self_signed(tmp_path))
    session = requests.Session()
    session.verify = str(tmp_path / "both.pem")
    session.trust_env = False
    client = make_client(f"https://127.0.0.1:{server.port}", session=session)
    assert error_of(client).kind is ErrorKind.TIMEOUT
