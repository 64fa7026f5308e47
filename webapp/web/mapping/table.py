"""Showing the mapping table, with what was typed if a form was refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flask import render_template, request, url_for

from webapp.domain.routing import missing_settings
from webapp.services.mapping.list_mappings import GONE, PAGE_SIZES, MappingPage, list_mappings
from webapp.services.mapping.map_organizations import (
    STATE_LABELS,
    MappingConflict,
    MappingState,
    OrganizationRow,
)
from webapp.services.polling.move_tickets import read_move_offer
from webapp.services.polling.ticket_recorded_incidents import count_recorded_incidents
from webapp.web.filters import counted
from webapp.web.mapping.forms import (
    SORT_WORDS,
    Seen,
    SentRow,
    TableLinks,
    every_words,
    read_query,
)

STATE_COLOURS = {
    MappingState.AUTO_MATCHED: "azure",
    MappingState.MAPPED: "green",
    MappingState.AMBIGUOUS: "yellow",
    MappingState.UNMAPPED: "orange",
    MappingState.EXCLUDED: "grey",
}


@dataclass(frozen=True, slots=True)
class TableRefusal:
    """Why a form was refused; the table shows this together with what was typed.

    `problems` and `conflicts` are by organization id.
    """

    sentence: str
    rows: Sequence[SentRow]
    problems: Mapping[str, str] = field(default_factory=dict)
    conflicts: Mapping[str, MappingConflict] = field(default_factory=dict)
    picked: frozenset[str] = frozenset()
    is_every: bool = False
    kind: str = "error"
    bulk_client: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of the page: the stored row, and the values in its fields."""

    row: OrganizationRow
    seen: Seen
    client: str
    tickets: bool
    suggestions: Sequence[str]
    problem: str | None = None
    conflict: MappingConflict | None = None
    is_picked: bool = False

    @property
    def is_dirty(self) -> bool:
        """Whether the fields differ from the values that were stored when the form was made."""
        return self.client != self.seen.client or self.tickets != self.seen.tickets

    @property
    def needs_look(self) -> bool:
        """Whether a problem or a conflict keeps the row from being saved."""
        return bool(self.problem or self.conflict)


def render_table(connection_id: int, refusal: TableRefusal | None = None) -> str:
    """Render the page; after a refusal it shows the rows that were sent, with what was typed."""
    query = read_query(request.args)
    only = [row.external_id for row in refusal.rows] if refusal else None
    page = list_mappings(connection_id, query, only=only or None)
    return render_template(
        "mapping/show.html",
        page=page,
        connection=page.connection,
        query=query,
        links=TableLinks(connection_id, request.args),
        rows=_views(page, refusal),
        every=every_words(query, page.total) if page.pages > 1 else None,
        refusal=refusal,
        tabs=_tabs(page),
        sorts=list(SORT_WORDS.items()),
        sizes=[(size, f"{size} a page") for size in PAGE_SIZES],
        labels=STATE_LABELS,
        colours=STATE_COLOURS,
        offered=read_move_offer(connection_id),
        recorded=count_recorded_incidents(connection_id),
        back_url=back_url(connection_id),
        can_start=_can_start(page) and not query.is_narrowed,
    )


def move_hint(connection_id: int) -> str:
    """A sentence for the message after mapping, if there are tickets to move; else nothing."""
    offer = read_move_offer(connection_id)
    if offer is None or offer.is_declined:
        return ""
    return f" {counted(offer.tickets, 'open ticket')} can move off triage now."


def back_url(connection_id: int) -> str:
    """The address of the connection's page."""
    return url_for("connections.show", connection_id=connection_id)


def _can_start(page: MappingPage) -> bool:
    """Whether every organization is settled and only the start is missing."""
    connection = page.connection
    is_mapped = page.count_of_all > 0 and page.count_of_waiting == 0
    is_connected = connection.disconnected_at is None and connection.api_key is not None
    is_new = connection.polling_started_at is None and connection.paused_at is None
    return is_mapped and is_connected and is_new and not missing_settings(connection)


def _tabs(page: MappingPage) -> list[tuple[str | None, str, int]]:
    """State, words and count of each tab; the tab "Gone" is there only if it has rows."""
    states = [(str(state), STATE_LABELS[state], page.counts[state]) for state in MappingState]
    gone = [(GONE, "Gone", page.counts[GONE])] if page.counts[GONE] else []
    return [(None, "All", page.count_of_all), *states, *gone]


def _views(page: MappingPage, refusal: TableRefusal | None) -> list[TableRow]:
    """The rows of the page; rows with a problem or conflict come first."""
    sent = {row.external_id: row for row in refusal.rows} if refusal else {}
    views = [_view(page, row, refusal, sent.get(row.mapping.external_id)) for row in page.rows]
    return sorted(views, key=lambda view: not view.needs_look)


def _view(
    page: MappingPage, row: OrganizationRow, refusal: TableRefusal | None, sent: SentRow | None
) -> TableRow:
    mapping = row.mapping
    now = Seen(
        mapping.version, mapping.client.name if mapping.client else "", mapping.creates_tickets
    )
    suggestions = page.suggestions.get(mapping.external_id, ())
    if refusal is None or sent is None:
        return TableRow(row, now, now.client, now.tickets, suggestions)
    conflict = refusal.conflicts.get(mapping.external_id)
    # A conflicting row that is sent again is a decision against what is stored now.
    seen = now if conflict or not sent.is_dirty else sent.seen
    is_kept = sent.is_dirty or conflict is not None
    return TableRow(
        row,
        seen,
        sent.client if is_kept else now.client,
        sent.tickets if is_kept else now.tickets,
        suggestions,
        problem=refusal.problems.get(mapping.external_id),
        conflict=conflict,
        is_picked=mapping.external_id in refusal.picked,
    )
