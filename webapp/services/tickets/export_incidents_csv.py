"""The register of incidents as a CSV file that is written while it is read, a batch at a time."""

from collections.abc import Iterator

from sqlalchemy import select

from webapp.domain.csv_text import BYTE_ORDER_MARK, csv_time, write_csv_line
from webapp.models import Alert
from webapp.services.list_sizes import EXPORT_BATCH
from webapp.services.tickets.list_incidents import (
    IncidentQuery,
    IncidentRow,
    incident_conditions,
    read_incident_rows,
)
from webapp.services.transactions import reading

COLUMNS = (
    *("Incident", "Subject", "Huntress severity", "Huntress status", "Connection"),
    *("Huntress organization", "Organization ID", "Host", "Ticket", "Reason for no ticket"),
    *("Huntress portal link", "Reported (UTC)", "Recorded (UTC)", "Updated (UTC)"),
    *("Closed at Huntress (UTC)", "Ticket closed (UTC)"),
)


def export_incidents(query: IncidentQuery) -> Iterator[str]:
    """The incidents that fit the filters as lines of CSV, newest first; the first line is COLUMNS.

    Reads EXPORT_BATCH incidents at a time, each batch in its own view.
    """
    yield BYTE_ORDER_MARK + write_csv_line(COLUMNS)
    conditions = incident_conditions(query)
    last_id: int | None = None
    while True:
        found = select(Alert.id).where(*conditions).order_by(Alert.id.desc()).limit(EXPORT_BATCH)
        if last_id is not None:
            found = found.where(Alert.id < last_id)
        with reading() as session:
            ids = session.scalars(found).all()
            rows = read_incident_rows(session, ids)
        yield "".join(_line(row) for row in rows)
        if len(ids) < EXPORT_BATCH:
            return
        last_id = ids[-1]


def _line(row: IncidentRow) -> str:
    times = (row.reported_at, row.recorded_at, row.updated_at, row.closed_at, row.ticket_closed_at)
    return write_csv_line(
        (
            row.external_id,
            row.subject,
            row.severity,
            row.status,
            row.connection,
            row.organization,
            row.organization_id,
            row.host,
            row.ticket_number,
            row.reason,
            row.portal_url,
            *(csv_time(time) for time in times),
        )
    )
