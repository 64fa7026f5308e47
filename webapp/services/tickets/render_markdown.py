"""Rendering Markdown as HTML that is safe in a page, even if a stranger wrote it.

There are two dialects. Machine-written text escapes with backslashes whatever others wrote
(`domain/markdown_text.py`). What people write is shown as they typed it: there a backslash is one
(`notes/people_markdown.py`).
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from webapp.domain.triage.mentions import MentionBook
from webapp.services.tickets.notes.people_markdown import (
    MENTIONS,
    build_people_parser,
    without_line_ends,
)

BLOCK_TAGS = {"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "ul"}
TABLE_TAGS = {"table", "tbody", "td", "th", "thead", "tr"}
TAGS = frozenset(BLOCK_TAGS | TABLE_TAGS | {"a", "br", "code", "em", "s", "span", "strong"})
ATTRIBUTES = {"a": {"href", "target"}, "ol": {"start"}, "li": {"class", "value"}, "span": {"class"}}
LINK_SCHEMES = frozenset({"http", "https"})
LINK_REL = "noopener noreferrer nofollow"
LOWEST_HEADING = 6


class Dialect(Enum):
    """Who wrote a text.

    MIXED is what a person made of machine-written text: it is read like a person's, but an address
    in it that nobody marked as a link may be the attacker's and stays text.
    """

    MACHINE = auto()
    PERSON = auto()
    MIXED = auto()


def _machine_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": False})
    parser.disable("image")
    return without_line_ends(parser)


_PARSERS = {
    Dialect.MACHINE: _machine_parser(),
    Dialect.PERSON: build_people_parser(is_live=True),
    Dialect.MIXED: build_people_parser(is_live=False),
}


def render_markdown(
    text: str,
    *,
    heading_shift: int = 0,
    dialect: Dialect = Dialect.MACHINE,
    people: MentionBook | None = None,
) -> str:
    """Render `text` as HTML that is safe to put into a page.

    HTML in the text is not rendered, and there are no images. Links lead only to http and https and
    are marked `rel="noopener noreferrer nofollow"`; those of people open a new tab. In what people
    wrote, addresses are links also where nothing marks them as such, and `people` are highlighted
    where they are mentioned. No other attributes remain but the numbers of a list. Headings move
    down by `heading_shift` levels to fit below those of the page. There are no line ends between
    elements, so that white space can be shown as it was written (the class `rendered`).
    """
    is_typed = dialect is not Dialect.MACHINE
    backslash = _stand_in(text) if is_typed else "\\"
    parser = _PARSERS[dialect]
    tokens = parser.parse(text.replace("\\", backslash), {MENTIONS: people})
    _shift_headings(tokens, heading_shift)
    if is_typed:
        _open_new_tabs(tokens)
    html = nh3.clean(
        str(parser.renderer.render(tokens, parser.options, {})),
        tags=set(TAGS),
        attributes={**ATTRIBUTES, "*": set()},
        url_schemes=set(LINK_SCHEMES),
        url_relative="deny",
        link_rel=LINK_REL,
    )
    return html.replace(">\n<", "><").strip("\n").replace(backslash, "\\")


def find_mentioned(text: str, people: MentionBook) -> set[int]:
    """Return the ids of those of `people` who are mentioned in a note, but not in its code."""
    parser = _PARSERS[Dialect.PERSON]
    tokens = parser.parse(text.replace("\\", _stand_in(text)), {MENTIONS: people})
    inside: list[Token] = [child for token in tokens for child in token.children or ()]
    return {one.meta["person_id"] for one in inside if one.type == "mention_open"}


def _stand_in(text: str) -> str:
    """Return a character that is no text and stands for a backslash, to which rules give meaning.

    No rule of Markdown knows it. Of these characters, which mean nothing, one is free unless a text
    holds them all.
    """
    return next((chr(code) for code in range(0xFDD0, 0xFDF0) if chr(code) not in text), "\\")


def _open_new_tabs(tokens: Sequence[Token]) -> None:
    links: Any = (child for token in tokens for child in token.children or ())
    for one in links:
        if one.type == "link_open":
            one.attrSet("target", "_blank")


def _shift_headings(tokens: Sequence[Token], shift: int) -> None:
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + shift, LOWEST_HEADING)}"
