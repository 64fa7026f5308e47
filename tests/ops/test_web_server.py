"""The web server around the app: what it answers to what is no HTTP, and where it listens."""

import socket
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import pytest
from gunicorn.http.errors import InvalidResponseHeader

from tests.support.deploy.asking import NAME
from tests.support.deploy.running import start_nginx
from tests.support.processes import Command, clean_environment, run_triagedesk
from webapp.bare_page import HEADERS
from webapp.runtime.bare_errors import make_answer, status_of_failure
from webapp.runtime.network import find_free_port

SECRET = "s3cret-t0ken"
NOT_HTTP = {
    "no request line": (f"/take/{SECRET}\r\n\r\n", 400),
    "no such version": (f"GET /take/{SECRET} HTTP/9.9\r\nHost: {NAME}\r\n\r\n", 400),
    "no method": (f"G<T /take/{SECRET} HTTP/1.1\r\nHost: {NAME}\r\n\r\n", 400),
    "a header without a name": (f"GET /take/{SECRET} HTTP/1.1\r\n: {SECRET}\r\n\r\n", 400),
    "a folded header": (f"GET / HTTP/1.1\r\nX-A: {SECRET}\r\n b\r\n\r\n", 400),
    "two lengths": (f"GET /{SECRET} HTTP/1.1\r\n" + "Content-Length: 3\r\n" * 2 + "\r\n", 400),
    "a coding nobody knows": (
        f"POST /take/{SECRET} HTTP/1.1\r\nHost: {NAME}\r\nTransfer-Encoding: {SECRET}\r\n\r\n",
        501,
    ),
    "a length and chunks": (
        f"POST /{SECRET} HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 6\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        400,
    ),
    "a signed length": (
        f"POST /{SECRET} HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: +3\r\n\r\nabc",
        400,
    ),
    "a disguised coding": (
        f"POST /{SECRET} HTTP/1.1\r\nHost: {NAME}\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a long address": (f"GET /{SECRET}{'x' * 9000} HTTP/1.1\r\nHost: {NAME}\r\n\r\n", 414),
    "a long header": (f"GET / HTTP/1.1\r\nX-A: {SECRET}{'x' * 9000}\r\n\r\n", 431),
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of an installation whose database is there."""
    data = tmp_path_factory.mktemp("data")
    settings = {
        "TRIAGEDESK_DATA_DIR": str(data),
        "TRIAGEDESK_PUBLIC_URL": f"https://{NAME}",
        "TRIAGEDESK_TRUSTED_PROXIES": "1",
    }
    assert run_triagedesk("migrate", **settings).returncode == 0
    return settings


@pytest.fixture(scope="module")
def port() -> int:
    return find_free_port()


@pytest.fixture(scope="module")
def web(
    installed: dict[str, str], port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Command]:
    words = ["-m", "webapp", "web", "--port", str(port), "--workers", "1"]
    command = Command(words, tmp_path_factory.mktemp("web"), clean_environment(**installed))
    assert command.says("Serving on"), command.output
    yield command
    command.close()


def send(port: int, text: str) -> tuple[int, dict[str, str], str]:
    """Send bytes as they are; returns status, headers by lower-case name, and body."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        whole = b""
        while chunk := connection.recv(65_536):
            whole += chunk
    head, _, body = whole.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


@pytest.mark.parametrize("name", NOT_HTTP)
def test_what_is_no_http_gets_a_protected_page_and_repeats_nothing(
    web: Command, port: int, name: str
) -> None:
    text, expected = NOT_HTTP[name]
    status, headers, body = send(port, text)
    assert status == expected
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["strict-transport-security"] == "max-age=31536000; includesubdomains"
    assert headers["cache-control"] == "no-store"
    assert {key.lower(): value.lower() for key, value in HEADERS.items()}.items() <= headers.items()
    assert f"<h1>{HTTPStatus(status).phrase}</h1>" in body
    assert SECRET not in body
    assert SECRET not in web.output


def test_a_failure_outside_of_the_app_is_a_page_too() -> None:
    assert status_of_failure(RuntimeError("x")) == 500
    assert status_of_failure(InvalidResponseHeader("x")) == 500
    answer = make_answer(HTTPStatus.INTERNAL_SERVER_ERROR, None).decode()
    assert answer.startswith("HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n")
    assert "Content-Type: text/html; charset=utf-8\r\n" in answer
    assert "Content-Security-Policy: default-src 'none'" in answer
    assert "Strict-Transport-Security" not in answer
    assert "Something went wrong on our side." in answer


def test_the_app_itself_asks_for_https(web: Command, port: int) -> None:
    for path in ("/sign-in", "/nowhere", "/static/icon.svg", "/healthz"):
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", path, headers={"Host": NAME, "X-Forwarded-Proto": "https"})
        found = connection.getresponse().getheader("Strict-Transport-Security")
        assert found == "max-age=31536000; includeSubDomains", path
        connection.close()


def test_serves_the_socket_that_systemd_hands_over_and_leaves_its_file(
    installed: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "web.sock"
    words = ["-m", "tests.support.deploy.socket_activation", str(path)]
    command = Command(
        [*words, "web", "--systemd-socket"], tmp_path / "web", clean_environment(**installed)
    )
    try:
        assert command.says("Serving on"), command.output
        proxy = start_nginx(tmp_path / "proxy", f"unix:{path}")
        try:
            page = proxy.asker.ask("/setup")
            assert page is not None
            assert "Triagedesk" in page.body
            assert page.status == 200
        finally:
            proxy.close()
    finally:
        command.close()
    assert path.exists()
    assert "Traceback" not in command.output


def test_all_of_it_serves_the_socket_that_systemd_hands_over(
    installed: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "web.sock"
    words = ["-m", "tests.support.deploy.socket_activation", str(path)]
    command = Command(
        [*words, "up", "--systemd-socket"], tmp_path / "up", clean_environment(**installed)
    )
    try:
        assert command.says(f"for its reverse proxy at {path}", 60), command.output
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(f"GET /healthz HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode())
            assert b"200 OK" in connection.recv(65_536)
    finally:
        command.close()
    assert path.exists()


@pytest.mark.parametrize("missing", ["TRIAGEDESK_PUBLIC_URL", "TRIAGEDESK_TRUSTED_PROXIES"])
def test_a_unix_socket_is_for_a_proxy_that_is_known(
    installed: dict[str, str], tmp_path: Path, missing: str
) -> None:
    settings = {name: value for name, value in installed.items() if name != missing}
    words = ["-m", "tests.support.deploy.socket_activation", str(tmp_path / "web.sock")]
    command = Command(
        [*words, "web", "--systemd-socket"], tmp_path / "web", clean_environment(**settings)
    )
    try:
        assert command.says("Only a reverse proxy can reach a Unix socket."), command.output
        assert command.process.wait(20) == 1
    finally:
        command.close()


def test_without_a_socket_unit_it_says_so(installed: dict[str, str]) -> None:
    done = run_triagedesk("web", "--systemd-socket", **installed)
    assert done.returncode == 1
    assert "systemd hands over no socket" in done.stderr
    assert "Traceback" not in done.stderr
