"""Reading the address and the form of the mapping table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict

from webapp.domain.untrusted import clean_line, parse_id
from webapp.services.mapping.list_mappings import (
    GONE,
    PAGE_SIZES,
    SORTS,
    MappingQuery,
)
from webapp.services.mapping.map_organizations import MappingState
from webapp.services.mapping.save_mapping_rows import RowEdit
from webapp.web.params import read_number, read_page_number, read_search

KEPT = ("q", "state", "sort", "size", "page", "only")
EVERY = "every"
TYPED_LENGTH = 300
MOST_ROWS = 400
"""The most rows read: one page, and changes on other pages that mapping.js sends along."""

SORT_WORDS = {
    "name": "By name",
    "name-down": "By name, Z first",
    "client": "By client",
    "client-down": "By client, Z first",
    "last": "Last incident first",
    "last-down": "Last incident last",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A row as it was when its form was made; a difference from it is a person's change."""

    version: int
    client: str
    tickets: bool

    def as_text(self) -> str:
        """The text for the hidden field."""
        return f"{self.version}|{int(self.tickets)}|{self.client}"


@dataclass(frozen=True, slots=True)
class SentRow:
    """A row of the form that was sent."""

    external_id: str
    seen: Seen
    client: str
    tickets: bool

    @property
    def is_dirty(self) -> bool:
        """Whether the person changed anything in the row."""
        return self.client != self.seen.client or self.tickets != self.seen.tickets

    def as_edit(self) -> RowEdit:
        """The row's changes, without the values that stayed the same."""
        return RowEdit(
            self.external_id,
            self.seen.version,
            client=None if self.client == self.seen.client else self.client,
            tickets=None if self.tickets == self.seen.tickets else self.tickets,
        )


class TableLinks:
    """Addresses of the table that keep the present view's values."""

    def __init__(self, connection_id: int, values: MultiDict[str, str]) -> None:
        self._connection_id = connection_id
        self._values = {name: values[name] for name in KEPT if values.get(name)}

    def to(self, endpoint: str = "mapping.show", **changes: object) -> str:
        """The address of the same view with `changes`; None removes a value."""
        values: dict[str, Any] = {**self._values, **changes}
        kept = {name: value for name, value in values.items() if value}
        return url_for(endpoint, connection_id=self._connection_id, **kept)

    def tab(self, state: str | None) -> str:
        """The address of another tab, on its first page."""
        return self.to(state=state, page=None, only=None)

    def without_filters(self) -> str:
        """The address of all rows, in the same order."""
        return self.to(q=None, state=None, page=None, only=None)


def read_query(values: MultiDict[str, str]) -> MappingQuery:
    """Read the table's address as a query; values that make no sense are left out."""
    state = values.get("state", "")
    tab = state if state in [*map(str, MappingState), GONE] else None
    size = read_number(values.get("size"))
    return MappingQuery(
        search=read_search(values),
        tab=MappingState(tab) if tab and tab != GONE else tab,
        sort=sort if (sort := values.get("sort", "")) in SORTS else "name",
        page=read_page_number(values),
        size=size if size in PAGE_SIZES else PAGE_SIZES[0],
        only=parse_id(values.get("only")),
    )


def read_sent_rows(form: MultiDict[str, str]) -> list[SentRow]:
    """Read the rows of the form in their order; unknown fields are left out."""
    rows: list[SentRow] = []
    for name, value in form.items():
        external_id = parse_id(name.removeprefix("seen-")) if name.startswith("seen-") else None
        seen = read_seen(value)
        if external_id is None or seen is None or len(rows) == MOST_ROWS:
            continue
        rows.append(
            SentRow(
                external_id,
                seen,
                client=clean_line(form.get(f"client-{external_id}"), TYPED_LENGTH) or "",
                tickets=f"tickets-{external_id}" in form,
            )
        )
    return rows


def read_seen(value: str) -> Seen | None:
    """Read the hidden field of a row; None if we did not write it."""
    version, _, rest = value.partition("|")
    tickets, _, client = rest.partition("|")
    number = read_number(version)
    if number is None or tickets not in ("0", "1"):
        return None
    return Seen(number, clean_line(client, TYPED_LENGTH) or "", tickets == "1")


def every_words(query: MappingQuery, total: int) -> str:
    """What all rows of a view are, for the box that selects those of the other pages too."""
    state = f" {str(query.tab).replace('_', '-')}" if query.tab else ""
    found = " that fit the search" if query.search else ""
    return f"All {total:,}{state}{found}, on every page"


def picked(form: MultiDict[str, str], rows: Iterable[SentRow]) -> list[SentRow]:
    """The rows whose checkbox is ticked."""
    wanted = set(form.getlist("pick"))
    return [row for row in rows if row.external_id in wanted]
