"""At which addresses passkeys work, and when a counter gives a copy away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.security.passkey_rules import RelyingParty, find_relying_party, is_copy

LOCAL = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("public_url", "local_url", "domain", "origin"),
    [
        ("https://desk.example.com", LOCAL, "desk.example.com", "https://desk.example.com"),
        ("https://Desk.Example.com:443/", LOCAL, "desk.example.com", "https://desk.example.com"),
        ("https://desk.example.com.", LOCAL, "desk.example.com", "https://desk.example.com"),
        ("https://desk:8443", LOCAL, "desk", "https://desk:8443"),
        ("https://büro.example", LOCAL, "xn--bro-hoa.example", "https://xn--bro-hoa.example"),
        ("http://localhost:8000", LOCAL, "localhost", "http://localhost:8000"),
        ("http://desk.localhost", LOCAL, "desk.localhost", "http://desk.localhost"),
        (None, LOCAL, "localhost", "http://localhost:8000"),
        (None, "http://[::1]:80", "localhost", "http://localhost"),
        (None, "http://localhost:9000", "localhost", "http://localhost:9000"),
    ],
)
def test_where_passkeys_work(
    public_url: str | None, local_url: str, domain: str, origin: str
) -> None:
    assert find_relying_party(public_url, local_url) == RelyingParty(domain, origin)


@pytest.mark.parametrize(
    ("public_url", "local_url"),
    [
        ("http://desk.example.com", LOCAL),
        ("https://192.0.2.7", LOCAL),
        ("https://[2001:db8::1]", LOCAL),
        ("https://127.0.0.1", LOCAL),
        ("http://notlocalhost", LOCAL),
        (None, "http://0.0.0.0:8000"),
        (None, "http://desk.lan:8000"),
        ("https://", LOCAL),
        ("ftp://localhost", LOCAL),
        (f"https://{'x' * 64}.example", LOCAL),
    ],
)
def test_where_they_cannot(public_url: str | None, local_url: str) -> None:
    assert find_relying_party(public_url, local_url) is None


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_counter_that_does_not_go_on_is_a_copy(stored: int, shown: int) -> None:
    assert is_copy(stored, shown) is (shown <= stored and (stored, shown) != (0, 0))


def test_passkeys_that_do_not_count_are_fine() -> None:
    assert not is_copy(0, 0)
    assert is_copy(7, 0)
