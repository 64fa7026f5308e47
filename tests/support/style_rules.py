"""What the style sheets are held to, as functions from sheets (name -> text) to complaints."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import tinycss2
from tinycss2 import color3

Sheets = dict[str, str]
TOKENS = "tokens.css"
BREAKPOINTS = {"47rem", "62rem", "75rem", "104rem"}
"""Phones, tablets, small and wide screens: custom properties do not work in media queries."""
COLOUR_FUNCTIONS = {"rgb", "rgba", "hsl", "hsla", "hwb", "lab", "lch", "oklab", "oklch", "color"}
KEYWORDS = {"transparent", "currentcolor"}
FREE_UNITS = {"fr", "em", "vh", "vw", "deg"}
"""Shares, and sizes that follow the words beside them or the window."""
FREE_LENGTHS = {"0", "1px"}
COUNTED_NUMBERS = {"font-weight", "line-height", "z-index", "opacity", "stroke-width"}
FREE_NUMBERS = {0, 1, 400}
IMPORTANT = {
    ("[hidden]", "display"),
    ("*, ::before, ::after", "animation"),
    ("*, ::before, ::after", "transition"),
}
MAX_BYTES, MAX_LINE = 75_500, 120


@dataclass(frozen=True)
class Rule:
    """One rule of a sheet; `media` is the condition around it, empty when there is none."""

    sheet: str
    media: str
    selector: str
    prelude: tuple[Any, ...]
    declarations: tuple[Any, ...]


@cache
def read_rules(sheet: str, text: str) -> list[Rule]:
    """The rules of a sheet, those inside of media queries and of other rules too."""
    return list(_rules(sheet, tinycss2.parse_stylesheet(text, skip_comments=True), "", ""))


def _rules(sheet: str, nodes: Iterable[Any], media: str, parent: str) -> Iterator[Rule]:
    for node in nodes:
        if node.type not in ("qualified-rule", "at-rule") or node.content is None:
            continue
        inner = tinycss2.parse_blocks_contents(node.content, skip_comments=True)
        if node.type == "at-rule":
            condition = _text(node.prelude) if node.at_keyword == "media" else media
            yield from _rules(sheet, inner, condition, parent)
            continue
        selector = _nested(_text(node.prelude), parent)
        kept = tuple(one for one in inner if one.type == "declaration")
        yield Rule(sheet, media, selector, tuple(node.prelude), kept)
        yield from _rules(sheet, inner, media, selector)


def _nested(selector: str, parent: str) -> str:
    """A selector as it would stand outside of the rule it is written in."""
    if not parent:
        return selector
    above = parent if len(_split(parent)) == 1 else f":is({parent})"
    return ", ".join(
        one.replace("&", above) if "&" in one else f"{above} {one}" for one in _split(selector)
    )


def _text(tokens: Iterable[Any]) -> str:
    return re.sub(r"\s+", " ", tinycss2.serialize(tokens)).strip()


def _all_rules(sheets: Sheets) -> list[Rule]:
    return [rule for name, text in sheets.items() for rule in read_rules(name, text)]


def _deep(tokens: Iterable[Any]) -> Iterator[Any]:
    """Tokens and what stands inside of functions and brackets."""
    for token in tokens:
        yield token
        yield from _deep(getattr(token, "arguments", None) or getattr(token, "content", None) or [])


def _values(sheets: Sheets) -> Iterator[tuple[Rule, str, Any]]:
    for rule in _all_rules(sheets):
        for declaration in rule.declarations:
            for token in _deep(declaration.value):
                yield rule, declaration.name, token


def _is_colour(token: Any) -> bool:
    if token.type == "function":
        return str(token.lower_name) in COLOUR_FUNCTIONS
    if token.type == "ident":
        return token.lower_value not in KEYWORDS and color3.parse_color(token) is not None
    return bool(token.type == "hash")


def stray_colours(sheets: Sheets) -> list[str]:
    """Colours outside of the tokens, and colours that stand there twice."""
    seen: Counter[str] = Counter()
    complaints = []
    for rule, _, token in _values(sheets):
        if _is_colour(token):
            words = _text([token]).lower()
            seen[words] += 1
            if rule.sheet != TOKENS:
                complaints.append(f"{rule.sheet} {rule.selector}: the colour {words} is no token")
    return complaints + [
        f"the colour {words} is written twice" for words in seen if seen[words] > 1
    ]


def loose_properties(sheets: Sheets) -> list[str]:
    """Custom properties that nothing uses, or that nothing defines."""
    defined, used = set(), set()
    for rule in _all_rules(sheets):
        for declaration in rule.declarations:
            if declaration.name.startswith("--"):
                defined.add(declaration.name)
            for token in _deep(declaration.value):
                if token.type == "function" and token.lower_name == "var":
                    used.add(token.arguments[0].value)
    return [f"{name} is not used" for name in sorted(defined - used)] + [
        f"{name} is not defined" for name in sorted(used - defined)
    ]


def repeated_sizes(sheets: Sheets) -> list[str]:
    """Lengths, times and telling numbers that stand twice outside of the tokens."""
    places = defaultdict(list)
    for rule, name, token in _values(sheets):
        size = _size(name, token)
        if size and rule.sheet != TOKENS:
            places[size].append(f"{rule.sheet} {rule.selector}")
    return [
        f"{size} is written in {', '.join(where)}"
        for size, where in places.items()
        if len(where) > 1
    ]


def _size(name: str, token: Any) -> str | None:
    if token.type == "dimension" and token.lower_unit not in FREE_UNITS:
        size = f"{abs(token.value):g}{token.lower_unit}"
        return None if size in FREE_LENGTHS else size
    if token.type == "number" and name in COUNTED_NUMBERS and token.value not in FREE_NUMBERS:
        return f"{name} {token.value:g}"
    return None


def classes_of(rule: Rule) -> set[str]:
    """The classes a rule's selector names."""
    tokens = list(_deep(rule.prelude))
    return {
        after.value for before, after in pairwise(tokens) if before == "." and after.type == "ident"
    }


def unknown_classes(sheets: Sheets, used: set[str], built: tuple[str, ...]) -> list[str]:
    """Classes that no page has; `built` are beginnings of names that pages put together."""
    return sorted(
        f"{rule.sheet}: no page has the class {name}"
        for rule in _all_rules(sheets)
        for name in classes_of(rule)
        if name not in used and not name.startswith(built)
    )


def plain_classes(sheets: Sheets, written: set[str], hooks: set[str]) -> list[str]:
    """Classes in pages that no rule knows; `hooks` are for scripts and tests."""
    known = {name for rule in _all_rules(sheets) for name in classes_of(rule)}
    return [f"the class {name} has no rule" for name in sorted(written - known - hooks)] + [
        f"the hook {name} has a rule or no page" for name in sorted(hooks & known | hooks - written)
    ]


def too_important(sheets: Sheets) -> list[str]:
    """`!important` where it is not agreed upon."""
    return [
        f"{rule.sheet} {rule.selector}: {declaration.name} is !important"
        for rule in _all_rules(sheets)
        for declaration in rule.declarations
        if declaration.important and (rule.selector, declaration.name) not in IMPORTANT
    ]


def other_breakpoints(sheets: Sheets) -> list[str]:
    """Widths in media queries that are not among the breakpoints."""
    return [
        f"{rule.sheet}: {width} is no breakpoint"
        for rule in _all_rules(sheets)
        for width in re.findall(r"[\d.]+(?:px|r?em)", rule.media)
        if width not in BREAKPOINTS
    ]


def shared_selectors(sheets: Sheets) -> list[str]:
    """Selectors with rules in two sheets: each part of a page has one place."""
    homes = defaultdict(set)
    for rule in _all_rules(sheets):
        for selector in _split(rule.selector) if rule.declarations else ():
            homes[rule.media, selector].add(rule.sheet)
    return [
        f"{selector} stands in {', '.join(sorted(names))}"
        for (_, selector), names in homes.items()
        if len(names) > 1
    ]


def _split(selector: str) -> list[str]:
    """The parts of a list of selectors; commas inside of brackets divide nothing."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", selector)]


def unreadable(sheets: Sheets) -> list[str]:
    """Sheets that do not parse, and lines nobody reads to their end."""
    broken = [
        f"{name}: {node.message}"
        for name, text in sheets.items()
        for node in tinycss2.parse_stylesheet(text)
        if node.type == "error"
    ]
    return broken + [
        f"{name}:{number} has {len(line)} characters"
        for name, text in sheets.items()
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > MAX_LINE and "url(" not in line
    ]


def too_heavy(sheets: Sheets) -> list[str]:
    """More bytes than agreed upon, all sheets together."""
    size = sum(len(text.encode()) for text in sheets.values())
    return [f"{size} bytes of style sheets"] if size > MAX_BYTES else []
