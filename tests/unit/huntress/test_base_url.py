"""The guard in front of the base URL: what may get credentials, and what the rest is told."""

import socket
from typing import Any

import pytest

from webapp.huntress.base_url import check_address, check_base_url, is_exempt_origin
from webapp.huntress.errors import ErrorKind, HuntressError

HOSTS = ["api.huntress.io"]
PUBLIC = "93.184.216.34"


def resolving_to(*addresses: str) -> Any:
    def resolve(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        assert (host, port) == ("api.huntress.io", 443)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (item, port)) for item in addresses]

    return resolve


def refuse_to_resolve(*_: object, **__: object) -> list[tuple[Any, ...]]:
    raise socket.gaierror("no such name")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.huntress.io",
        "https://api.huntress.io/",
        "  https://API.Huntress.io  ",
        "HTTPS://api.huntress.io:443/",
    ],
)
def test_an_allowed_host_becomes_its_origin(url: str) -> None:
    resolve = resolving_to(PUBLIC, "2606:2800:220:1::1")
    assert check_base_url(url, HOSTS, resolve=resolve) == "https://api.huntress.io"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "begin with https://"),
        ("api.huntress.io", "begin with https://"),
        ("http://api.huntress.io", "begin with https://"),
        ("ftp://api.huntress.io", "begin with https://"),
        ("file:///etc/passwd", "begin with https://"),
        ("https://evil.example", 'host "evil.example" is not allowed'),
        ("https://api.huntress.io.evil.example", "is not allowed"),
        ("https://evilapi.huntress.io", "is not allowed"),
        ("https://api.huntress.io.", "is not allowed"),
        ("https://127.0.0.1", "is not allowed"),
        ("https://[::1]", "is not allowed"),
        ("https://2130706433", "is not allowed"),
        ("https://api.huntress.io:8443", "must not name a port"),
        ("https://api.huntress.io:80", "must not name a port"),
        ("https://api.huntress.io:0", "does not exist"),
        ("https://api.huntress.io:99999", "does not exist"),
        ("https://key:secret@api.huntress.io", "user name or password"),
        ("https://api.huntress.io@evil.example", "user name or password"),
        ("https://api.huntress.io/v1", "without a path"),
        ("https://api.huntress.io/?next=x", "without a path"),
        ("https://api.huntress.io?", "without a path"),
        ("https://api.huntress.io/#top", "without a path"),
        ("https://api.huntress.io\\@evil.example", "user name or password"),
        ("https://api.huntress.io\\.evil.example", "not a valid URL"),
        ("https://api.huntress.io\n.evil.example", "not a valid URL"),
        ("https://api.hunt\u200bress.io", "not a valid URL"),
        ("https://[api.huntress.io", "not a valid URL"),
        ("https:///api.huntress.io", "without a path"),
        ("https://", "not a valid URL"),
    ],
)
def test_anything_else_is_refused_with_its_reason(url: str, words: str) -> None:
    with pytest.raises(HuntressError) as caught:
        check_base_url(url, HOSTS, resolve=resolving_to(PUBLIC))
    assert caught.value.kind is ErrorKind.HOST_NOT_ALLOWED
    assert caught.value.needs_person
    assert words in caught.value.sentence
    assert "secret@" not in caught.value.sentence


def test_the_allowed_hosts_are_named() -> None:
    with pytest.raises(HuntressError, match=r"api\.huntress\.io, eu\.huntress\.io"):
        check_base_url("https://x.example", ["api.huntress.io", "eu.huntress.io"])
    with pytest.raises(HuntressError, match="hosts: none"):
        check_base_url("https://x.example", [])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "fe80::1%eth0",
        "::ffff:127.0.0.1",
        "not an address",
    ],
)
def test_no_address_of_the_host_may_be_other_than_public(address: str) -> None:
    with pytest.raises(HuntressError, match="private, local or reserved") as caught:
        check_base_url("https://api.huntress.io", HOSTS, resolve=resolving_to(PUBLIC, address))
    assert caught.value.kind is ErrorKind.HOST_NOT_ALLOWED
    with pytest.raises(HuntressError):
        check_address(address)


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_pass(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize("resolve", [refuse_to_resolve, resolving_to()])
def test_a_name_without_an_address_is_unreachable(resolve: Any) -> None:
    with pytest.raises(HuntressError, match="could not be resolved") as caught:
        check_base_url("https://api.huntress.io", HOSTS, resolve=resolve)
    assert caught.value.kind is ErrorKind.UNREACHABLE


def test_resolving_can_be_left_to_the_connection() -> None:
    assert check_base_url("https://api.huntress.io", HOSTS, resolve=None)


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("http://127.0.0.1:8081/", " http://127.0.0.1:8081/ "),
        ("http://localhost", "http://localhost:80"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_an_origin_is_an_exception_for_exactly_itself(url: str, entry: str) -> None:
    assert check_base_url(url, [entry], resolve=refuse_to_resolve) == url.rstrip("/")
    assert is_exempt_origin(url, [entry])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8082",
        "https://127.0.0.1:8081",
        "http://localhost:8081",
        "http://127.0.0.1",
        "http://127.0.0.1:8081/v1",
        "http://u@127.0.0.1:8081",
    ],
)
def test_an_origin_is_no_exception_for_anything_else(url: str) -> None:
    with pytest.raises(HuntressError) as caught:
        check_base_url(url, ["http://127.0.0.1:8081"], resolve=resolving_to(PUBLIC))
    assert caught.value.kind is ErrorKind.HOST_NOT_ALLOWED
    assert not is_exempt_origin("https://api.huntress.io", ["http://127.0.0.1:8081"])
