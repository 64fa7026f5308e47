import re
import socket

import pytest

from tests.support.processes import ROOT
from webapp.config import ConfigError
from webapp.runtime.network import find_free_port, is_loopback, listen, require_safe_host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_public_url(host: str) -> None:
    assert is_loopback(host)
    require_safe_host(host, None)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.5", "desk.example.com", "", "127.1.evil"]
)
def test_any_other_host_needs_an_https_public_url(host: str) -> None:
    assert not is_loopback(host)
    for public_url in (None, "http://desk.example.com"):
        with pytest.raises(ConfigError, match="TRIAGEDESK_PUBLIC_URL") as caught:
            require_safe_host(host, public_url)
        assert "reverse proxy" in caught.value.hint
    require_safe_host(host, "https://desk.example.com")


def test_a_port_in_use_is_told_in_a_sentence() -> None:
    with listen("127.0.0.1", 0) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} on 127.0.0.1") as caught:
            listen("127.0.0.1", port)
        assert f"--port {port + 1}" in caught.value.hint


def test_a_host_that_does_not_exist_is_told_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"on no-such-host\.invalid cannot be used") as caught:
        listen("no-such-host.invalid", 8000)
    assert "--host" in caught.value.hint


@pytest.mark.parametrize("port", [-1, 65_536, 80_000])
def test_a_number_that_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(ConfigError, match=f"no port {port}"):
        listen("127.0.0.1", port)


def test_a_port_for_root_is_not_said_to_be_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: socket.socket, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(ConfigError, match="Permission denied") as caught:
        listen("127.0.0.1", 80)
    assert "root" in caught.value.hint


def test_nginx_passes_the_port_of_the_address_on_and_speaks_the_dialect_of_old_versions() -> None:
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    hosts = re.findall(r"proxy_set_header (?:X-Forwarded-)?Host +(\S+);", text)
    assert set(hosts) == {"$http_host"}
    assert not re.search(r"^\s*http2 ", text, re.MULTILINE), "unknown before nginx 1.25.1"


def test_the_socket_can_be_handed_to_a_child_and_takes_connections() -> None:
    with listen("127.0.0.1", find_free_port()) as server:
        assert server.get_inheritable()
        with socket.create_connection(server.getsockname(), timeout=1):
            pass
