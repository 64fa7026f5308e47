"""Markdown to HTML that can stand in a page, whoever wrote it."""

from collections.abc import Sequence

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

BLOCK_TAGS = {"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "ul"}
TAGS = frozenset(BLOCK_TAGS | {"a", "br", "code", "em", "strong"})
LINK_SCHEMES = frozenset({"http", "https"})
LINK_REL = "noopener noreferrer nofollow"
LOWEST_HEADING = 6

_parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": False})
_parser.disable("image")


def render_markdown(text: str, *, heading_shift: int = 0) -> str:
    """The HTML of `text`: safe to put into a page as it is.

    No HTML of the text's own, no images, no attributes; links only to http and https, marked
    `rel="noopener noreferrer nofollow"`; addresses that are not written as links stay text.
    Headings move down by `heading_shift`, so that they fit below those of the page.
    """
    tokens = _parser.parse(text)
    _shift_headings(tokens, heading_shift)
    html = _parser.renderer.render(tokens, _parser.options, {})
    return nh3.clean(
        str(html),
        tags=set(TAGS),
        attributes={"a": {"href"}, "ol": {"start"}, "*": set()},
        url_schemes=set(LINK_SCHEMES),
        url_relative="deny",
        link_rel=LINK_REL,
    )


def _shift_headings(tokens: Sequence[Token], shift: int) -> None:
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + shift, LOWEST_HEADING)}"
