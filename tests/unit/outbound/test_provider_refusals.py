"""What each provider's refusal means for the target and the message, and in which words."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.receivers import provider_rules as rules
from tests.support.receivers.http_receiver import answer, hang
from tests.support.receivers.providers import Providers
from tests.unit.outbound.conftest import PAGE, SETTINGS
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound import connection_check
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.send import send
from webapp.outbound.settings import Destination

Target = Callable[..., Destination]
PERMANENT, TRANSIENT, MESSAGE = Failure.PERMANENT, Failure.TRANSIENT, Failure.MESSAGE

TEAMS = "https://prod-01.westeurope.logic.azure.com"
WRONG_SETTINGS = [
    (Kind.TEAMS, {"url": f"{TEAMS}{rules.TEAMS_PATH}?sig=wrong"}, "no valid signature"),
    (Kind.TEAMS, {"url": f"{TEAMS}/workflows/gone?sig=x"}, "WorkflowNotFound"),
    (Kind.SLACK, {"url": "https://hooks.slack.com/services/T0/B0/gone"}, "no_service"),
    (Kind.NTFY, {"token": "tk_wrong"}, "unauthorized"),
    (Kind.NTFY, {"url": "https://ntfy.sh/not-ours"}, "forbidden"),
    (Kind.NTFY, {"url": "https://ntfy.sh/" + "a" * 64 + "b"}, "Nothing was sent"),
    (Kind.PAGERDUTY, {"key": "0" * 32}, "Invalid routing key"),
    (Kind.PUSHOVER, {"user": "u" * 30}, "user identifier is not a valid user"),
    (Kind.PUSHOVER, {"token": "a" * 30}, "application token is invalid"),
    (Kind.SMS, {"to": "+4712"}, "is not a valid phone number. (error 21211)"),
    (Kind.SMS, {"to": rules.TWILIO_STOPPED}, "unsubscribed recipient (error 21610)"),
    (Kind.SMS, {"from": "+4700000000"}, "is not a valid sender. (error 21606)"),
    (Kind.SMS, {"token": "wrong"}, "Authenticate (error 20003)"),
    (Kind.APPRISE, {"url": f"ntfys://tk_wrong@ntfy.sh/{rules.NTFY_TOPIC}"}, "401 Unauthorized"),
    (Kind.APPRISE, {"url": "syslog://localhost"}, "only services that Apprise reaches over HTTP"),
]

SAID = [
    (Kind.TEAMS, 400, '{"error": {"code": "WorkflowTriggerIsNotEnabled"}}', PERMANENT),
    (Kind.TEAMS, 400, '{"error": {"code": "TriggerInputSchemaMismatch"}}', MESSAGE),
    (Kind.TEAMS, 413, "", MESSAGE),
    (Kind.SLACK, 400, "invalid_payload", MESSAGE),
    (Kind.SLACK, 403, "action_prohibited", PERMANENT),
    (Kind.SLACK, 410, "channel_is_archived", PERMANENT),
    (Kind.SLACK, 500, "rollup_error", TRANSIENT),
    (Kind.NTFY, 413, '{"code": 41301, "error": "attachment too large"}', MESSAGE),
    (Kind.NTFY, 400, '{"code": 40009, "error": "invalid request: topic invalid"}', PERMANENT),
    (Kind.PAGERDUTY, 400, '{"message": "Event object is invalid"}', MESSAGE),
    (Kind.PAGERDUTY, 400, '{"message": "Invalid routing key"}', PERMANENT),
    (Kind.PUSHOVER, 400, '{"errors": ["message cannot be blank"]}', MESSAGE),
    (Kind.SMS, 400, '{"code": 21617, "message": "too long"}', MESSAGE),
    (Kind.SMS, 400, '{"code": 21611, "message": "queue is full"}', TRANSIENT),
    (Kind.SMS, 400, '{"code": 99999, "message": "unheard of"}', MESSAGE),
]


def refused(destination: Destination) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(destination, PAGE)
    return caught.value


@pytest.mark.parametrize(("kind", "changed", "words"), WRONG_SETTINGS)
def test_wrong_settings_are_a_refusal_for_good(
    target: Target, kind: Kind, changed: dict[str, str], words: str
):
    error = refused(target(kind, **changed))
    assert words in str(error)
    assert error.failure is PERMANENT


@pytest.mark.parametrize(("kind", "status", "body", "failure"), SAID)
def test_the_providers_words_decide(
    providers: Providers, target: Target, kind: Kind, status: int, body: str, failure: Failure
):
    providers.behaviour = answer(status, body=body.encode())
    assert refused(target(kind)).failure is failure


@pytest.mark.parametrize("kind", SETTINGS)
def test_too_many_requests_are_told_with_how_long_to_wait(
    providers: Providers, target: Target, kind: Kind
):
    providers.behaviour = answer(429, {"Retry-After": "37"}, b"slow down")
    error = refused(target(kind))
    assert (error.failure, error.retry_after) == (TRANSIENT, 37)
    assert "429 Too Many Requests" in str(error)


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("status", [500, 502, 503])
def test_failures_of_the_provider_pass(
    providers: Providers, target: Target, kind: Kind, status: int
):
    providers.behaviour = answer(status, body=b"<html>Oops</html>")
    error = refused(target(kind))
    assert (error.failure, error.retry_after) == (TRANSIENT, None)
    assert "Oops" not in str(error)


@pytest.mark.parametrize("kind", SETTINGS)
def test_redirects_are_not_followed(providers: Providers, target: Target, kind: Kind):
    providers.behaviour = answer(307, {"Location": "https://ntfy.sh/"})
    error = refused(target(kind))
    assert "redirects" in str(error)
    assert len(providers.requests) == 1


@pytest.mark.parametrize("kind", [Kind.SLACK, Kind.NTFY, Kind.PUSHOVER, Kind.APPRISE])
def test_a_provider_that_never_answers(
    providers: Providers, target: Target, kind: Kind, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connection_check, "READ_SECONDS", 0.3)
    providers.behaviour = hang
    error = refused(target(kind))
    assert error.failure is TRANSIENT
    assert "did not answer in time" in str(error)
    assert len(providers.requests) == 1


@pytest.mark.parametrize("kind", SETTINGS)
def test_addresses_that_are_not_public_are_refused(target: Target, kind: Kind):
    """The providers' names lead to 127.0.0.1 here."""
    error = refused(replace(target(kind), outbound_hosts=()))
    assert error.failure is PERMANENT
    assert "TRIAGEDESK_OUTBOUND_HOSTS" in str(error)


@pytest.mark.parametrize("kind", SETTINGS)
def test_certificates_are_checked(target: Target, kind: Kind):
    error = refused(replace(target(kind), ca_file=None))
    assert error.failure is TRANSIENT
    assert "certificate" in str(error)


def test_odd_words_are_cleaned_and_cut(providers: Providers, target: Target):
    body = '{"message": "\\u202e\\u0007evil ' + "x" * 5_000 + '"}'
    providers.behaviour = answer(400, body=body.encode())
    sentence = str(refused(target(Kind.PAGERDUTY)))
    assert "“evil xxx" in sentence
    assert len(sentence) < 400


@pytest.mark.parametrize("body", ["[1]", "{", "null", "[" * 100_000, '{"errors": [1, {}]}', "\x00"])
@pytest.mark.parametrize("kind", SETTINGS)
def test_odd_answers_are_no_surprise(providers: Providers, target: Target, kind: Kind, body: str):
    providers.behaviour = answer(418, body=body.encode())
    assert refused(target(kind)).failure is MESSAGE
