"""Files that are sent while they are written."""

from collections.abc import Iterator

from flask import Response, stream_with_context


def send_file_of(filename: str, parts: Iterator[bytes], mimetype: str) -> Response:
    """Send a file; its iterator may read the database meanwhile."""
    response = Response(stream_with_context(parts), mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
