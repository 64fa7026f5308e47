"""The mapping table as a CSV file: export, and import with a preview."""

from flask import flash, request
from flask.typing import ResponseReturnValue

from webapp.domain.security.events import Export
from webapp.services.mapping.export_mappings import export_mappings
from webapp.services.mapping.import_mappings import mapping_import
from webapp.web.access import admin_only
from webapp.web.csv_files import stream_csv
from webapp.web.csv_import_pages import ImportPages
from webapp.web.mapping.blueprint import mapping
from webapp.web.mapping.bulk_routes import CREATE
from webapp.web.mapping.forms import read_query
from webapp.web.mapping.table import move_hint
from webapp.web.person_limits import exporting


@mapping.get("/export")
@admin_only
@exporting
def export(connection_id: int) -> ResponseReturnValue:
    """Send the rows that match the address as a CSV file."""
    lines = export_mappings(connection_id, read_query(request.args))
    return stream_csv(Export.MAPPINGS, "organizations.csv", lines, connection_id)


@mapping.route("/import", methods=["GET", "POST"])
@admin_only
def upload_import(connection_id: int) -> ResponseReturnValue:
    """Upload a CSV file."""
    return _pages(connection_id).show_upload()


@mapping.route("/import/<int:upload_id>/columns", methods=["GET", "POST"])
@admin_only
def choose_import_columns(connection_id: int, upload_id: int) -> ResponseReturnValue:
    """Choose which column holds which field."""
    return _pages(connection_id).show_columns(upload_id)


@mapping.route("/import/<int:upload_id>", methods=["GET", "POST"])
@admin_only
def preview_import_of(connection_id: int, upload_id: int) -> ResponseReturnValue:
    """Preview what would be imported, and import it."""
    return _pages(connection_id).show_preview(upload_id)


@mapping.post("/import/<int:upload_id>/discard")
@admin_only
def discard_import(connection_id: int, upload_id: int) -> ResponseReturnValue:
    """Discard the upload without importing it."""
    return _pages(connection_id).discard(upload_id)


def _hint(connection_id: int) -> None:
    if words := move_hint(connection_id):
        flash(words.strip(), "info")


def _pages(connection_id: int) -> ImportPages:
    """The pages of the import; `clients` in the address says that it creates missing clients."""
    creates = request.args.get("clients") == CREATE
    return ImportPages(
        mapping_import(connection_id, creates_clients=creates),
        "mapping",
        "organization",
        home="show",
        address={"connection_id": connection_id},
        asks_columns=False,
        empty_cells="An empty client means none; an empty ticket switch leaves it as it is.",
        afterwards=lambda: _hint(connection_id),
    )
