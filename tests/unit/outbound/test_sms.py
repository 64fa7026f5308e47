"""What is sent as a text message."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.receivers.provider_rules import TWILIO_FROM
from tests.support.receivers.providers import Providers
from tests.unit.outbound.conftest import PAGE, TAKE, TAKEN
from tests.unit.outbound.messages import HOSTILE, HOSTILE_WORDS, LONG, told
from webapp.domain.notices.compose import PAGE as PAGED
from webapp.domain.notices.compose import compose_bundle, compose_flood, compose_ticket
from webapp.domain.notices.message import Link
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.send import send
from webapp.outbound.settings import Destination
from webapp.outbound.sms import build_form
from webapp.outbound.sms_text import SEGMENTS, count_segments

Target = Callable[..., Destination]


def test_a_page(providers: Providers, target: Target):
    assert send(target(Kind.SMS), PAGE) == "201 Created"
    assert providers.last.form == {
        "To": "+4798765432",
        "From": TWILIO_FROM,
        "Body": f"{PAGE.title}\nRansomware canary was changed\nReported 03:12 UTC\n{TAKE}",
    }


def test_taken(providers: Providers, target: Target):
    send(target(Kind.SMS), TAKEN)
    assert providers.last.form["Body"] == TAKEN.title


def test_hostile_text_is_only_text(providers: Providers, target: Target):
    send(target(Kind.SMS), replace(HOSTILE, lines=()))
    assert HOSTILE_WORDS[:60] in providers.last.form["Body"]


def test_a_long_message_is_three_segments_with_its_link(providers: Providers, target: Target):
    send(target(Kind.SMS), LONG)
    body = providers.last.form["Body"]
    assert count_segments(body) == SEGMENTS
    assert body.endswith(f"\n{TAKE}")


def test_a_link_that_twilio_cannot_take_is_left_out(providers: Providers, target: Target):
    endless = Link("Take it", "https://a.example/" + "a" * 2_000)
    send(target(Kind.SMS), replace(PAGE, links=(endless,)))
    assert "a.example" not in providers.last.form["Body"]


def test_a_messaging_service_sends_in_place_of_a_number():
    service = "MG" + "0" * 32
    form = build_form(TAKEN, to="+4798765432", sender=service)
    assert form == {"To": "+4798765432", "MessagingServiceSid": service, "Body": TAKEN.title}


@pytest.mark.parametrize("odd", ["", "ș", "漢"])
def test_client_host_and_severity_survive_a_long_summary(
    providers: Providers, target: Target, odd: str
):
    send(target(Kind.SMS), compose_ticket("k", told(1, what=odd + "w" * 400)))
    body = providers.last.form["Body"]
    assert "T-1 - Critical: Fernhill Dental, RECEPTION-PC\nRansomware canary\n" in body.replace(
        "·", "-"
    )
    assert "www" in body
    assert body.endswith("\nhttps://desk.example.com/take/" + "1" * 32)
    assert count_segments(body) == SEGMENTS


def test_what_has_no_room_is_left_out(providers: Providers, target: Target):
    named = told(1, title="ș" * 200, what="w" * 400)
    send(target(Kind.SMS), compose_ticket("k", named))
    body = providers.last.form["Body"]
    assert body.startswith("T-1 - Critical: Fernhill Dental, RECEPTION-PC\nș")
    assert "w" not in body.removesuffix("\n" + str(named.take_url))
    assert count_segments(body) == SEGMENTS


@pytest.mark.parametrize("client", ["Tallow & Reed", "Brașov Dental"])
def test_a_flood_keeps_the_number_and_the_link_of_the_gravest(
    providers: Providers, target: Target, client: str
):
    rows = [
        told(1, severity="high"),
        told(2, severity="critical", client=client),
        *(told(key, severity="low", client=f"Client {key}") for key in range(10, 60)),
    ]
    send(target(Kind.SMS), compose_flood("k", rows, list_url="https://desk.example.com/tickets"))
    body = providers.last.form["Body"]
    assert body.startswith("Many at once: 52 incidents (1 critical, 1 high, 50 low)\nT-2 - ")
    assert f"Critical: {client}, RECEPTION-PC\n" in body
    assert "\nTake T-2: https://desk.example.com/take/" + "2" * 32 in body
    assert count_segments(body) <= SEGMENTS


@pytest.mark.parametrize("reason", ["flood", PAGED])
def test_two_criticals_at_once_have_a_link_each(providers: Providers, target: Target, reason: str):
    rows, url = [told(1), told(2, client="Tallow & Reed")], "https://desk.example.com/tickets"
    several = (
        compose_flood("k", rows, list_url=url)
        if reason == "flood"
        else compose_bundle("k", rows, reason=reason, list_url=url)
    )
    send(target(Kind.SMS), several)
    body = providers.last.form["Body"]
    for number in ("1", "2"):
        link = f"https://desk.example.com/take/{number * 32}"
        assert f"\nTake T-{number}: {link}" in body
    assert "T-1 - Critical: Fernhill Dental" in body
    assert "T-2 - Critical: Tallow & Reed" in body
    assert count_segments(body) <= SEGMENTS
