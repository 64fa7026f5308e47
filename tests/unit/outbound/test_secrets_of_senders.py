"""No secret leaves by an error or the log, whatever a provider says."""

import logging
from collections.abc import Callable

import pytest

from tests.support.receivers.http_receiver import answer
from tests.support.receivers.provider_rules import SECRETS
from tests.support.receivers.providers import Providers
from tests.unit.outbound.conftest import PAGE, SETTINGS
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.errors import DeliveryError
from webapp.outbound.send import send
from webapp.outbound.settings import Destination

Target = Callable[..., Destination]
ECHOES = (
    '{{"message": "bad {0}", "errors": ["bad {0}"], "error": "bad {0}"}}',
    '{{"error": {{"code": "Bad", "message": "bad {0}"}}, "message": "bad {0}"}}',
    "bad {0}",
)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    for name in ("apprise", "urllib3", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


@pytest.mark.parametrize("kind", SETTINGS)
def test_nothing_is_logged_of_a_message_that_was_taken(
    target: Target, kind: Kind, log: pytest.LogCaptureFixture
):
    send(target(kind), PAGE)
    assert not [secret for secret in (*SECRETS, PAGE.title) if secret in log.text]


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("echo", ECHOES)
def test_a_provider_that_repeats_secrets(
    providers: Providers, target: Target, kind: Kind, echo: str, log: pytest.LogCaptureFixture
):
    destination = target(kind)
    for value in destination.secrets.values():
        providers.behaviour = answer(400, body=echo.format(value).encode())
        with pytest.raises(DeliveryError) as caught:
            send(destination, PAGE)
        told = f"{caught.value} {caught.value!r} {caught.value.__cause__} {log.text}"
        assert not [secret for secret in SECRETS if secret in told]


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_connection_that_fails(
    target: Target, kind: Kind, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_options: [])
    with pytest.raises(DeliveryError) as caught:
        send(target(kind), PAGE)
    told = f"{caught.value} {log.text}"
    assert not [secret for secret in SECRETS if secret in told]


def test_settings_do_not_show_their_secrets(target: Target):
    for kind in SETTINGS:
        assert not [secret for secret in SECRETS if secret in repr(target(kind))]
