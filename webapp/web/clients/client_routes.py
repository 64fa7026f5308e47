"""The pages of clients, the customers of the MSP."""

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue

from webapp.domain.security.events import Export
from webapp.models import Client
from webapp.services.desk.edit_clients import add_client, edit_client
from webapp.services.desk.import_clients import CLIENT_IMPORT
from webapp.services.desk.list_clients import ClientQuery, export_clients, list_clients
from webapp.services.desk.read_client import read_client
from webapp.services.mapping.match_clients import match_clients, matched_words
from webapp.services.notices.mute_client import find_mute
from webapp.services.polling.move_tickets import list_move_offers
from webapp.services.retention.erasures import CLIENT, find_erasure
from webapp.web.access import admin_only
from webapp.web.clients.client_forms import ClientForm
from webapp.web.csv_files import csv_response
from webapp.web.csv_import_pages import ImportPages
from webapp.web.edit_pages import EditAttempt, RowPages
from webapp.web.form_errors import form_status, send_form
from webapp.web.params import read_is_active, read_page_number, read_search
from webapp.web.person_limits import exporting
from webapp.web.viewer import require_viewer

clients = Blueprint("clients", __name__, url_prefix="/clients")


def _match() -> None:
    """Match the organizations that wait for a client of a name that there is by now."""
    if words := matched_words(match_clients(actor_id=require_viewer().id)):
        flash(words, "success")


IMPORT = ImportPages(CLIENT_IMPORT, "clients", "client", afterwards=_match)

PAGES = RowPages(Client, "clients.show", "clients.show_list")


@clients.get("")
@admin_only
def show_list() -> ResponseReturnValue:
    """Show the clients; the address holds the search, the tab and the page."""
    query = ClientQuery(
        search=read_search(request.args),
        is_active=read_is_active(request.args),
        page=read_page_number(request.args),
    )
    return render_template("clients/list.html", query=query, found=list_clients(query))


@clients.route("/new", methods=["GET", "POST"])
@admin_only
def new() -> ResponseReturnValue:
    """Add a client."""
    form = ClientForm()
    added = send_form(form, lambda: add_client(form.values(), actor_id=require_viewer().id))
    if added:
        answer = PAGES.added(added)
        _match()
        return answer
    return render_template("clients/new.html", form=form), form_status(form)


@clients.route("/<int:client_id>", methods=["GET", "POST"])
@admin_only
def show(client_id: int) -> ResponseReturnValue:
    """Show one client with what belongs to it, and save edits."""
    view = read_client(client_id)
    form = ClientForm(obj=view.client)
    attempt = EditAttempt(
        form, lambda seen, by: edit_client(client_id, form.values(), seen=seen, actor_id=by)
    )
    if attempt.is_saved:
        answer = attempt.done(form.values().name, PAGES.url(client_id))
        _match()
        return answer
    if attempt.conflict:
        view = read_client(client_id)
    page = render_template(
        "clients/show.html",
        view=view,
        form=form,
        attempt=attempt,
        move_offers=list_move_offers(client_id=client_id),
        mute=find_mute(client_id),
        erasure=find_erasure(CLIENT, client_id),
    )
    return page, attempt.status


@clients.post("/<int:client_id>/deactivate")
@admin_only
def deactivate(client_id: int) -> ResponseReturnValue:
    """Deactivate a client: it cannot be chosen any more, and what points to it stays."""
    return PAGES.deactivate(client_id)


@clients.post("/<int:client_id>/activate")
@admin_only
def activate(client_id: int) -> ResponseReturnValue:
    """Activate a client, so that it can be chosen again."""
    answer = PAGES.activate(client_id)
    _match()
    return answer


@clients.post("/<int:client_id>/delete")
@admin_only
def delete(client_id: int) -> ResponseReturnValue:
    """Delete a client that nothing points to."""
    return PAGES.delete(client_id)


@clients.get("/export")
@admin_only
@exporting
def export() -> ResponseReturnValue:
    """Send every client as a CSV file."""
    return csv_response(Export.CLIENTS, "clients.csv", export_clients())


@clients.route("/import", methods=["GET", "POST"])
@admin_only
def upload_import() -> ResponseReturnValue:
    """Upload a CSV file."""
    return IMPORT.show_upload()


@clients.route("/import/<int:upload_id>/columns", methods=["GET", "POST"])
@admin_only
def choose_import_columns(upload_id: int) -> ResponseReturnValue:
    """Choose which column holds which field."""
    return IMPORT.show_columns(upload_id)


@clients.route("/import/<int:upload_id>", methods=["GET", "POST"])
@admin_only
def preview_import_of(upload_id: int) -> ResponseReturnValue:
    """Preview what would be imported, and import it."""
    return IMPORT.show_preview(upload_id)


@clients.post("/import/<int:upload_id>/discard")
@admin_only
def discard_import(upload_id: int) -> ResponseReturnValue:
    """Discard the upload without importing it."""
    return IMPORT.discard(upload_id)
