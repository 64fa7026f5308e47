"""What settings of targets are refused, before anything is sent."""

import pytest

from tests.unit.outbound.conftest import SETTINGS
from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.outbound.check_settings import check_settings

GOOD = [
    *((kind, {**settings, **secrets}) for kind, (settings, secrets) in SETTINGS.items()),
    (Kind.EMAIL, {"to": "soc@example.com"}),
    (Kind.EMAIL, {"to": "søren@bücher.example"}),
    (Kind.EMAIL, {"to": "soc@office.local"}),
    (Kind.WEBHOOK, {"url": "https://psa.example.com:8443/hooks?x=1"}),
    (Kind.NTFY, {"url": "https://ntfy.example.com/soc"}),
    (Kind.SLACK, {"url": "https://hooks.slack-gov.com/services/T0/B0/x"}),
    (Kind.PAGERDUTY, {"key": "a" * 32, "url": "https://events.eu.pagerduty.com"}),
    (Kind.SMS, {**SETTINGS[Kind.SMS][0], **SETTINGS[Kind.SMS][1], "from": "Triagedesk"}),
    (Kind.SMS, {**SETTINGS[Kind.SMS][0], **SETTINGS[Kind.SMS][1], "from": "MG" + "0" * 32}),
    (Kind.SMS, {**SETTINGS[Kind.SMS][0], **SETTINGS[Kind.SMS][1], "from": "12345"}),
]

BAD = [
    (Kind.EMAIL, "to", "nobody", "not an email address"),
    (Kind.EMAIL, "to", "a@example.com, b@example.com", "not an email address"),
    (Kind.EMAIL, "to", "a@example.com\nBcc: b@example.com", "invisible characters"),
    (Kind.TEAMS, "url", "http://x.logic.azure.com/workflows/1", "must begin with https://"),
    (Kind.TEAMS, "url", "https://acme.webhook.office.com/webhookb2/1", "retired"),
    (Kind.TEAMS, "url", "https://outlook.office.com/webhook/1", "retired"),
    (Kind.SLACK, "url", "hooks.slack.com/services/T/B/x", "not a web address"),
    (Kind.SLACK, "url", "https://acme.slack.com/archives/C1", "hooks.slack.com/services/"),
    (Kind.NTFY, "url", "https://ntfy.sh/", "ends with one topic"),
    (Kind.NTFY, "url", "https://ntfy.sh/a/b", "ends with one topic"),
    (Kind.NTFY, "url", "https://ntfy.sh/" + "a" * 65, "ends with one topic"),
    (Kind.NTFY, "url", "https://user:password@ntfy.sh/soc", "Leave user and password out"),
    (Kind.PAGERDUTY, "key", "a" * 31, "has 32 letters and digits"),
    (Kind.PAGERDUTY, "url", "https://events.pagerduty.com/v1", "Only the host is needed"),
    (Kind.PUSHOVER, "user", "someone@example.com", "has 30 letters and digits"),
    (Kind.PUSHOVER, "token", "short", "has 30 letters and digits"),
    (Kind.SMS, "to", "0171 1234567", "with + and the country code"),
    (Kind.SMS, "to", "+1 415 555 0123", "with + and the country code"),
    (Kind.SMS, "to", "+٤١٥٥٥٥٠١٢٣٤", "with + and the country code"),
    (Kind.SMS, "from", "a name too long", "with + and the country code"),
    (Kind.SMS, "account", "SK" + "0" * 32, "AC and 32 digits"),
    (Kind.SMS, "token", "x", "has 32 letters and digits"),
    (Kind.WEBHOOK, "url", "https://", "not a web address"),
    (Kind.WEBHOOK, "url", "https://[::1", "not a web address"),
    (Kind.WEBHOOK, "url", "https://host:99999/", "not a web address"),
    (Kind.WEBHOOK, "url", "javascript:alert(1)", "not a web address"),
    (Kind.WEBHOOK, "url", "ftp://example.com/x", "must begin with https://"),
    (Kind.APPRISE, "url", "syslog://local", "only services that Apprise reaches over HTTP"),
]


def check(kind: Kind, values: dict[str, str], *hosts: str) -> dict[str, str]:
    secret = {setting.name for setting in KINDS[kind].settings if setting.is_secret}
    return check_settings(
        kind,
        {name: value for name, value in values.items() if name not in secret},
        {name: value for name, value in values.items() if name in secret},
        hosts,
    )


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)


@pytest.mark.parametrize(("kind", "values"), GOOD)
def test_good_settings_have_no_problem(kind: Kind, values: dict[str, str]):
    assert check(kind, values) == {}


@pytest.mark.parametrize(("kind", "name", "value", "words"), BAD)
def test_a_bad_setting_is_told_in_words(kind: Kind, name: str, value: str, words: str):
    settings, secrets = SETTINGS.get(kind, ({}, {}))
    problems = check(kind, {**settings, **secrets, name: value})
    assert set(problems) == {name}
    assert words in problems[name]
    assert len(value) < 12 or value not in problems[name]


@pytest.mark.parametrize("kind", Kind)
def test_what_is_required_has_to_be_there(kind: Kind):
    required = {setting.name for setting in KINDS[kind].settings if setting.is_required}
    problems = check(kind, {"url": " "})
    assert set(problems) == required
    assert all(problem.endswith(" is missing.") for problem in problems.values())


@pytest.mark.parametrize("kind", [Kind.WEBHOOK, Kind.NTFY, Kind.TEAMS, Kind.SLACK])
def test_an_exception_of_the_servers_may_have_no_encryption(kind: Kind):
    values = {"url": "http://127.0.0.1:9000/soc"}
    assert set(check(kind, values)) == {"url"}
    assert check(kind, values, "https://x.example", "http://127.0.0.1:9000") == {}
    assert check(kind, values, "127.0.0.1") == {}
    assert set(check(kind, values, "http://127.0.0.1:9001")) == {"url"}
