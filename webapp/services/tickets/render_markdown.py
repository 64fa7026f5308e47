"""Rendering Markdown as HTML that is safe in a page, even if a stranger wrote it."""

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
    """Render `text` as HTML that is safe to put into a page.

    HTML in the text is not rendered, and there are no images. Links lead only to http and https and
    are marked `rel="noopener noreferrer nofollow"`. An address that is not written as a link stays
    text. No other attributes remain, except the first number of an ordered list. Headings move down
    by `heading_shift` levels to fit below those of the page.
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
