"""Placeholders of canned notes, and putting a ticket's values in their place."""

import re
from collections.abc import Mapping

from webapp.domain.markdown_text import escape_line

PLACEHOLDERS = {
    "host": "the machine",
    "user": "the account that the report names",
    "client": "the client",
    "organization": "the organization at Huntress",
    "number": "the number of the ticket",
    "severity": "the severity of the incident",
    "portal_link": "the incident in Huntress's portal",
    "my_name": "who writes the note",
}
"""Each placeholder with what it stands for."""

_LINKS = frozenset({"portal_link"})
_IS_PLAIN = re.compile(r"[^\W_][\w '’(),.&-]*")
_MAY_BE_MORE = re.compile(r"\w\.\w\w|^[0-9]+[.)](\s|$)")
"""What may be read as an address or as the number of a list item."""
_PLACEHOLDER = re.compile(r"\{([a-z_]{1,40})\}")


def fill_placeholders(body: str, values: Mapping[str, str | None]) -> str:
    """Return `body` with the values in place of `{host}` and the like.

    A value that Markdown could read as more than words is put into a code span, which shows it as
    it is, and the portal's address becomes a link. What is no
    placeholder stays as it was typed, and so does one without a value: people see what is missing.
    """

    def fill(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if not value or match[1] not in PLACEHOLDERS:
            return match[0]
        if match[1] in _LINKS:
            return f"<{value}>"
        return _as_words(value)

    return _PLACEHOLDER.sub(fill, body)


def unknown_placeholders(body: str) -> list[str]:
    """What looks like a placeholder and is none, each once, in the order of the text."""
    names = dict.fromkeys(match[1] for match in _PLACEHOLDER.finditer(body))
    return [f"{{{name}}}" for name in names if name not in PLACEHOLDERS]


def _as_words(value: str) -> str:
    """The value so that it is only words, also where a backslash escapes nothing."""
    is_plain = _IS_PLAIN.fullmatch(value) and not _MAY_BE_MORE.search(value)
    if is_plain and escape_line(value) == value:
        return value
    longest = max((len(run) for run in re.findall(r"`+", value)), default=0)
    ticks = "`" * (longest + 1)
    room = " " if value.startswith("`") or value.endswith("`") else ""
    return f"{ticks}{room}{value}{room}{ticks}"
