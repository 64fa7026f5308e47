"""Reading the text of an HTML report in one pass, even if the HTML is malformed.

The standard library's parser takes time that grows with the square of a malformed text's length:
half a minute for 200 KB of "<a". Here no part of the text is read more than a few times.
"""

import html
import re
from collections.abc import Iterator

_BLOCK = re.compile(
    r"address|article|blockquote|br|d[dlt]|div|footer|header|h[1-6r]|li|ol|p|pre|section|table"
    r"|t[dhr]|ul"
)
_HIDDEN_ENDS = {
    "!--": re.compile("-->"),
    **{
        name: re.compile(rf"</{name}\s*>", re.IGNORECASE)
        for name in ("script", "style", "head", "template")
    },
}
_TAG = re.compile(
    r"<(?:(?P<comment>!--)"
    r"|[!?][^<>]*+>"
    r"|(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9:-]*+)(?=[\s/>])"
    r"""(?:[^<>"']++|"[^"<]*+"|'[^'<]*+'|["'])*+>)"""
)


def html_to_text(text: str) -> str:
    """Return the text of an HTML body, one line for each block; plain text stays. Never raises.

    Scripts, styles and comments are left out if they end. Text that only looks like a tag
    (`<svchost.exe>`) stays. The result may hold any character, so the caller must clean it.
    """
    if "<" not in text and "&" not in text:
        return text
    lines = (" ".join(line.split()) for line in "".join(_pieces(text)).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _pieces(text: str) -> Iterator[str]:
    """Yield text and line breaks in order."""
    unclosed: set[str] = set()
    position = 0
    while tag := _TAG.search(text, position):
        yield _unescape(text[position : tag.start()])
        position = tag.end()
        name = (tag["name"] or tag["comment"] or "").lower()
        if name in _HIDDEN_ENDS and not tag["end"] and name not in unclosed:
            end = _HIDDEN_ENDS[name].search(text, position)
            if end is None:
                unclosed.add(name)  # an element without an end hides nothing; look only once
            position = end.end() if end else position
        elif _BLOCK.fullmatch(name):
            yield _line_break(name, is_end=bool(tag["end"]))
    yield _unescape(text[position:])


def _line_break(name: str, *, is_end: bool) -> str:
    if name == "li":
        return "" if is_end else "\n- "
    return "\n"


def _unescape(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # the text has a character reference with thousands of digits
        return text
