"""Checking what a person enters for a runbook."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from webapp.domain.incident import WORD_LENGTH, parse_word
from webapp.domain.notices.policy import SEVERITIES
from webapp.domain.runbooks.runbook_text import MOST_STEPS_OF_RUNBOOK, RUNBOOK_LENGTH, steps_of
from webapp.domain.untrusted import clean_line, clean_text
from webapp.models import Runbook
from webapp.services.desk.edit_rows import read_name, version_of
from webapp.services.errors import FieldError

MOST_WORDS_OF_RUNBOOK = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookValues:
    """What a person sets; the words of the conditions are Huntress's, none means any."""

    name: str | None
    kinds: Iterable[str] = ()
    severities: Iterable[str] = ()
    platforms: Iterable[str] = ()
    body: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedRunbook:
    """Values that can be stored; each list is in order and without doubles."""

    name: str
    kinds: list[str]
    severities: list[str]
    platforms: list[str]
    body: str

    def as_dict(self) -> dict[str, object]:
        """The values by the names of their columns."""
        return {name: getattr(self, name) for name in VALUE_COLUMNS}


VALUE_COLUMNS = ("name", "kinds", "severities", "platforms", "body")
"""The columns of a runbook that people edit."""


def check_runbook(values: RunbookValues) -> CheckedRunbook:
    """Return the values checked; raises FieldError with a sentence for each wrong field."""
    errors: dict[str, str] = {}
    checked = CheckedRunbook(
        name=read_name(values.name, errors),
        kinds=_read_words(values.kinds, "kinds", errors),
        severities=_read_words(values.severities, "severities", errors),
        platforms=_read_words(values.platforms, "platforms", errors),
        body=_read_body(values.body, errors),
    )
    if not set(checked.severities) <= set(SEVERITIES):
        errors["severities"] = "Choose from the list of severities."
    if errors:
        raise FieldError(errors)
    return checked


def stored_values(runbook: Runbook) -> dict[str, object]:
    """What people edit of a runbook, as it is stored."""
    return {name: getattr(runbook, name) for name in VALUE_COLUMNS}


def runbook_version(values: Mapping[str, object]) -> str:
    """A text that differs as soon as something that the form shows differs."""
    return version_of(values)


def _read_words(words: Iterable[str], field: str, errors: dict[str, str]) -> list[str]:
    lines = [clean_line(word, WORD_LENGTH) for word in words]
    found = sorted({parsed for line in lines if (parsed := parse_word(line))})
    if len(found) > MOST_WORDS_OF_RUNBOOK:
        errors[field] = f"Choose at most {MOST_WORDS_OF_RUNBOOK}; none at all means any."
    return found


def _read_body(value: str | None, errors: dict[str, str]) -> str:
    body = clean_text(value, RUNBOOK_LENGTH + 1) or ""
    count = len(steps_of(body))
    if len(body) > RUNBOOK_LENGTH:
        errors["body"] = f"A runbook has at most {RUNBOOK_LENGTH:,} characters."
    elif not count:
        errors["body"] = "Write at least one step: a line such as “- [ ] Call the client”."
    elif count > MOST_STEPS_OF_RUNBOOK:
        errors["body"] = f"A runbook has at most {MOST_STEPS_OF_RUNBOOK} steps; this has {count}."
    return body
