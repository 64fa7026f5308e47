"""What is sent as a text message."""

from collections.abc import Callable
from dataclasses import replace

from tests.support.receivers.provider_rules import TWILIO_FROM
from tests.support.receivers.providers import Providers
from tests.unit.outbound.conftest import PAGE, TAKE, TAKEN
from tests.unit.outbound.messages import HOSTILE, HOSTILE_WORDS, LONG
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
