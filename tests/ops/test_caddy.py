"""Caddy with the file that is handed out for its version."""

from collections.abc import Iterator

import pytest

from tests.support.deploy.asking import NAME, OLD_TLS, SECRET, TLS_12, TLS_13, YEAR
from tests.support.deploy.running import Proxy, start_caddy
from tests.support.receivers.http_receiver import HttpReceiver, answer
from tests.support.waiting import wait_until
from webapp.runtime.network import find_free_port

PATHS = [
    f"/choose-password?token={SECRET}",
    f"/take/{SECRET}",
    f"/on-call/calendar/{SECRET}.ics",
    f"/sign-in/provider?code={SECRET}&state=1",
]


@pytest.fixture(scope="module")
def upstream() -> Iterator[HttpReceiver]:
    """What stands for Triagedesk."""
    with HttpReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def running(upstream: HttpReceiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("caddy") / "proxy"
    proxy = start_caddy(folder, f"127.0.0.1:{upstream.port}")
    yield proxy
    proxy.close()


@pytest.fixture
def caddy(running: Proxy, upstream: HttpReceiver) -> Proxy:
    """The proxy, in front of an upstream that has seen nothing yet and answers 200."""
    upstream.requests.clear()
    upstream.behaviour = answer(200, {"Strict-Transport-Security": "max-age=1"}, b"page")
    return running


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """In front of nothing: Triagedesk is down."""
    folder = tmp_path_factory.mktemp("alone") / "proxy"
    proxy = start_caddy(folder, f"127.0.0.1:{find_free_port()}")
    yield proxy
    proxy.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_secret_in_an_address_reaches_no_log(caddy: Proxy, alone: Proxy, path: str) -> None:
    cookie = {"Cookie": f"session={SECRET}", "Referer": f"https://{NAME}{path}"}
    assert caddy.ask(path).status == 200
    assert caddy.ask(path, tls=False).status in (301, 403)
    assert alone.ask(path, headers=cookie).status == 502
    before = alone.logged.count("http.log.error")
    alone.ask("/")
    assert wait_until(lambda: alone.logged.count("http.log.error") > before)
    assert "connection refused" in alone.logged
    assert SECRET not in caddy.logged
    assert SECRET not in alone.logged


def test_http_leads_to_the_configured_name_and_no_other(caddy: Proxy) -> None:
    asked = caddy.ask("/tickets?q=1", tls=False)
    assert (asked.status, asked.headers["location"]) == (301, f"https://{NAME}/tickets?q=1")
    for host in ("evil.example", "127.0.0.1", f"{NAME}.evil.example"):
        assert caddy.asker.ask("/", tls=False, host=host) is None


def test_programs_are_not_led_from_http_to_https(caddy: Proxy) -> None:
    for path in ("/metrics", "/readyz", "/healthz", f"/on-call/calendar/{SECRET}.ics"):
        refused = caddy.ask(path, tls=False)
        assert (refused.status, "Ask by https." in refused.body) == (403, True)
        assert "location" not in refused.headers


def test_other_names_get_no_page(caddy: Proxy, upstream: HttpReceiver) -> None:
    for name in ("evil.example", None):
        assert caddy.asker.ask("/", name=name, host="evil.example") is None
    for host in ("evil.example", "127.0.0.1"):
        assert caddy.ask("/", host=host).status == 421
    assert upstream.requests == []


def test_a_client_cannot_make_up_where_it_comes_from(caddy: Proxy, upstream: HttpReceiver) -> None:
    made_up = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
    }
    caddy.ask("/", headers=made_up)
    [passed] = upstream.requests
    assert passed.headers["x-forwarded-for"] == "127.0.0.1"
    assert passed.headers["x-forwarded-proto"] == "https"
    assert passed.headers["x-forwarded-host"] == NAME


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_only_tls_with_forward_secrecy_is_spoken(caddy: Proxy) -> None:
    assert caddy.asker.greet(TLS_13) is not None
    assert caddy.asker.greet(TLS_12) is not None
    assert caddy.asker.greet(OLD_TLS, "ALL:@SECLEVEL=0") is None
    for cipher in ("kRSA", "ECDHE+AES+SHA1", "ECDHE+AES+SHA256:!AESGCM"):
        assert caddy.asker.greet(TLS_12, f"{cipher}:@SECLEVEL=0") is None


def test_headers_of_triagedesk_and_of_caddy_itself(caddy: Proxy, alone: Proxy) -> None:
    page, away = caddy.ask("/"), alone.ask("/")
    too_large = caddy.ask("/", method="POST", body=b"x" * 17_000_000)
    assert too_large.status in (413, 502)  # older versions say that passing it on failed
    for one in (page, away, too_large):
        assert one.headers["strict-transport-security"] == YEAR
        assert "caddy" not in one.headers.get("server", "").lower()
    for one in (away, too_large):
        assert "Triagedesk does not answer" in one.body
        assert one.headers["content-type"] == "text/html; charset=utf-8"
        assert one.headers["content-security-policy"].startswith("default-src 'none'")
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["cache-control"] == "no-store"
