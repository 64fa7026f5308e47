"""The mapping table as a CSV file: export, and import with a preview."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.desk.csv_uploads import delete_upload
from webapp.services.errors import ConflictError, FieldError, NotFoundError, RefusedError
from webapp.services.mapping.export_mappings import COLUMNS, export_mappings
from webapp.services.mapping.import_mappings import (
    KIND,
    import_mappings,
    plan_import,
    upload_mappings,
)
from webapp.services.mapping.list_mappings import find_connection
from webapp.web.access import admin_only
from webapp.web.csv_files import stream_csv
from webapp.web.errors import status_of
from webapp.web.filters import counted
from webapp.web.mapping.blueprint import mapping
from webapp.web.mapping.forms import read_query
from webapp.web.viewer import require_viewer

SHOWN_ROWS = 300


@mapping.get("/export")
@admin_only
def export(connection_id: int) -> ResponseReturnValue:
    """The rows that the address narrows to, as a file."""
    lines = export_mappings(connection_id, read_query(request.args))
    return stream_csv("organizations.csv", lines)


@mapping.get("/import")
@admin_only
def choose_file(connection_id: int) -> ResponseReturnValue:
    """Choose a file."""
    return _choose(connection_id)


@mapping.post("/import")
@admin_only
def upload(connection_id: int) -> ResponseReturnValue:
    """Keep a file and show what it would change."""
    file = request.files.get("file")
    data = file.read() if file else b""
    name = file.filename if file and file.filename else ""
    try:
        stored = upload_mappings(connection_id, name, data, owner_id=require_viewer().id)
    except FieldError as error:
        return _choose(connection_id, str(error)), 400
    return redirect(_preview_address(connection_id, stored.id), 303)


@mapping.get("/import/<int:upload_id>")
@admin_only
def preview(connection_id: int, upload_id: int) -> ResponseReturnValue:
    """What the import would change; nothing is changed yet."""
    return _preview(connection_id, upload_id)


@mapping.post("/import/<int:upload_id>")
@admin_only
def apply(connection_id: int, upload_id: int) -> ResponseReturnValue:
    """Import exactly what the preview showed, or show a new one."""
    try:
        changed = import_mappings(
            connection_id,
            upload_id,
            fingerprint=request.form.get("fingerprint", ""),
            actor_id=require_viewer().id,
        )
    except NotFoundError:
        flash("This file was imported already, or is a day old. Upload it again.", "info")
        return redirect(url_for("mapping.choose_file", connection_id=connection_id), 303)
    except (ConflictError, RefusedError) as error:
        return _preview(connection_id, upload_id, str(error)), status_of(error)
    flash(f"{counted(changed, 'organization')} changed by the import.", "success")
    return redirect(url_for("mapping.show", connection_id=connection_id), 303)


@mapping.post("/import/<int:upload_id>/discard")
@admin_only
def discard(connection_id: int, upload_id: int) -> ResponseReturnValue:
    """Forget an upload without importing it."""
    delete_upload(upload_id, KIND, require_viewer().id)
    flash("The file was discarded; nothing was changed.", "info")
    return redirect(url_for("mapping.show", connection_id=connection_id), 303)


def _choose(connection_id: int, problem: str | None = None) -> str:
    return render_template(
        "mapping/import.html",
        connection_id=find_connection(connection_id).id,
        columns=COLUMNS,
        problem=problem,
    )


def _preview(connection_id: int, upload_id: int, problem: str | None = None) -> str:
    plan = plan_import(connection_id, upload_id, owner_id=require_viewer().id)
    shown = plan.problems or plan.changes
    return render_template(
        "mapping/import_preview.html",
        connection_id=connection_id,
        plan=plan,
        shown=shown[:SHOWN_ROWS],
        left_out=max(len(shown) - SHOWN_ROWS, 0),
        problem=problem,
    )


def _preview_address(connection_id: int, upload_id: int) -> str:
    return url_for("mapping.preview", connection_id=connection_id, upload_id=upload_id)
