"""The Markdown of people, which never alters evidence.

What people write is full of paths, patterns and commands. So a backslash is a backslash, an entity
stays as it was typed, and no link, definition or table swallows a word. Emphasis is only what
stands between spaces (`*so*`, `**so**`, `~~so~~`), never an underscore; `C:\\*.exe` and
`__init__.py` stay. What begins with http:// or https:// is a link, also where nothing marks it.
"""

import re
from collections.abc import Callable
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, fence, hr, table
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.emphasis import tokenize as tokenize_emphasis
from markdown_it.rules_inline.strikethrough import tokenize as tokenize_strikethrough
from markdown_it.token import Token

from webapp.domain.triage.mentions import MARK, MentionBook

MENTIONS = "mentions"
"""The name in the parser's surroundings under which the people stand who can be mentioned."""

_URL = re.compile(r"https?://[^\s<>\"`|\ufdd0-\ufdef]+", re.IGNORECASE)
_DESTINATION = re.compile(r"\((https?://(?:[^\s()<>\"`\ufdd0-\ufdef]|\([^\s()<>]*\))+)\)", re.I)
_SCHEME = re.compile(r"(?<![^\W_])https?\Z", re.IGNORECASE)
_TRAILING = ".,:;!?'’”*~_"
_RULER = re.compile(r"(?:-{3,}|\*{3,}|_{3,})[ \t]*")
_TASK = re.compile(r"\[([ xX])\] ")
_BOXES = {" ": "☐", "x": "☑", "X": "☑"}
_OPENINGS = frozenset("([{\"'“‘„«*~")
_CLOSINGS = frozenset(")]}\"'”’“»*~.,:;!?…")
_LANGUAGES = frozenset(
    (
        *("bash", "bat", "c", "cmd", "conf", "console", "cpp", "cs", "csharp", "css"),
        *("csv", "diff", "go", "html", "ini", "java", "js", "javascript", "json", "kql"),
        *("log", "lua", "markdown", "md", "perl", "php", "plaintext", "powershell", "ps", "ps1"),
        *("py", "python", "rb", "reg", "ruby", "rust", "sh", "shell", "spl", "sql"),
        *("text", "toml", "ts", "txt", "vb", "vbs", "vbscript", "xml", "yaml", "yara"),
        *("yml"),
    )
)
"""Words after a fence that say what the code is; any other text there is shown."""

Rule = Callable[[Any, bool], bool]


def build_people_parser(*, is_live: bool) -> MarkdownIt:
    """Return a parser for what people write; `is_live` is whether bare addresses become links."""
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": False})
    parser.disable(["image", "escape", "entity", "link", "reference", "lheading", "html_block"])
    parser.enable(["table", "strikethrough"])
    parser.validateLink = _is_web_address  # type: ignore[method-assign]
    block, inline = parser.block.ruler, parser.inline.ruler
    block.at("hr", _ruler, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    block.at("fence", _fence, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    block.at("table", _table, {"alt": ["paragraph", "reference"]})
    inline.at("emphasis", _stricter(tokenize_emphasis, "*"))
    inline.at("strikethrough", _stricter(tokenize_strikethrough, "~"))
    inline.before("emphasis", "written_link", _written_link)
    inline.before("emphasis", "mention", _mention)
    if is_live:
        inline.before("emphasis", "address", _address)
    parser.core.ruler.push("lists", _number_and_tick)
    return without_line_ends(parser)


def without_line_ends(parser: MarkdownIt) -> MarkdownIt:
    """Let a break be nothing but a break, because white space is shown as it was typed."""
    for name in ("softbreak", "hardbreak"):
        parser.add_render_rule(name, _line_break)
    return parser


def _is_web_address(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))


def _line_break(*_: object) -> str:
    return "<br>"


def _stricter(tokenize: Rule, marker: str) -> Rule:
    """Let marks open only before a word and close only after one, next to what is no word."""

    def rule(state: StateInline, silent: bool) -> bool:
        start, known = state.pos, len(state.delimiters)
        if state.src[start] != marker or not tokenize(state, silent):
            return False
        before, after = state.src[start - 1 : start], state.src[state.pos : state.pos + 1]
        opens = _is_beside(before, _OPENINGS) and not _is_end(after) and after not in _PATTERN
        closes = _is_beside(after, _CLOSINGS) and not _is_end(before)
        closes = closes and not _goes_on(state.src, state.pos)
        for delimiter in state.delimiters[known:]:
            delimiter.open, delimiter.close = opens, closes
        return True

    return rule


_PATTERN = frozenset(".,;:!?/\\")
"""After a star these make a pattern of file names, and no emphasis."""


def _is_end(character: str) -> bool:
    return not character or character.isspace()


def _is_beside(character: str, allowed: frozenset[str]) -> bool:
    return _is_end(character) or character in allowed


def _goes_on(text: str, end: int) -> bool:
    """Whether a dot or the like at `end` begins the rest of a name, as in `*.exe`."""
    following = text[end + 1 : end + 2]
    return text[end : end + 1] in (".", ":", ",") and not _is_end(following)


def _ruler(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A line is drawn for three or more marks alone, and not for `----   ---` of a table."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    return bool(_RULER.fullmatch(line)) and hr(state, start, end, silent)


def _fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A block of code; what stands beside the opening fence is shown unless it is a language."""
    if not fence(state, start, end, silent):
        return False
    if not silent:
        token = state.tokens[-1]
        if token.info.strip().lower() not in _LANGUAGES | {""}:
            token.content = f"{token.info.strip()}\n{token.content}"
        token.info = ""
    return True


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table, unless a row has more cells than its head: none of them may be lost."""
    known = len(state.tokens)
    if not table(state, start, end, silent):
        return False
    if silent:
        return True
    lines = [_line(state, number) for number in range(start, state.line)]
    if max(_cells(line) for line in lines[2:] or lines) <= _cells(lines[0]):
        return True
    del state.tokens[known:]
    state.line = start
    return False


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].strip()


def _cells(line: str) -> int:
    return len(line.removeprefix("|").removesuffix("|").split("|"))


def _written_link(state: StateInline, silent: bool) -> bool:
    """`[words](https://…)`; anything else in brackets stays as it was typed."""
    start = state.pos
    if state.src[start] != "[" or state.linkLevel:
        return False
    end = state.md.helpers.parseLinkLabel(state, start, True)
    target = _DESTINATION.match(state.src, end + 1) if end > start + 1 else None
    if target is None or target.end() > state.posMax:
        return False
    if not silent:
        rest = state.posMax
        state.pos, state.posMax = start + 1, end
        state.push("link_open", "a", 1).attrs = {"href": state.md.normalizeLink(target[1])}
        state.linkLevel += 1
        state.md.inline.tokenize(state)
        state.linkLevel -= 1
        state.push("link_close", "a", -1)
        state.posMax = rest
    state.pos = target.end()
    return True


def _address(state: StateInline, silent: bool) -> bool:
    """An address that nothing marks as a link; it ends before what ends the sentence."""
    if state.src[state.pos] != ":" or silent or state.linkLevel:
        return False
    scheme = _SCHEME.search(state.pending)
    found = scheme and _URL.match(state.src, state.pos - len(scheme[0]), state.posMax)
    if not scheme or not found:
        return False
    url = _without_trail(found[0])
    if len(url) <= len(scheme[0]) + len("://"):
        return False
    state.pending = state.pending[: -len(scheme[0])]
    state.push("link_open", "a", 1).attrs = {"href": state.md.normalizeLink(url)}
    state.push("text", "", 0).content = url
    state.push("link_close", "a", -1)
    state.pos += len(url) - len(scheme[0])
    return True


def _without_trail(url: str) -> str:
    while url[-1] in _TRAILING or (url[-1] in ")]" and _is_unopened(url)):
        url = url[:-1]
    return url


def _is_unopened(url: str) -> bool:
    opening = {")": "(", "]": "["}[url[-1]]
    return url.count(opening) < url.count(url[-1])


def _mention(state: StateInline, silent: bool) -> bool:
    """`@name` of a person who can be mentioned."""
    book = state.env.get(MENTIONS)
    if state.src[state.pos] != MARK or not isinstance(book, MentionBook):
        return False
    found = book.mention_at(state.src, state.pos)
    if found is None or found.end > state.posMax:
        return False
    if not silent:
        opening = state.push("mention_open", "span", 1)
        opening.attrs, opening.meta = {"class": "mention"}, {"person_id": found.person_id}
        state.push("text", "", 0).content = state.src[state.pos : found.end]
        state.push("mention_close", "span", -1)
    state.pos = found.end
    return True


def _number_and_tick(state: StateCore) -> None:
    """Give list items the numbers that were typed, and boxes to those that are tasks."""
    for place, token in enumerate(state.tokens):
        if token.type != "list_item_open":
            continue
        if token.info.isdigit():
            token.attrSet("value", token.info)
        if place + 2 < len(state.tokens):
            _tick(token, state.tokens[place + 2])


def _tick(item: Token, inline: Token) -> None:
    if inline.type != "inline" or not inline.children:
        return
    first = inline.children[0]
    task = _TASK.match(first.content) if first.type == "text" else None
    if task is None:
        return
    first.content = f"{_BOXES[task[1]]} {first.content[task.end() :]}"
    item.attrSet("class", "task")
