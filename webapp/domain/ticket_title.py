"""The parts of a ticket's title: what marks it as ours, and what Huntress says."""

import re
from dataclasses import dataclass

from webapp.domain.ticket_text import PREFIX, UNMAPPED_PREFIX

TITLE_PREFIX = re.compile(rf"({re.escape(PREFIX)}(?: {re.escape(UNMAPPED_PREFIX)})?) (?=\S)")
USUAL_WORDS = re.compile(
    r"\A(?:(?:CRITICAL|HIGH|LOW) - |Huntress [A-Za-z ]{1,40} Incident Report \| )(?=\S)"
)
"""The ways in which Huntress begins its subjects, older and newer; the row shows the priority."""


@dataclass(frozen=True, slots=True)
class TitleParts:
    """A title in two parts for lists; `prefix`, a space and `subject` make the whole title."""

    prefix: str
    subject: str

    @property
    def is_unmapped(self) -> bool:
        """Whether the title says that the organization has no client."""
        return self.prefix.endswith(UNMAPPED_PREFIX)

    @property
    def short(self) -> str:
        """The subject without the words that most reports of Huntress begin with.

        A ticket without a prefix keeps its whole subject.
        """
        return USUAL_WORDS.sub("", self.subject, count=1) if self.prefix else self.subject


def title_parts(title: str) -> TitleParts:
    """A title's prefixes, if it has any, and the rest of it."""
    match = TITLE_PREFIX.match(title)
    return TitleParts(match[1], title[match.end() :]) if match else TitleParts("", title)
