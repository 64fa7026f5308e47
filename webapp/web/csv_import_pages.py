"""The three pages of a CSV import, for the routes of an area: upload, columns, preview."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from webapp.domain.csv_import import ImportPlan, Outcome
from webapp.services.csv_imports import (
    ImportKind,
    ImportPreview,
    apply_import,
    choose_columns,
    preview_import,
)
from webapp.services.csv_uploads import delete_upload, store_upload
from webapp.services.errors import FieldError, NotFoundError, ServiceError
from webapp.web.errors import status_of
from webapp.web.filters import counted
from webapp.web.form_errors import show_field_errors
from webapp.web.params import read_number
from webapp.web.viewer import require_viewer

NO_COLUMN = "Not in the file"
SAMPLE_ROWS = 3
ROWS_SHOWN = 200
GONE = "This import is done or was discarded meanwhile. Upload the file again if it was not done."


class UploadForm(FlaskForm):
    """The form for a CSV file."""

    file = FileField(
        "CSV file",
        description="Its first line names the columns. Commas, semicolons or tabs; up to 4 MB.",
    )


@dataclass(frozen=True, slots=True)
class ImportPages:
    """The pages of one kind of import; `area` is the blueprint of its routes, `one` its noun.

    `home` is the endpoint to return to, and `address` holds the values that every address of the
    area needs. If `asks_columns` is off, an upload leads straight to the preview; the page for
    columns only comes if the header does not name them. `afterwards` is called when an import is
    done.
    """

    kind: ImportKind
    area: str
    one: str
    home: str = "show_list"
    address: Mapping[str, Any] = field(default_factory=dict)
    asks_columns: bool = True
    empty_cells: str = "An empty cell leaves what is stored as it is."
    afterwards: Callable[[], None] = lambda: None

    @property
    def title(self) -> str:
        """The title of all three pages."""
        return f"Import {self.many}"

    @property
    def many(self) -> str:
        """The noun in the plural."""
        return f"{self.one}s"

    def url(self, endpoint: str, **values: Any) -> str:
        """The address of an endpoint of the area."""
        return url_for(f"{self.area}.{endpoint}", **self.address, **values)

    def show_upload(self) -> ResponseReturnValue:
        """Ask for a file, and store the file that was sent."""
        form = UploadForm()
        if form.validate_on_submit():
            sent = request.files.get("file")
            name, data = (sent.filename or "", sent.read()) if sent else ("", b"")
            try:
                upload = store_upload(
                    self.kind.name, name, data, require_viewer().id, self.kind.connection_id
                )
            except FieldError as error:
                show_field_errors(form, error)
            else:
                next_page = "choose_import_columns" if self.asks_columns else "preview_import_of"
                return redirect(self.url(next_page, upload_id=upload.id), 303)
        status = 400 if form.is_submitted() else 200
        return self._page("upload", form=form), status

    def show_columns(self, upload_id: int) -> ResponseReturnValue:
        """Ask which column holds which field."""
        try:
            preview = preview_import(self.kind, upload_id, require_viewer().id)
            form = self._columns_form(preview)
            if request.method == "POST" and form.validate():
                columns = {one.name: read_number(form[one.name].data) for one in self.kind.fields}
                chosen = {name: place for name, place in columns.items() if place is not None}
                choose_columns(self.kind, upload_id, require_viewer().id, chosen)
                return redirect(self.url("preview_import_of", upload_id=upload_id), 303)
        except NotFoundError:
            return self._gone()
        except FieldError as error:
            show_field_errors(form, error)
        status = 400 if request.method == "POST" else 200
        page = self._page("columns", form=form, preview=preview, sample_rows=SAMPLE_ROWS)
        return page, status

    def show_preview(self, upload_id: int) -> ResponseReturnValue:
        """Show what would be imported, and import it once that is confirmed."""
        viewer_id = require_viewer().id
        refusal, status = None, 200
        try:
            if request.method == "POST":
                fingerprint = request.form.get("fingerprint", "")
                plan = apply_import(self.kind, upload_id, viewer_id, fingerprint)
                flash(self._done(plan), "success")
                self.afterwards()
                return redirect(self.url(self.home), 303)
        except NotFoundError:
            return self._gone()
        except ServiceError as error:
            refusal, status = str(error), status_of(error)
        try:
            preview = preview_import(self.kind, upload_id, viewer_id)
        except NotFoundError:
            return self._gone()
        if preview.plan is None:
            return redirect(self.url("choose_import_columns", upload_id=upload_id), 303)
        page = self._page("preview", preview=preview, refusal=refusal, rows_shown=ROWS_SHOWN)
        return page, status

    def discard(self, upload_id: int) -> ResponseReturnValue:
        """Delete the upload."""
        owner_id = require_viewer().id
        delete_upload(upload_id, self.kind.name, owner_id, self.kind.connection_id)
        flash("The import was discarded; nothing was changed.", "info")
        return redirect(self.url(self.home), 303)

    def _columns_form(self, preview: ImportPreview) -> FlaskForm:
        choices = [SelectChoice("", NO_COLUMN)] + [
            SelectChoice(str(place), name or f"Column {place + 1}")
            for place, name in enumerate(preview.table.header)
        ]
        fields = {
            one.name: SelectField(one.label, choices=choices, description=one.hint)
            for one in self.kind.fields
        }
        chosen = {name: str(place) for name, place in preview.columns.items()}
        form: FlaskForm = type("ColumnsForm", (FlaskForm,), fields)(data=chosen)
        return form

    def _done(self, plan: ImportPlan) -> str:
        added, changed = plan.count(Outcome.ADDED), plan.count(Outcome.CHANGED)
        if not self.kind.adds:
            created = f" {counted(len(plan.missing), 'client')} created." if plan.creates else ""
            return f"{counted(changed, self.one)} changed by the import.{created}"
        return f"Imported: {counted(added, self.one)} added, {changed:,} changed."

    def _gone(self) -> ResponseReturnValue:
        flash(GONE, "warning")
        return redirect(self.url("upload_import"), 303)

    def _page(self, name: str, **values: object) -> str:
        return render_template(f"csv_import/{name}.html", pages=self, **values)
