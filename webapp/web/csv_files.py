"""CSV files that are sent to the browser."""

from collections.abc import Iterable, Iterator

from flask import Response, stream_with_context

from webapp.domain.csv_text import BYTE_ORDER_MARK, write_csv_line


def csv_response(filename: str, rows: Iterable[Iterable[object]]) -> Response:
    """Send rows as a CSV file while they are written; no program takes a cell for a formula."""

    def lines() -> Iterator[str]:
        yield BYTE_ORDER_MARK
        for row in rows:
            yield write_csv_line(row)

    return stream_csv(filename, lines())


def stream_csv(filename: str, text: Iterator[str]) -> Response:
    """Send text that is CSV already as a file; its iterator may read the database meanwhile."""
    response = Response(stream_with_context(text), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
