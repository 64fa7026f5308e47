"""The words of a report that the search finds its ticket by: the SOC's text and remediations.

What the ticket's text says of a report is cut for length, and people may rewrite it.
"""

from collections.abc import Iterator

from webapp.domain.html_text import html_to_text
from webapp.domain.incident import Incident
from webapp.domain.untrusted import clean_text

REPORT_WORDS_LENGTH = 40_000


def words_of_report(incident: Incident) -> str | None:
    """Return the summary, the remediations and the body, cut to REPORT_WORDS_LENGTH.

    None where the report says nothing.
    """
    parts: list[str] = []
    length = 0
    for part in _parts(incident):
        parts.append(part)
        length += len(part) + 1
        if length >= REPORT_WORDS_LENGTH:
            break
    return clean_text("\n".join(parts), REPORT_WORDS_LENGTH)


def _parts(incident: Incident) -> Iterator[str]:
    if incident.summary:
        yield html_to_text(incident.summary)
    for step in incident.remediations.items:
        yield " ".join((step.type or "", step.action or "", *step.parameters))
    if incident.body:
        yield html_to_text(incident.body)
