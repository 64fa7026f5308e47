"""Rendered Markdown, taken apart: what a reader of a ticket sees, and what is live in it."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from webapp.services.tickets.render_markdown import render_markdown

HARMLESS = frozenset({"br", "p", "strong", "ul", "li", "hr", "em"})
"""What our own text may be made of, besides headings, quotes, code blocks and the portal link."""


@dataclass
class Rendered:
    """The elements of a text and its words."""

    tags: list[str] = field(default_factory=list)
    headings: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    quotes: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    emphasized: list[str] = field(default_factory=list)
    text: str = ""
    by_section: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The visible text, every run of white space as one space."""
        return words(self.text)


def words(text: str) -> str:
    """`text` with every run of white space as one space."""
    return " ".join(text.split())


def without_bullets(text: str) -> str:
    """`text` as it is seen when its bullets are drawn as bullets."""
    return re.sub(r"^([^\S\n]*)[-+] +(?=\S)", r"\1", text.expandtabs(4), flags=re.MULTILINE)


def render(markdown: str) -> Rendered:
    """Render with the app's renderer and take the result apart."""
    parser = _Parser()
    parser.feed(render_markdown(markdown))
    parser.close()
    return parser.rendered


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rendered = Rendered()
        self._open: list[tuple[str, str, int]] = []
        self._section = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.rendered.tags.append(tag)
        if tag in ("br", "hr", "img"):
            self._add("\n")
            return
        if tag in ("p", "li", "pre", "blockquote") or tag[1:].isdigit():
            self._add("\n")
        self._open.append((tag, dict(attrs).get("href") or "", len(self.rendered.text)))

    def handle_endtag(self, tag: str) -> None:
        opened, target, start = self._open.pop()
        assert opened == tag, f"<{opened}> closed by </{tag}>"
        text = self.rendered.text[start:]
        if tag[1:].isdigit():
            self._section = text
            self.rendered.headings.append((tag, text))
        elif tag == "a":
            self.rendered.links.append((text, target))
        elif tag == "blockquote":
            self.rendered.quotes.append(words(text))
        elif tag == "pre":
            self.rendered.code.append(text)
        elif tag in ("em", "strong"):
            self.rendered.emphasized.append(text)

    def handle_data(self, data: str) -> None:
        self._add(data)

    def _add(self, text: str) -> None:
        self.rendered.text += text
        sections = self.rendered.by_section
        if not any(tag[1:].isdigit() for tag, _, _ in self._open):
            sections[self._section] = sections.get(self._section, "") + text
