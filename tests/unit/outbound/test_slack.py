"""What Slack gets: text that formats nothing and calls nobody, links that can be followed."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.receivers.providers import Providers
from tests.unit.outbound.conftest import PAGE, TAKE, TAKEN, TICKET
from tests.unit.outbound.messages import HOSTILE, LONG, NAMES
from webapp.domain.notices.message import Link
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.send import send
from webapp.outbound.settings import Destination
from webapp.outbound.slack import HEADER_LENGTH, SECTION_LENGTH

Target = Callable[..., Destination]


def blocks_of(providers: Providers) -> list[dict]:
    blocks = providers.last.json["blocks"]
    assert isinstance(blocks, list)
    return blocks


def test_a_page(providers: Providers, target: Target):
    assert send(target(Kind.SLACK), PAGE) == "200 OK"
    header, text, links = (block["text"] for block in blocks_of(providers))
    assert header["text"] == (
        "URGENT: #12 critical: Müller &amp; Söhne &lt;Zürich&gt;, host SRV-01"
    )
    assert text["text"] == "Ransomware canary was changed\nReported 03:12 UTC"
    assert links["text"] == f"<{TAKE}|Take it>\n<{TICKET}|Open ticket>"
    assert providers.last.json["text"] == header["text"]


def test_taken(providers: Providers, target: Target):
    send(target(Kind.SLACK), TAKEN)
    assert [block["text"]["text"] for block in blocks_of(providers)] == [TAKEN.title]


def test_nothing_formats_or_calls(providers: Providers, target: Target):
    send(target(Kind.SLACK), HOSTILE)
    header, text, links = (block["text"] for block in blocks_of(providers))
    assert header["type"] == text["type"] == "plain_text"
    assert not header["emoji"]
    assert not text["emoji"]
    assert links["verbatim"]
    for words in (header["text"], text["text"], providers.last.json["text"]):
        assert not re.search("[<>]|&(?!amp;|lt;|gt;)", str(words))
    assert NAMES in text["text"]


def test_words_of_a_link_cannot_leave_it(providers: Providers, target: Target):
    evil = Link("a|b> <!channel> <https://evil.example|c", "https://a.example/?a=1&b=<c>|d")
    send(target(Kind.SLACK), replace(PAGE, links=(evil,)))
    shown = blocks_of(providers)[-1]["text"]["text"]
    assert shown == (
        "<https://a.example/?a=1&amp;b=%3Cc%3E%7Cd"
        "|a/b&gt; &lt;!channel&gt; &lt;https://evil.example/c>"
    )


def test_a_long_message_is_cut_to_what_slack_takes(providers: Providers, target: Target):
    send(target(Kind.SLACK), LONG)
    header, text, links = (block["text"]["text"] for block in blocks_of(providers))
    assert HEADER_LENGTH - 5 <= len(header) <= HEADER_LENGTH
    assert SECTION_LENGTH - 5 <= len(text) <= SECTION_LENGTH
    assert text.endswith("…")
    assert links.startswith(f"<{TAKE}|Take it>\n")
    assert all(re.fullmatch(r"<https://\S+\|[^<>|]+>", line) for line in links.split("\n"))


@pytest.mark.parametrize("spaces", range(8))
def test_no_escape_is_cut_in_half(providers: Providers, target: Target, spaces: int):
    send(target(Kind.SLACK), replace(PAGE, lines=("a" * spaces + "<" * 2_000,)))
    text = blocks_of(providers)[1]["text"]["text"]
    assert re.fullmatch("a*(&lt;)+…", text)
    assert SECTION_LENGTH - 4 < len(text) <= SECTION_LENGTH
