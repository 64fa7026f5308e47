"""CSV files that are sent to the browser; an export is on record before its first byte."""

from collections.abc import Iterable, Iterator

from flask import Response, request, stream_with_context

from webapp.domain.csv_text import BYTE_ORDER_MARK, write_csv_line
from webapp.domain.security.events import Export
from webapp.services.audit_trail.record_aside import record_export
from webapp.web.viewer import require_viewer

MOST_FILTERS = 20
FILTER_LENGTH = 200


def csv_response(
    export: Export, filename: str, rows: Iterable[Iterable[object]], subject_id: object = None
) -> Response:
    """Send rows as a CSV file while they are written; no program takes a cell for a formula."""

    def lines() -> Iterator[str]:
        yield BYTE_ORDER_MARK
        for row in rows:
            yield write_csv_line(row)

    return stream_csv(export, filename, lines(), subject_id)


def stream_csv(
    export: Export, filename: str, text: Iterator[str], subject_id: object = None
) -> Response:
    """Send text that is CSV already as a file; its iterator may read the database meanwhile.

    The export is recorded first, with the filters of the address; `subject_id` is the id of what
    it is of, where that is one thing.
    """
    filters = list(request.args.items(multi=True))[:MOST_FILTERS]
    record_export(
        export,
        actor_id=require_viewer().id,
        subject_id=subject_id,
        details={"file": filename, **{name[:40]: value[:FILTER_LENGTH] for name, value in filters}},
    )
    response = Response(stream_with_context(text), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
