"""Putting text that somebody else wrote into Markdown of ours without giving it any power.

What comes out of here cannot open a heading, a link, an image, a quote or HTML, whatever the
text says, and reads as it was written.
"""

import re
from html.parser import HTMLParser

_INLINE = re.compile(
    r"\\(?=[!-/:-@\[-`{-~])"  # a backslash that would escape the next character
    r"|[`*\[\]<]"
    r"|~(?=~)"
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore that is not inside a word
    r"|&(?=#?\w+;)"
)
_LINE_START = re.compile(r"((?:(?:[-+]|\d{1,9}[.)])\s+)*)([#>=~|+-]|\d{1,9}(?=[.)](?:\s|$)))")
_BLOCKS = frozenset(
    {
        "address",
        "article",
        "blockquote",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    }
)
_HIDDEN = frozenset({"script", "style", "head", "template"})


def escape_line(text: str) -> str:
    """One line of somebody else's text, to stand inside a line of ours."""
    return _INLINE.sub(lambda match: "\\" + match[0], " ".join(text.split()))


def escape_block(text: str) -> str:
    """Several lines of somebody else's text; simple lists in it stay lists."""
    return "\n".join(_escape_block_line(line) for line in text.split("\n")).strip("\n")


def fenced(text: str) -> str:
    """`text` word for word in a code block that it cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def html_to_text(html: str) -> str:
    """The text of an HTML body, a line for a block; plain text passes through."""
    if "<" not in html and "&" not in html:
        return html
    parser = _TextOnly()
    try:
        parser.feed(html)
        parser.close()
    except (AssertionError, ValueError):  # the parser gives up on some malformed declarations
        return re.sub(r"<[^>]{0,1000}>", " ", html)
    lines = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _escape_block_line(line: str) -> str:
    line = line.expandtabs(4).rstrip()
    text = line.lstrip()
    if not text:
        return ""
    indent = " " * min(len(line) - len(text), 3)
    escaped = _INLINE.sub(lambda match: "\\" + match[0], text)
    start = _LINE_START.match(escaped)
    if start is None or _is_list_item(start, escaped):
        return indent + escaped
    position = start.end(1)
    if escaped[position].isdigit():
        position = start.end(2)
    return f"{indent}{escaped[:position]}\\{escaped[position:]}"


def _is_list_item(start: re.Match[str], escaped: str) -> bool:
    """A marker followed by a space and text may stay what it is: a list item."""
    rest = escaped[start.end(2) :]
    marker = start[2]
    if marker.isdigit():
        return bool(re.match(r"[.)]\s+\S", rest))
    return marker in "-+" and bool(re.match(r"\s+\S", rest)) and bool(re.search(r"[^-+\s]", rest))


class _TextOnly(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in _BLOCKS:
            self.parts.append("\n- " if tag == "li" else "\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCKS and tag != "li":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)
