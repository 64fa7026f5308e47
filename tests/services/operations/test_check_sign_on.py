"""What `doctor` and Health say of single sign-on."""

import json
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.fake_clock import FakeClock
from tests.support.receivers.http_receiver import answer, hang
from tests.support.security.oidc_provider import CLIENT_SECRET, OidcProvider, ec_key, rsa_key
from tests.support.security.single_sign_on import BREAK_GLASS, configure
from webapp.domain.polling_health import Tone
from webapp.extensions import current_config
from webapp.services.operations.check_health import Check
from webapp.services.operations.check_sign_on import check_sign_on
from webapp.services.operations.describe_configuration import describe_configuration
from webapp.services.people.single_sign_on.break_glass import set_break_glass
from webapp.services.people.users import add_user


@pytest.fixture
def oidc(app: Flask, fake_clock: FakeClock) -> Iterator[OidcProvider]:
    with OidcProvider(fake_clock.now) as provider:
        configure(app, provider)
        yield provider


def check(seconds: float | None = None) -> Check:
    return check_sign_on(current_config(), seconds=seconds)


def test_without_a_provider(app: Flask) -> None:
    found = check()
    assert (found.is_ok, found.kind) == (True, Tone.NEUTRAL)
    assert found.detail == "not in use: people sign in with passwords"


def test_all_is_well(oidc: OidcProvider) -> None:
    assert check().detail == f"{oidc.issuer} answers, with 1 key"
    oidc.keys = [rsa_key(1), ec_key(1)]
    found = check()
    assert (found.is_ok, found.kind) == (True, Tone.GOOD)
    assert found.detail == f"{oidc.issuer} answers, with 2 keys", "nothing is kept"


def test_what_is_wrong(oidc: OidcProvider) -> None:
    for path, behaviour, detail, hint in (
        ("/keys", answer(500), "answered 500 Internal Server Error", "Check the provider"),
        ("/keys", answer(200, body=b'{"keys": []}'), "holds no key", "TRIAGEDESK_OIDC_"),
        ("/.well-known/openid-configuration", answer(404), "answered 404", "single-sign-on.md"),
    ):
        oidc.instead = {path: behaviour}
        found = check()
        assert not found.is_ok
        assert detail in found.detail
        assert hint in found.hint


def test_health_does_not_wait_for_long(oidc: OidcProvider) -> None:
    oidc.instead["/keys"] = hang
    found = check(seconds=0.3)
    assert "did not answer in time" in found.detail


def test_a_limit_that_is_not_applied_is_wrong(app: Flask, oidc: OidcProvider) -> None:
    configure(app, oidc, **BREAK_GLASS)
    ada = add_user(email="ada@example.com", name="Ada", password="a long password", role="admin")
    found = check()
    assert not found.is_ok
    assert "triagedesk user break-glass EMAIL on" in found.detail
    set_break_glass(ada.id, True)
    assert check().is_ok


def test_the_settings_are_shown_without_the_secret(app: Flask, oidc: OidcProvider) -> None:
    configure(app, oidc, **BREAK_GLASS)
    shown = {one.variable: one.value for one in describe_configuration(current_config())}
    assert shown["TRIAGEDESK_OIDC_ISSUER"] == oidc.issuer
    assert shown["TRIAGEDESK_OIDC_SCOPES"] == "openid email profile"
    assert shown["TRIAGEDESK_OIDC_CLIENT_SECRET"] == "Set"
    assert shown["TRIAGEDESK_LOCAL_PASSWORDS"] == "break-glass"
    assert CLIENT_SECRET not in json.dumps(shown)
