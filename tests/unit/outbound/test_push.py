"""What phones get by ntfy and Pushover."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.receivers.provider_rules import NTFY_TOPIC, PUSHOVER_USER
from tests.support.receivers.providers import Providers
from tests.unit.outbound.conftest import PAGE, TAKE, TAKEN, TICKET
from tests.unit.outbound.messages import HOSTILE, HOSTILE_WORDS, LONG, NAMES, told
from webapp.domain.notices.compose import FLOOD_NAMED, MOST_NAMED, compose_bundle, compose_flood
from webapp.domain.notices.compose import PAGE as PAGED
from webapp.domain.notices.message import Link, Message, Urgency
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.send import send
from webapp.outbound.settings import Destination

Target = Callable[..., Destination]
LIST = "https://desk.example.com/tickets"


def test_a_page_by_ntfy(providers: Providers, target: Target):
    assert send(target(Kind.NTFY), PAGE) == "200 OK"
    assert providers.last.json == {
        "topic": NTFY_TOPIC,
        "title": PAGE.title,
        "message": "Ransomware canary was changed\nReported 03:12 UTC",
    }
    headers = providers.last.headers
    assert headers["x-priority"] == "max"
    assert headers["x-tags"] == "rotating_light"
    assert headers["x-click"] == TAKE
    assert [(button["label"], button["url"]) for button in json.loads(headers["x-actions"])] == [
        ("Take it", TAKE),
        ("Open ticket", TICKET),
    ]
    assert "x-icon" not in headers


@pytest.mark.parametrize(
    ("urgency", "ntfy", "pushover"),
    [(Urgency.PAGE, "max", "1"), (Urgency.NORMAL, None, "0"), (Urgency.QUIET, "low", "-1")],
)
def test_urgency_is_priority(
    providers: Providers, target: Target, urgency: Urgency, ntfy: str | None, pushover: str
):
    send(target(Kind.NTFY), replace(PAGE, urgency=urgency))
    assert providers.last.headers.get("x-priority") == ntfy  # none is the default, 3
    send(target(Kind.PUSHOVER), replace(PAGE, urgency=urgency))
    assert providers.last.form["priority"] == pushover


def test_taken_by_ntfy(providers: Providers, target: Target):
    send(target(Kind.NTFY), TAKEN)
    assert providers.last.json == {"topic": NTFY_TOPIC, "message": TAKEN.title}


def test_ntfy_shows_text_as_it_is(providers: Providers, target: Target):
    send(target(Kind.NTFY), HOSTILE)
    assert providers.last.json["message"] == f"{HOSTILE_WORDS}\n{NAMES}"
    assert "x-markdown" not in providers.last.headers


def test_words_of_a_button_in_any_language_fit_into_a_header(providers: Providers, target: Target):
    send(target(Kind.NTFY), replace(PAGE, links=(Link(NAMES + ", x; y", TAKE),)))
    assert json.loads(providers.last.headers["x-actions"])[0]["label"] == NAMES + ", x; y"


def test_a_long_message_is_cut_to_what_ntfy_takes(providers: Providers, target: Target):
    send(target(Kind.NTFY), replace(LONG, lines=("a" * 9_000,)))
    assert len(str(providers.last.json["message"]).encode()) == 4_096
    send(target(Kind.NTFY), LONG)
    assert providers.last.path == "/"
    words, link = str(providers.last.json["message"]).split("…\n")
    assert words.startswith("0: <& 漢字")
    assert link.startswith("Link 0 ")
    assert len(json.loads(providers.last.headers["x-actions"])) == 3


def bundle(count: int) -> Message:
    return compose_bundle(
        "k", [told(key) for key in range(1, count + 1)], reason=PAGED, list_url=LIST
    )


@pytest.mark.parametrize("count", [3, 4, MOST_NAMED])
def test_every_ticket_of_a_bundle_has_its_link_by_ntfy(
    providers: Providers, target: Target, count: int
):
    message = replace(bundle(count), lines=("漢" * 3_000,))
    send(target(Kind.NTFY), message)
    buttons = [one["url"] for one in json.loads(providers.last.headers["x-actions"])]
    assert len(buttons) == 3
    assert buttons[-1] == LIST
    text = str(providers.last.json["message"])
    for link in message.links[:-1]:
        assert link.url in buttons or f"\n{link.words}: {link.url}" in text
    assert "漢漢" in text
    assert len(text.encode()) <= 4_096


def test_two_tickets_are_three_buttons_and_nothing_in_the_text(
    providers: Providers, target: Target
):
    message = bundle(2)
    send(target(Kind.NTFY), message)
    buttons = [one["url"] for one in json.loads(providers.last.headers["x-actions"])]
    assert buttons == [link.url for link in message.links]
    assert providers.last.json["message"] == "\n".join(message.lines)


def test_links_without_lines_by_ntfy(providers: Providers, target: Target):
    message = replace(bundle(3), lines=())
    send(target(Kind.NTFY), message)
    assert providers.last.json["message"] == f"Take T-3: {message.links[2].url}"
    assert providers.last.json["title"] == message.title


@pytest.mark.parametrize("kind", [Kind.NTFY, Kind.PUSHOVER])
def test_a_flood_names_three_with_their_links(providers: Providers, target: Target, kind: Kind):
    rows = [told(key, client=f"{'Client ' * 5}{key}") for key in range(1, 100)]
    message = compose_flood("k", rows, list_url=LIST)
    send(target(kind), message)
    sent = providers.last
    shown = json.dumps([dict(sent.headers), sent.form if kind is Kind.PUSHOVER else sent.json])
    assert len(message.links) == FLOOD_NAMED + 1
    for link in message.links:
        assert link.url in shown
    for number in (1, 2, 3):
        assert f"T-{number} \\u00b7 Critical: Client" in shown


def test_pushover_keeps_the_link_to_all(providers: Providers, target: Target):
    send(target(Kind.PUSHOVER), bundle(MOST_NAMED))
    form = providers.last.form
    assert form["url_title"] == "Take T-1"
    assert "\nTake T-2: " in form["message"]
    assert form["message"].endswith(f"\nOpen the tickets: {LIST}")


@pytest.mark.parametrize("filling", ["漢", "😀", '"', "\u0001"])
def test_what_json_writes_longer_does_not_become_an_attachment(
    providers: Providers, target: Target, filling: str
):
    send(target(Kind.NTFY), replace(PAGE, lines=(filling * 9_000,)))
    assert providers.last.path == "/"
    assert str(providers.last.json["message"]).startswith(filling * 500)


def test_a_topic_without_a_token_is_sent_no_credentials(providers: Providers, target: Target):
    whole = target(Kind.NTFY)
    destination = replace(whole, secrets={"url": whole.secrets["url"]})
    with pytest.raises(Exception, match="unauthorized"):
        send(destination, PAGE)
    assert "authorization" not in providers.last.headers


def test_a_page_by_pushover(providers: Providers, target: Target):
    assert send(target(Kind.PUSHOVER), PAGE) == "200 OK"
    form = providers.last.form
    assert form["user"] == PUSHOVER_USER
    assert form["title"] == PAGE.title
    assert form["message"] == (
        f"Ransomware canary was changed\nReported 03:12 UTC\nOpen ticket: {TICKET}"
    )
    assert (form["url"], form["url_title"]) == (TAKE, "Take it")
    assert "html" not in form
    assert "retry" not in form


def test_taken_by_pushover(providers: Providers, target: Target):
    send(target(Kind.PUSHOVER), TAKEN)
    assert providers.last.form["message"] == TAKEN.title


def test_pushover_shows_text_as_it_is(providers: Providers, target: Target):
    send(target(Kind.PUSHOVER), HOSTILE)
    assert providers.last.form["message"].startswith(f"{HOSTILE_WORDS}\n{NAMES}")


def test_a_long_message_is_cut_to_what_pushover_takes(providers: Providers, target: Target):
    send(target(Kind.PUSHOVER), LONG)
    form = providers.last.form
    assert 245 <= len(form["title"]) <= 250
    assert len(form["url_title"]) <= 100
    assert 1_020 <= len(form["message"]) <= 1_024
    assert f"\nOpen ticket: {TICKET}" in form["message"]


def test_a_link_that_is_too_long_for_pushover_makes_room_for_the_next(
    providers: Providers, target: Target
):
    long = Link("Long", "https://a.example/" + "a" * 500)
    send(target(Kind.PUSHOVER), replace(PAGE, links=(long, *PAGE.links)))
    assert providers.last.form["url"] == TAKE
