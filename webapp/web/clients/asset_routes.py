"""The pages of assets, the machines of clients."""

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.security.events import Export
from webapp.models import Asset
from webapp.services.desk.edit_assets import add_asset, edit_asset
from webapp.services.desk.import_assets import ASSET_IMPORT
from webapp.services.desk.list_assets import AssetQuery, export_assets, list_assets, read_asset
from webapp.services.edition import has_integration
from webapp.services.errors import ConflictError, RefusedError
from webapp.services.mapping.create_assets import create_assets, read_known_hosts
from webapp.web.access import admin_only
from webapp.web.answers import done
from webapp.web.clients.asset_forms import AssetForm
from webapp.web.csv_files import csv_response
from webapp.web.csv_import_pages import ImportPages
from webapp.web.edit_pages import EditAttempt, RowPages
from webapp.web.errors import status_of
from webapp.web.filters import counted
from webapp.web.form_errors import form_status, send_form
from webapp.web.params import read_is_active, read_number, read_page_number, read_search
from webapp.web.person_limits import exporting
from webapp.web.viewer import require_viewer

assets = Blueprint("assets", __name__, url_prefix="/assets")

IMPORT = ImportPages(ASSET_IMPORT, "assets", "asset")

HOSTS_SHOWN = 8
PAGES = RowPages(Asset, "assets.show", "assets.show_list")


@assets.get("")
@admin_only
def show_list() -> ResponseReturnValue:
    """Show the assets; the address holds the search, the filter, the tab and the page."""
    query = AssetQuery(
        search=read_search(request.args),
        client_id=read_number(request.args.get("client")),
        is_active=read_is_active(request.args),
        page=read_page_number(request.args),
    )
    return render_template(
        "clients/assets.html",
        query=query,
        found=list_assets(query),
        is_available=has_integration(),
    )


@assets.route("/new", methods=["GET", "POST"])
@admin_only
def new() -> ResponseReturnValue:
    """Add an asset; `client` in the address chooses its client in the form."""
    form = AssetForm(data={"client_id": request.args.get("client", "")})
    form.fill_choices()
    added = send_form(form, lambda: add_asset(form.values(), actor_id=require_viewer().id))
    if added:
        return PAGES.added(added)
    return render_template("clients/new_asset.html", form=form), form_status(form)


@assets.route("/<int:asset_id>", methods=["GET", "POST"])
@admin_only
def show(asset_id: int) -> ResponseReturnValue:
    """Show one asset with its tickets, and save edits."""
    view = read_asset(asset_id)
    form = AssetForm(obj=view.asset)
    form.fill_choices(kept_id=view.asset.client_id)
    attempt = EditAttempt(
        form, lambda seen, by: edit_asset(asset_id, form.values(), seen=seen, actor_id=by)
    )
    if attempt.is_saved:
        return attempt.done(form.values().name, PAGES.url(asset_id))
    if attempt.conflict:
        view = read_asset(asset_id)
    page = render_template("clients/asset.html", view=view, form=form, attempt=attempt)
    return page, attempt.status


@assets.post("/<int:asset_id>/deactivate")
@admin_only
def deactivate(asset_id: int) -> ResponseReturnValue:
    """Deactivate an asset: no new tickets are linked to it, and existing links stay."""
    return PAGES.deactivate(asset_id)


@assets.post("/<int:asset_id>/activate")
@admin_only
def activate(asset_id: int) -> ResponseReturnValue:
    """Activate an asset, so that tickets are linked to it again."""
    return PAGES.activate(asset_id)


@assets.post("/<int:asset_id>/delete")
@admin_only
def delete(asset_id: int) -> ResponseReturnValue:
    """Delete an asset that nothing points to."""
    return PAGES.delete(asset_id)


@assets.route("/known-hosts", methods=["GET", "POST"])
@admin_only
def create_from_hosts() -> ResponseReturnValue:
    """Show which known hosts are no assets yet, and create assets for the chosen clients."""
    problem, status, chosen = None, 200, None
    if request.method == "POST":
        chosen = set(request.form.getlist("client", type=read_number))
        try:
            made = create_assets(
                {one for one in chosen if one is not None},
                seal=request.form.get("seal", ""),
                actor_id=require_viewer().id,
            )
        except (ConflictError, RefusedError) as error:
            problem, status = str(error), status_of(error)
        else:
            linked = f" {counted(made.linked, 'open ticket')} linked." if made.linked else ""
            words = f"{counted(made.created, 'asset')} created.{linked}"
            return done(words, url_for("assets.show_list"))
    found = read_known_hosts()
    page = render_template(
        "clients/known_hosts.html",
        found=found,
        total=sum(len(row.new) for row in found.clients),
        chosen=chosen,
        problem=problem,
        shown=HOSTS_SHOWN,
    )
    return page, status


@assets.get("/export")
@admin_only
@exporting
def export() -> ResponseReturnValue:
    """Send every asset as a CSV file."""
    return csv_response(Export.ASSETS, "assets.csv", export_assets())


@assets.route("/import", methods=["GET", "POST"])
@admin_only
def upload_import() -> ResponseReturnValue:
    """Upload a CSV file."""
    return IMPORT.show_upload()


@assets.route("/import/<int:upload_id>/columns", methods=["GET", "POST"])
@admin_only
def choose_import_columns(upload_id: int) -> ResponseReturnValue:
    """Choose which column holds which field."""
    return IMPORT.show_columns(upload_id)


@assets.route("/import/<int:upload_id>", methods=["GET", "POST"])
@admin_only
def preview_import_of(upload_id: int) -> ResponseReturnValue:
    """Preview what would be imported, and import it."""
    return IMPORT.show_preview(upload_id)


@assets.post("/import/<int:upload_id>/discard")
@admin_only
def discard_import(upload_id: int) -> ResponseReturnValue:
    """Discard the upload without importing it."""
    return IMPORT.discard(upload_id)
