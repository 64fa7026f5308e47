"""What PagerDuty gets: one incident for each ticket, through its whole life."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.receivers.provider_rules import PAGERDUTY_KEY
from tests.support.receivers.providers import Providers
from tests.unit.outbound.conftest import PAGE, TAKE, TAKEN, TICKET
from tests.unit.outbound.messages import HOSTILE, HOSTILE_WORDS, LONG
from webapp.domain.notices.message import Stage, Urgency
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.send import send
from webapp.outbound.settings import Destination

Target = Callable[..., Destination]


def payload_of(providers: Providers) -> dict:
    payload = providers.last.json["payload"]
    assert isinstance(payload, dict)
    return payload


def test_a_page(providers: Providers, target: Target):
    assert send(target(Kind.PAGERDUTY), PAGE) == "202 Accepted"
    event = providers.last.json
    assert providers.last.path == "/v2/enqueue"
    assert event["routing_key"] == PAGERDUTY_KEY
    assert event["links"] == [
        {"href": TAKE, "text": "Take it"},
        {"href": TICKET, "text": "Open ticket"},
    ]
    assert event["client"] == "Triagedesk"
    assert event["client_url"] == TICKET
    assert payload_of(providers) == {
        "summary": PAGE.title,
        "source": "Müller & Söhne",
        "severity": "critical",
        "timestamp": "2026-11-29T03:12:00+00:00",
        "custom_details": {**PAGE.data, "text": "\n".join(PAGE.lines)},
    }


@pytest.mark.parametrize(
    ("stage", "action"),
    [
        (Stage.BEGINS, "trigger"),
        (Stage.GOES_ON, "trigger"),
        (Stage.TAKEN, "acknowledge"),
        (Stage.OVER, "resolve"),
    ],
)
def test_a_ticket_is_one_incident(providers: Providers, target: Target, stage: Stage, action: str):
    send(target(Kind.PAGERDUTY), replace(TAKEN, key=f"m-{stage}", stage=stage))
    assert providers.last.json["event_action"] == action
    assert providers.last.json["dedup_key"] == "triagedesk:ticket:12"


def test_a_test_is_an_incident_of_its_own_without_alarm(providers: Providers, target: Target):
    send(target(Kind.PAGERDUTY), replace(PAGE, stage=Stage.PLAIN))
    assert providers.last.json["event_action"] == "trigger"
    assert providers.last.json["dedup_key"] == "triagedesk:m-1"
    assert payload_of(providers)["severity"] == "info"


@pytest.mark.parametrize(
    ("severity", "urgency", "shown"),
    [
        ("critical", Urgency.QUIET, "critical"),
        ("high", Urgency.PAGE, "error"),
        ("low", Urgency.PAGE, "info"),
        (None, Urgency.PAGE, "critical"),
        (None, Urgency.NORMAL, "warning"),
        ("unheard-of", Urgency.QUIET, "info"),
    ],
)
def test_severity(
    providers: Providers, target: Target, severity: str | None, urgency: Urgency, shown: str
):
    send(target(Kind.PAGERDUTY), replace(PAGE, severity=severity, urgency=urgency))
    assert payload_of(providers)["severity"] == shown


def test_text_stays_text(providers: Providers, target: Target):
    send(target(Kind.PAGERDUTY), HOSTILE)
    assert payload_of(providers)["summary"] == f"#12 {HOSTILE_WORDS}"


def test_a_long_message_is_cut_to_what_pagerduty_takes(providers: Providers, target: Target):
    send(target(Kind.PAGERDUTY), replace(LONG, subject="s" * 900, lines=LONG.lines * 20))
    assert len(payload_of(providers)["summary"]) in range(1_020, 1_025)
    assert len(str(providers.last.json["dedup_key"])) == 255


@pytest.mark.parametrize(
    "url", ["https://events.eu.pagerduty.com", "https://events.eu.pagerduty.com/v2/enqueue"]
)
def test_accounts_in_the_eu(providers: Providers, target: Target, url: str):
    send(replace(target(Kind.PAGERDUTY), settings={"url": url}), PAGE)
    assert providers.last.headers["host"] == "events.eu.pagerduty.com"
    assert providers.last.path == "/v2/enqueue"
