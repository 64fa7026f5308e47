"""Turning a machine-written description into one that a person edits.

In machine-written text a backslash may escape what follows; in people's it is a backslash. The
words stay as they are seen: what would mean something without its backslash is put into code.
"""

import re

from webapp.domain.markdown_text import unescaped
from webapp.models import Ticket
from webapp.models.ticket import SOURCE_HUNTRESS
from webapp.services.tickets.render_markdown import Dialect, render_markdown

_FENCED = re.compile(r"(?ms)(^ {0,3}(?:`{3,}|~{3,}).*?(?:^ {0,3}(?:`{3,}|~{3,})[ \t]*$|\Z))")
_WORD = re.compile(r"\S*\\[!-/:-@\[-`{-~]\S*")
_TAG = re.compile(r"<[^>]*>")


def dialect_of(ticket: Ticket) -> Dialect:
    """How the ticket's description is read: as a machine or a person wrote it, or both."""
    if ticket.source != SOURCE_HUNTRESS:
        return Dialect.PERSON
    return Dialect.MACHINE if ticket.text_edited_by_person_at is None else Dialect.MIXED


def editable_description(ticket: Ticket) -> str:
    """Return the ticket's description as a person edits it; nothing of it is lost."""
    text = ticket.description or ""
    return as_typed(text) if dialect_of(ticket) is Dialect.MACHINE else text


def without_escapes(text: str) -> str:
    """Return machine-written Markdown without the backslashes that escape; blocks of code stay."""
    parts = _FENCED.split(text)
    return "".join(part if place % 2 else unescaped(part) for place, part in enumerate(parts))


def as_typed(text: str) -> str:
    """Return machine-written Markdown as people's Markdown that shows the same words."""
    parts = _FENCED.split(text)
    plain = "".join(part if place % 2 else _by_lines(part) for place, part in enumerate(parts))
    if _seen(plain, Dialect.MIXED) == _seen(text, Dialect.MACHINE):
        return plain
    return "".join(part if place % 2 else _in_code(part) for place, part in enumerate(parts))


def _by_lines(text: str) -> str:
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    plain = unescaped(line)
    if plain == line or _seen(plain, Dialect.MIXED) == _seen(line, Dialect.MACHINE):
        return plain
    return _in_code(line)


def _in_code(text: str) -> str:
    return _WORD.sub(lambda found: _code(unescaped(found[0])), text)


def _code(word: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", word)), default=0)
    marks = "`" * (longest + 1)
    apart = " " if word.startswith("`") or word.endswith("`") else ""
    return f"{marks}{apart}{word}{apart}{marks}"


def _seen(text: str, dialect: Dialect) -> str:
    """The words that a reader sees, without what only arranges them."""
    return "".join(_TAG.sub(" ", render_markdown(text, dialect=dialect)).split())
