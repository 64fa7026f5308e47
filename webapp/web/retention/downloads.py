"""Files that are sent while they are written, and erasures that a worker brings to their end."""

from collections.abc import Iterator

from flask import Response, stream_with_context

from webapp.task_queue import QueueUnavailableError, enqueue


def send_file_of(filename: str, parts: Iterator[bytes] | Iterator[str], mimetype: str) -> Response:
    """Send a file; its iterator may read the database meanwhile."""
    response = Response(stream_with_context(parts), mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def let_a_worker_go_on() -> str:
    """Let a worker erase what is left, and return what to say about that."""
    try:
        enqueue("forget", job_id="forget")
    except QueueUnavailableError:
        return "The rest is erased as soon as a worker runs."
    return "The rest is being erased; reload the page to see how far it has come."
