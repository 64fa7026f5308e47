"""Putting text that somebody else wrote into our Markdown so that it stays plain text.

The escaped text cannot open a heading, a link, an image, a quote or HTML, and it reads as it was
written.
"""

import re

_INLINE = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|\Z)"  # a backslash that would escape the next character
    r"|[`*\[\]<]"
    r"|~(?=~)"
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore that is not inside a word
    r"|&(?=#?\w+;)"
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_BULLET = re.compile(r"[-+] +(?=\S)")
_START = re.compile(r"[0-9]{1,9}(?=[.)](?:\s|$))|(?=[#>=~|+-])")


def escape_line(text: str) -> str:
    """Return somebody else's text escaped as one line, to use inside one of our lines."""
    return _escape_inline(" ".join(text.split()))


def escape_block(text: str) -> str:
    """Return several lines of somebody else's text, escaped; bullets in it stay bullets."""
    return "\n".join(_escape_block_line(line) for line in text.split("\n")).strip("\n")


def fenced(text: str) -> str:
    """Return `text` word for word in a code block that it cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def unescaped(text: str) -> str:
    """Return text without the backslashes that escape what follows them, also within code."""
    return _ESCAPED.sub(r"\1", text)


def _escape_block_line(line: str) -> str:
    line = line.expandtabs(4).rstrip()
    text = line.lstrip()
    if not text:
        return ""
    indent = " " * min(len(line) - len(text), 3)
    bullet = _BULLET.match(text)
    if bullet is None:
        return indent + _escape_start(text)
    # Only one space after the bullet, because more would turn the rest into code.
    return f"{indent}{text[0]} {_escape_start(text[bullet.end() :])}"


def _escape_start(text: str) -> str:
    """Escape `text` so that its start is not read as a heading, a quote, a list or the like.

    A number at the start keeps its value, because it is not read as a list item.
    """
    escaped = _escape_inline(text)
    start = _START.match(escaped)
    return f"{start[0]}\\{escaped[start.end() :]}" if start else escaped


def _escape_inline(text: str) -> str:
    return _INLINE.sub(lambda match: "\\" + match[0], text)
