"""What an outbox row keeps of the thing it tells, as it was when it happened."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from webapp.domain.incident import Severity
from webapp.domain.ticket_title import title_parts


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFacts:
    """A ticket at one moment; the texts are cleaned when a message is composed, not before.

    `what` is how Huntress sums the incident up. `person` is who took or closed it,
    `previous_severity` what it was before it rose. `organization_key` tells organizations apart.
    `note` is how the entry of the timeline begins that is told.
    """

    ticket_id: int
    number: str
    title: str
    client: str
    client_id: int
    board_id: int
    severity: str | None = None
    client_reference: str | None = None
    organization: str | None = None
    organization_key: str | None = None
    host: str | None = None
    what: str | None = None
    incident_id: str | None = None
    connection_id: int | None = None
    is_unmapped: bool = False
    is_drill: bool = False
    previous_severity: str | None = None
    person: str | None = None
    note: str | None = None

    @property
    def subject(self) -> str:
        """The title without the words that mark it as ours or repeat the severity."""
        return title_parts(self.title).short

    @property
    def severity_words(self) -> str:
        """The severity for people; any word that is not Huntress's is unknown."""
        return Severity.of(self.severity).value.capitalize()

    def as_json(self) -> dict[str, Any]:
        """Return what `read_ticket_facts` reads; what is not known is left out."""
        values = zip(_NAMES, _VALUES(self), strict=True)
        return {name: value for name, value in values if value is not None and value is not False}


_NAMES = tuple(field.name for field in fields(TicketFacts))
_VALUES = attrgetter(*_NAMES)


def read_ticket_facts(values: Mapping[str, Any]) -> TicketFacts:
    """Return the facts of a stored row; names of another version are ignored."""
    return TicketFacts(**{name: value for name, value in values.items() if name in _NAMES})
