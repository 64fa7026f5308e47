"""Files of tickets: downloaded, shown as re-encoded pictures, listed, removed.

No file is ever shown as a page: a download is sent as bytes without a type, and a picture is one
that we have written.
"""

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.attaching.file_names import write_disposition
from webapp.services.tickets.attachments.attach_files import remove_attachment
from webapp.services.tickets.attachments.read_attachments import (
    list_ticket_files,
    read_download,
    read_picture,
)
from webapp.web.access import signed_in
from webapp.web.answers import done
from webapp.web.retention.downloads import send_file_of
from webapp.web.tickets.blueprint import tickets
from webapp.web.viewer import require_viewer

SANDBOX = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
UNKNOWN_TYPE = "application/octet-stream"


@tickets.get("/tickets/<int:ticket_id>/files")
@signed_in
def show_files(ticket_id: int) -> ResponseReturnValue:
    """List all files of a ticket."""
    page = list_ticket_files(
        ticket_id, after=request.args.get("after"), before=request.args.get("before")
    )
    return render_template("tickets/files.html", page=page)


@tickets.get("/tickets/<int:ticket_id>/files/<int:file_id>")
@signed_in
def download_file(ticket_id: int, file_id: int) -> ResponseReturnValue:
    """Send a file for saving."""
    file = read_download(ticket_id, file_id)
    response = send_file_of("", file.parts, UNKNOWN_TYPE)
    response.headers["Content-Disposition"] = write_disposition(file.name)
    response.headers["Content-Length"] = str(file.size)
    return _harmless(response)


@tickets.get("/tickets/<int:ticket_id>/files/<int:file_id>/picture")
@signed_in
def show_picture(ticket_id: int, file_id: int) -> ResponseReturnValue:
    """Send the re-encoded picture of a file."""
    picture = read_picture(ticket_id, file_id)
    return _harmless(Response(picture.data, mimetype=picture.type))


@tickets.post("/tickets/<int:ticket_id>/files/<int:file_id>/remove")
@signed_in
def remove_file(ticket_id: int, file_id: int) -> ResponseReturnValue:
    """Remove a file; its author and admins may."""
    viewer = require_viewer()
    name = remove_attachment(ticket_id, file_id, actor_id=viewer.id, may_remove_all=viewer.is_admin)
    return done(f"“{name}” was removed.", url_for("tickets.show", ticket_id=ticket_id))


def _harmless(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
