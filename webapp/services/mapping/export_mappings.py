"""Exporting the mapping table as a CSV file that can be edited and imported again."""

from collections.abc import Iterator

from webapp.domain.csv_text import BYTE_ORDER_MARK, write_csv_line
from webapp.models import OrganizationMapping
from webapp.services.edition import require_enterprise
from webapp.services.list_sizes import EXPORT_BATCH
from webapp.services.lookups import get_connection
from webapp.services.mapping.list_mappings import MappingQuery, select_mappings, with_candidates
from webapp.services.mapping.map_organizations import STATE_LABELS, OrganizationRow
from webapp.services.transactions import reading

COLUMNS = ("organization id", "organization name", "client", "create tickets", "state")


def export_mappings(connection_id: int, query: MappingQuery) -> Iterator[str]:
    """Return the lines of the file, with all rows that `query` asks for on all pages.

    Raises NotFoundError, EditionError before the first line. States and candidates are worked out
    EXPORT_BATCH rows at a time, while the file is sent.
    """
    require_enterprise()
    with reading() as session:
        get_connection(session, connection_id)
        mappings = list(session.scalars(select_mappings(connection_id, query)))
    return _lines(mappings)


def _lines(mappings: list[OrganizationMapping]) -> Iterator[str]:
    yield BYTE_ORDER_MARK + write_csv_line(COLUMNS)
    for start in range(0, len(mappings), EXPORT_BATCH):
        with reading() as session:
            rows = with_candidates(session, mappings[start : start + EXPORT_BATCH])
        for row in rows:
            yield write_csv_line(_values(row))


def _values(row: OrganizationRow) -> tuple[str, ...]:
    mapping = row.mapping
    state = STATE_LABELS[row.state] + (" (gone from Huntress)" if mapping.gone_at else "")
    return (
        mapping.external_id,
        mapping.name,
        mapping.client.name if mapping.client else "",
        "yes" if mapping.creates_tickets else "no",
        state,
    )
