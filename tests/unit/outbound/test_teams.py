"""What Teams gets: a card whose text is shown as it is."""

import json
from collections.abc import Callable
from dataclasses import replace

from tests.support.receivers.providers import Providers
from tests.unit.outbound.conftest import PAGE, TAKE, TAKEN, TICKET
from tests.unit.outbound.messages import HOSTILE, HOSTILE_WORDS, LONG, NAMES
from webapp.domain.notices.message import Message
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.send import send
from webapp.outbound.settings import Destination
from webapp.outbound.teams import LIMIT

Target = Callable[..., Destination]


def card_of(providers: Providers) -> dict:
    return json.loads(providers.last.body)["attachments"][0]["content"]


def texts(element: object) -> list[str]:
    """All texts of a card, in order; one that reads Markdown has no place in it."""
    if isinstance(element, list):
        return [text for entry in element for text in texts(entry)]
    assert isinstance(element, dict)
    assert element["type"] in ("AdaptiveCard", "Container", "RichTextBlock", "TextRun")
    if element["type"] == "TextRun":
        return [element["text"]]
    return texts(element.get("body") or element.get("items") or element.get("inlines"))


def test_a_page(providers: Providers, target: Target):
    assert send(target(Kind.TEAMS), PAGE) == "202 Accepted"
    card = card_of(providers)
    assert texts(card) == [f"URGENT: {PAGE.title}", *PAGE.lines]
    assert card["body"][0]["style"] == "attention"
    assert [(action["title"], action["url"]) for action in card["actions"]] == [
        ("Take it", TAKE),
        ("Open ticket", TICKET),
    ]


def test_taken(providers: Providers, target: Target):
    send(target(Kind.TEAMS), TAKEN)
    assert texts(card_of(providers)) == [TAKEN.title]


def test_formatting_and_mentions_are_only_text(providers: Providers, target: Target):
    send(target(Kind.TEAMS), HOSTILE)
    card = card_of(providers)
    assert texts(card) == [f"URGENT: #12 {HOSTILE_WORDS}", HOSTILE_WORDS, NAMES]
    assert "entities" not in card["msteams"]


def test_a_long_message_fills_what_teams_takes(providers: Providers, target: Target):
    send(target(Kind.TEAMS), LONG)
    assert LIMIT - 500 < len(providers.last.body) <= LIMIT
    card = card_of(providers)
    assert texts(card)[-1].endswith("…")
    assert [action["url"] for action in card["actions"]][:2] == [TAKE, TICKET]


def test_a_line_of_quotation_marks_is_counted_as_it_is_sent(providers: Providers, target: Target):
    message: Message = replace(PAGE, lines=('"\\' * 30_000,))
    send(target(Kind.TEAMS), message)
    assert LIMIT - 10 < len(providers.last.body) <= LIMIT
