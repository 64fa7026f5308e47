"""One design system: tokens, base, components, and a sheet for each area of the product."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import style_rules
from tests.support.style_rules import Sheets

WEBAPP = Path(__file__).parents[2] / "webapp"
STYLES = WEBAPP / "static" / "styles"
BUILT = ("tone-", "sev-", "time-", "notice-", "is-", "col-", "from-")
"""Beginnings of classes that templates and filters put together."""
FOREIGN = {"htmx-request", "mention", "task"}
HOOKS = {"error-summary", "flashes", "mapping-form", "org-name", "timeline-list"}
"""Classes without a look of their own: a name for scripts and tests, or a list that is no prose."""
QUOTED = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'|`[^`]*`')
CLASS = re.compile(r'\bclass="((?:\{\{.*?\}\}|\{%.*?%\}|[^"])*)"')
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")


def sheets() -> Sheets:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(STYLES.glob("*.css"))}


def templates() -> str:
    paths = sorted((WEBAPP / "templates").rglob("*.html"))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def used_classes() -> set[str]:
    """Every word that stands in quotes in a template or a script."""
    scripts = (path.read_text() for path in (WEBAPP / "static" / "scripts").glob("*.js"))
    text = "\n".join([templates(), *scripts])
    # Quotes nest: class="a{{ ' b' if c }}" holds words of both kinds.
    found = [*QUOTED.findall(text), *(match.group(1) for match in CLASS.finditer(text))]
    return {word for words in found for word in re.findall(r"[\w-]+", words)} | FOREIGN


def written_classes() -> set[str]:
    """The classes that templates name in full."""
    values = (JINJA.sub("\0", match.group(1)) for match in CLASS.finditer(templates()))
    return {word for value in values for word in value.split() if "\0" not in word}


RULES: list[Callable[[Sheets], list[str]]] = [
    style_rules.stray_colours,
    style_rules.loose_properties,
    style_rules.repeated_sizes,
    style_rules.too_important,
    style_rules.other_breakpoints,
    style_rules.shared_selectors,
    style_rules.unreadable,
    style_rules.too_heavy,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_sheets(rule: Callable[[Sheets], list[str]]) -> None:
    assert rule(sheets()) == []


def test_every_class_of_a_sheet_is_on_a_page() -> None:
    assert style_rules.unknown_classes(sheets(), used_classes(), BUILT) == []


def test_every_class_on_a_page_has_a_rule_or_is_a_hook() -> None:
    assert style_rules.plain_classes(sheets(), written_classes(), HOOKS) == []


def test_there_are_no_other_sheets() -> None:
    assert {path.parent for path in WEBAPP.rglob("*.css")} == {STYLES}
    assert "style=" not in templates()


def test_pages_load_files_that_exist() -> None:
    names = set(re.findall(r"static_url\('([^'~]+)'\)", templates()))
    assert {name for name in names if not (WEBAPP / "static" / name).is_file()} == set()
    loaded = {Path(name).name for name in names if name.startswith("styles/")}
    assert loaded | {"tokens.css", "base.css", "components.css"} == set(sheets())


@pytest.mark.parametrize(
    ("rule", "bad", "words"),
    [
        (style_rules.stray_colours, {"a.css": "p { color: #fff; }"}, "#fff is no token"),
        (style_rules.stray_colours, {"a.css": "p { color: red; }"}, "red is no token"),
        (
            style_rules.stray_colours,
            {"a.css": "p { box-shadow: 0 0 1px rgb(0 0 0 / .5); }"},
            "rgb(0 0 0 / .5) is no token",
        ),
        (
            style_rules.stray_colours,
            {"tokens.css": ":root { --a: #123; --b: light-dark(#123, #456); }"},
            "#123 is written twice",
        ),
        (style_rules.loose_properties, {"a.css": ":root { --a: 1px; }"}, "--a is not used"),
        (style_rules.loose_properties, {"a.css": "p { top: var(--b); }"}, "--b is not defined"),
        (
            style_rules.repeated_sizes,
            {"a.css": "p { margin: 3rem; }", "b.css": "q { top: calc(1px - 3rem); }"},
            "3rem is written in a.css p, b.css q",
        ),
        (
            style_rules.repeated_sizes,
            {"a.css": "p { font-weight: 550; } @media print { q { font-weight: 550; } }"},
            "font-weight 550",
        ),
        (
            style_rules.too_important,
            {"a.css": "p { a { top: 0 !important; } }"},
            "top is !important",
        ),
        (
            style_rules.other_breakpoints,
            {"a.css": "@media (width <= 40rem) { p { top: 0; } }"},
            "40rem is no breakpoint",
        ),
        (
            style_rules.shared_selectors,
            {"a.css": ".x { .z { top: 0; } }", "b.css": ".y, .x .z { left: 0; }"},
            ".x .z stands in a.css, b.css",
        ),
        (style_rules.unreadable, {"a.css": "p { top: 0; } }"}, "a.css"),
        (style_rules.unreadable, {"a.css": "p {" + " top: 0;" * 20 + " }"}, "characters"),
        (style_rules.too_heavy, {"a.css": " " * 80_001}, "80001 bytes"),
    ],
)
def test_the_rules_see_what_they_forbid(
    rule: Callable[[Sheets], list[str]], bad: Sheets, words: str
) -> None:
    assert any(words in complaint for complaint in rule(bad)), rule(bad)


def test_the_rules_for_classes_see_what_they_forbid() -> None:
    sheet = {"a.css": ".known { &:is(.gone):not(.is-on) { top: 0; } }"}
    assert style_rules.unknown_classes(sheet, {"known"}, ("is-",)) == [
        "a.css: no page has the class gone"
    ]
    assert style_rules.plain_classes(sheet, {"known", "bare", "hook"}, {"hook", "known"}) == [
        "the class bare has no rule",
        "the hook known has a rule or no page",
    ]


def test_what_the_rules_allow() -> None:
    sheet = {
        "tokens.css": ":root { --a: light-dark(#123, #456); --b: 3rem; }",
        "a.css": "p { color: var(--a); margin: 1px var(--b); padding: .5em 1px; opacity: 0; }\n"
        "q { color: transparent; width: 50%; padding: .5em; opacity: 0; a:hover { top: 0; } }",
    }
    for rule in RULES:
        assert rule(sheet) == []
