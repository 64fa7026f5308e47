"""Reading the text of an HTML report in one pass, even if the HTML is malformed.

The standard library's parser takes time that grows with the square of a malformed text's length:
half a minute for 200 KB of "<a". Here no part of the text is read more than a few times.
"""

import html
import re
from dataclasses import dataclass, field

DEEPEST = 10
"""Tables may stand in cells of tables; deeper ones are read as if they stood side by side."""

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

    The cells of a table's row stand in one line, parted by bars, if each of them is one line.
    Scripts, styles and comments are left out if they end. Text that only looks like a tag
    (`<svchost.exe>`) stays. The result may hold any character, so the caller must clean it.
    """
    if "<" not in text and "&" not in text:
        return text
    return _tidy(_Writer().write(text)).strip()


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


@dataclass(slots=True)
class _Row:
    """An open row of a table: how many tables it lies in, and the text of its cells."""

    depth: int
    cells: list[list[str]] = field(default_factory=list)


class _Writer:
    """Writes text and line breaks in order; `rows` are the table rows that are open."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.rows: list[_Row] = []
        self.depth = 0

    def write(self, text: str) -> str:
        unclosed: set[str] = set()
        position = 0
        while tag := _TAG.search(text, position):
            self._add(_unescape(text[position : tag.start()]))
            position = tag.end()
            name = (tag["name"] or tag["comment"] or "").lower()
            if name in _HIDDEN_ENDS and not tag["end"] and name not in unclosed:
                end = _HIDDEN_ENDS[name].search(text, position)
                if end is None:
                    unclosed.add(name)  # an element without an end hides nothing; look only once
                position = end.end() if end else position
            elif _BLOCK.fullmatch(name):
                self._break(name, is_end=bool(tag["end"]))
        self._add(_unescape(text[position:]))
        self._close_rows(0)
        return "".join(self.out)

    def _break(self, name: str, *, is_end: bool) -> None:
        if name in ("td", "th") and self.rows:
            if not is_end:
                self.rows[-1].cells.append([])
        elif name == "tr":
            self._close_rows(self.depth)
            if not is_end and len(self.rows) < DEEPEST:
                self.rows.append(_Row(self.depth))
        elif name == "table":
            if is_end:
                self._close_rows(self.depth)
            self.depth = max(0, self.depth + (-1 if is_end else 1))
            self._add("\n")
        elif name == "li":
            self._add("" if is_end else "\n- ")
        else:
            self._add("\n")

    def _add(self, text: str) -> None:
        if not self.rows:
            self.out.append(text)
            return
        cells = self.rows[-1].cells
        if not cells and text.strip():
            cells.append([])  # text that no cell holds
        if cells:
            cells[-1].append(text)

    def _close_rows(self, depth: int) -> None:
        """Write the open rows of tables that lie in at least `depth` of them."""
        while self.rows and self.rows[-1].depth >= depth:
            cells = [_tidy("".join(cell)).strip() for cell in self.rows.pop().cells]
            is_line = len(cells) > 1 and not any("\n" in cell for cell in cells)
            self._add("\n" + (" | " if is_line else "\n\n").join(cells) + "\n")


def _unescape(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # the text has a character reference with thousands of digits
        return text
