"""nginx with the file that is handed out: what it passes on, refuses, and never writes down."""

import ssl
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.deploy.asking import NAME, OLD_TLS, SECRET, TLS_12, TLS_13, YEAR
from tests.support.deploy.running import Proxy, start_nginx
from tests.support.receivers.http_receiver import HttpReceiver, answer
from tests.support.waiting import wait_until
from webapp.runtime.network import find_free_port

SECRET_ADDRESSES = [
    f"/choose-password?token={SECRET}",
    f"/choose-password/?token={SECRET}",
    f"/choose-password/{SECRET}",
    f"/take/{SECRET}",
    f"/%74ake/{SECRET}",
    f"//take/{SECRET}",
    f"/on-call/calendar/{SECRET}.ics",
    f"/sign-in/provider?code={SECRET}&state=1",
]
NUMBERS = count()


@pytest.fixture(scope="module")
def upstream() -> Iterator[HttpReceiver]:
    """What stands for Triagedesk."""
    with HttpReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def running(upstream: HttpReceiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx") / "proxy"
    proxy = start_nginx(folder, f"127.0.0.1:{upstream.port}")
    yield proxy
    proxy.close()


@pytest.fixture
def nginx(running: Proxy, upstream: HttpReceiver) -> Proxy:
    """The proxy, in front of an upstream that has seen nothing yet and answers 200."""
    upstream.requests.clear()
    upstream.behaviour = answer(200, {"Content-Security-Policy": "default-src 'self'"}, b"page")
    return running


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """In front of nothing: Triagedesk is down."""
    folder = tmp_path_factory.mktemp("alone") / "proxy"
    proxy = start_nginx(folder, f"127.0.0.1:{find_free_port()}")
    yield proxy
    proxy.close()


def everything_logged_by(proxy: Proxy) -> str:
    """What is in its logs once it has written down a request that came after all others."""
    last = f"/last-{next(NUMBERS)}"
    proxy.ask(last)
    assert wait_until(lambda: f"GET {last} " in proxy.logged)
    return proxy.logged


@pytest.mark.parametrize("path", SECRET_ADDRESSES)
def test_a_secret_in_an_address_reaches_no_log(nginx: Proxy, alone: Proxy, path: str) -> None:
    assert nginx.ask(path).status == 200
    assert nginx.ask(path, tls=False).status in (301, 403)
    assert alone.ask(path).status == 503
    assert alone.ask(path, method="POST", body=b"x" * 17_000_000).status == 413
    assert SECRET not in everything_logged_by(nginx)
    assert SECRET not in everything_logged_by(alone)


def test_other_pages_are_logged_without_query_and_referrer(nginx: Proxy, alone: Proxy) -> None:
    for proxy in (nginx, alone):
        referrer = {"Referer": f"https://{NAME}/take/{SECRET}"}
        proxy.ask(f"/tickets?q={SECRET}", headers=referrer)
        assert '"GET /tickets HTTP/1.1"' in everything_logged_by(proxy)
    assert SECRET not in nginx.logged


def test_http_leads_to_the_configured_name_and_no_other(nginx: Proxy) -> None:
    asked = nginx.ask("/tickets?q=1", tls=False)
    assert (asked.status, asked.headers["location"]) == (301, f"https://{NAME}/tickets?q=1")
    for host in ("evil.example", "127.0.0.1", f"{NAME}.evil.example", "x"):
        assert nginx.asker.ask("/", tls=False, host=host) is None


def test_programs_are_not_led_from_http_to_https(nginx: Proxy) -> None:
    for path in ("/metrics", "/readyz", "/healthz", f"/on-call/calendar/{SECRET}.ics"):
        refused = nginx.ask(path, tls=False)
        assert (refused.status, "Ask by https." in refused.body) == (403, True)
        assert "location" not in refused.headers


def test_other_names_get_no_page(nginx: Proxy, upstream: HttpReceiver) -> None:
    """The handshake is refused for another name; our handshake does not open another host."""
    for name in ("evil.example", None):
        assert nginx.asker.ask("/", name=name, host="evil.example") is None
    for host in ("evil.example", f"{NAME}.evil.example", "127.0.0.1"):
        assert nginx.ask("/", host=host).status == 421
    assert upstream.requests == []


def test_a_client_cannot_make_up_where_it_comes_from(nginx: Proxy, upstream: HttpReceiver) -> None:
    made_up = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
    }
    nginx.ask("/", headers=made_up, host=f"{NAME}:8443")
    [passed] = upstream.requests
    assert passed.headers["x-forwarded-for"] == "127.0.0.1"
    assert passed.headers["x-forwarded-proto"] == "https"
    assert passed.headers["host"] == passed.headers["x-forwarded-host"] == f"{NAME}:8443"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_only_tls_with_forward_secrecy_is_spoken(nginx: Proxy) -> None:
    new = nginx.asker.greet(TLS_13)
    assert new is not None
    assert new[0] == "TLSv1.3"
    every = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    every.set_ciphers("ALL:@SECLEVEL=0")
    names = [cipher["name"] for cipher in every.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    assert {"AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA"} <= set(names)
    agreed = {name for name in names if nginx.asker.greet(TLS_12, f"{name}:@SECLEVEL=0")}
    assert agreed == {
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-CHACHA20-POLY1305",
    }
    assert nginx.asker.greet(OLD_TLS, "ALL:@SECLEVEL=0") is None


def test_the_strongest_cipher_is_preferred(nginx: Proxy) -> None:
    every = "ECDHE+AESGCM"
    for wish in (f"{every}:@STRENGTH", "ECDHE+AES128:ECDHE+AES256"):
        agreed = nginx.asker.greet(TLS_12, wish)
        assert agreed is not None
        assert "AES256-GCM" in agreed[1]


def test_a_page_of_triagedesk_keeps_its_own_headers(nginx: Proxy, upstream: HttpReceiver) -> None:
    kept = {
        "Content-Security-Policy": "default-src 'self'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "private",
        "Strict-Transport-Security": "max-age=1",
    }
    upstream.behaviour = answer(404, kept, b"page")
    headers = nginx.ask("/nowhere").headers
    for name in ("Content-Security-Policy", "Referrer-Policy", "Cache-Control"):
        assert headers[name.lower()] == kept[name]
    assert headers["strict-transport-security"] == YEAR


@pytest.mark.parametrize("path", ["/tickets", f"/take/{SECRET}"])
def test_nginx_itself_answers_in_words_and_with_the_same_protection(
    alone: Proxy, path: str
) -> None:
    away = alone.ask(path)
    assert away.status == 503
    assert "Triagedesk does not answer" in away.body
    too_large = alone.ask(path, method="POST", body=b"x" * 17_000_000)
    assert too_large.status == 413
    for page in (away, too_large):
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["strict-transport-security"] == YEAR
        assert page.headers["server"] == "nginx"


def test_guesses_are_slowed_down_and_reading_is_not(tmp_path: Path, upstream: HttpReceiver) -> None:
    upstream.behaviour = answer(200)
    proxy = start_nginx(tmp_path / "proxy", f"127.0.0.1:{upstream.port}")
    try:
        pages = {proxy.ask("/sign-in").status for _ in range(30)}
        statuses = [proxy.ask("/sign-in", method="POST").status for _ in range(60)]
        tries = [proxy.ask(f"/take/{SECRET}", method="POST") for _ in range(10)]
        assert SECRET not in everything_logged_by(proxy)
    finally:
        proxy.close()
    assert pages == {200}
    assert statuses.count(429) >= 10
    assert statuses[:20] == [200] * 20
    assert any("Wait a minute" in one.body for one in tries if one.status == 429)
