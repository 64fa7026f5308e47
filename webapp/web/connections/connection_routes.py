"""The page of one connection: connect, status, routing, preview, start."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.pause import pause_until
from webapp.services.calls.explain_error import is_about_credentials
from webapp.services.connections.connect_account import (
    ConnectError,
    OtherAccountError,
    acknowledge_disconnect,
    connect_account,
    connected_message,
    disconnect_account,
    replace_credentials,
)
from webapp.services.connections.read_connection_page import read_connection_page
from webapp.services.connections.routing_settings import (
    RoutingError,
    StaleRoutingError,
    routing_choices,
    save_routing,
)
from webapp.services.edition import require_enterprise
from webapp.services.errors import FieldError, RefusedError
from webapp.services.mapping.sync_now import sync_now, sync_words
from webapp.services.polling.close_tickets import close_tickets, count_closable_tickets
from webapp.services.polling.manage_polling import pause_polling, resume_polling, start_polling
from webapp.services.polling.preview_polling import preview_polling
from webapp.services.polling.relink_tickets import choose_portal_link
from webapp.web.access import admin_only
from webapp.web.answers import tell, wants_part
from webapp.web.connections.forms import ConnectForm, CredentialsForm, PauseForm, PortalLinkForm
from webapp.web.connections.overview import render_overview
from webapp.web.connections.preview_words import why_without_ticket
from webapp.web.connections.routing_form import RoutingForm, only_closed_status, read_loaded
from webapp.web.connections.tabs import connection_tabs
from webapp.web.errors import status_of
from webapp.web.filters import counted
from webapp.web.form_errors import form_status, show_field_errors
from webapp.web.person_limits import huntress_calls
from webapp.web.presence import needs_presence, needs_presence_to_send
from webapp.web.viewer import require_viewer, zone_of

connections = Blueprint("connections", __name__, url_prefix="/integrations/huntress")
connections.add_app_template_global(connection_tabs)
connections.add_app_template_filter(why_without_ticket)
connections.add_app_template_test(is_about_credentials, "about_credentials")


@connections.route("/connect", methods=["GET", "POST"])
@admin_only
@needs_presence_to_send
def connect() -> ResponseReturnValue:
    """Connect an account; the key and secret are tried before anything is stored."""
    require_enterprise()
    form = ConnectForm()
    failure = None
    if form.is_submitted():
        key, secret = form.credentials()
        try:
            connection = connect_account(
                name=form.name.data or "",
                base_url=form.base_url.data or "",
                api_key=key,
                api_secret=secret,
                actor_id=require_viewer().id,
            )
        except FieldError as error:
            show_field_errors(form, error)
        except ConnectError as error:
            failure = _place_failure(form, error)
        else:
            flash(connected_message(connection), "success")
            return _back(connection.id)
    page = render_template("connections/connect.html", form=form, failure=failure)
    return page, form_status(form)


@connections.get("/<int:connection_id>")
@admin_only
def show(connection_id: int) -> ResponseReturnValue:
    """Show the page of the connection."""
    return render_overview(connection_id)


@connections.post("/<int:connection_id>/routing")
@admin_only
def save_settings(connection_id: int) -> ResponseReturnValue:
    """Save the routing settings; a refused form is shown again with what was typed."""
    form = RoutingForm()
    seen = read_loaded(request.form.get("loaded"))
    if seen is None:
        abort(400)
    wanted = form.values()
    is_suggested = wanted["closed_status_id"] == only_closed_status(routing_choices())
    if is_suggested and seen["closed_status_id"] is None and not wanted["auto_close_tickets"]:
        wanted["closed_status_id"] = None  # it was chosen by the form and is not needed
    try:
        saved = save_routing(connection_id, wanted, actor_id=require_viewer().id, seen=seen)
    except RoutingError as error:
        show_field_errors(form, error)
        return render_overview(connection_id, routing=form, seen=seen), 400
    except StaleRoutingError as error:
        page = render_overview(connection_id, routing=form, seen=seen, conflict=error)
        return page, status_of(error)
    flash(saved.message, "warning" if saved.missing else "success")
    if wanted["category_id"] is not None and saved.connection.category_id is None:
        flash("The category was cleared: it belongs to another board.", "info")
    is_new = wanted["auto_close_tickets"] and not seen["auto_close_tickets"]
    if is_new and not saved.missing and count_closable_tickets(connection_id):
        return redirect(url_for("connections.close_old", connection_id=connection_id), 303)
    return _back(connection_id)


@connections.route("/<int:connection_id>/close-tickets", methods=["GET", "POST"])
@admin_only
def close_old(connection_id: int) -> ResponseReturnValue:
    """Offer to close the open tickets whose incident is closed already, then close them."""
    page = read_connection_page(connection_id)
    if request.method != "POST":
        number = count_closable_tickets(connection_id)
        return render_template("connections/close_tickets.html", connection=page, number=number)
    tell(lambda: _closed_words(close_tickets(connection_id, actor_id=require_viewer().id)))
    return _back(connection_id)


@connections.post("/<int:connection_id>/credentials")
@admin_only
@needs_presence
def change_credentials(connection_id: int) -> ResponseReturnValue:
    """Store new credentials for the same account; those of another account are refused."""
    form = CredentialsForm()
    key, secret = form.credentials()
    try:
        replace_credentials(connection_id, key, secret, actor_id=require_viewer().id)
    except FieldError as error:
        show_field_errors(form, error)
        return render_overview(connection_id, credentials=form), 400
    except ConnectError as error:
        return render_overview(
            connection_id,
            credentials=form,
            failure=str(error),
            is_other_account=isinstance(error, OtherAccountError),
        ), 400
    flash("The new credentials work and are stored.", "success")
    return _back(connection_id)


@connections.post("/<int:connection_id>/portal-links")
@admin_only
def choose_links(connection_id: int) -> ResponseReturnValue:
    """Choose the form of links to Huntress's portal; a refused form is shown again."""
    form = PortalLinkForm()
    try:
        is_done = choose_portal_link(connection_id, form.chosen(), actor_id=require_viewer().id)
    except FieldError as error:
        show_field_errors(form, error)
        return render_overview(connection_id, portal=form), 400
    rest = "" if is_done else " The texts of older tickets follow within the hour."
    flash(f"Links to Huntress's portal use this format now.{rest}", "success")
    return _back(connection_id)


@connections.post("/<int:connection_id>/pause")
@admin_only
def pause(connection_id: int) -> ResponseReturnValue:
    """Stop polling, for a reason, until the chosen end."""
    form, viewer = PauseForm(), require_viewer()
    end = form.chosen_end()
    if end is None:
        abort(400)
    until = pause_until(end, clock.utcnow(), zone_of(viewer))
    reason = form.reason.data or ""
    try:
        pause_polling(connection_id, reason=reason, until=until, actor_id=viewer.id)
    except FieldError as error:
        show_field_errors(form, error)
        return render_overview(connection_id, pause=form), 400
    flash("Polling is paused. A poll that is already running finishes.", "success")
    return _back(connection_id)


@connections.post("/<int:connection_id>/resume")
@admin_only
def resume(connection_id: int) -> ResponseReturnValue:
    """Resume polling on schedule."""
    resume_polling(connection_id, actor_id=require_viewer().id)
    flash("Polling is resumed.", "success")
    return _back(connection_id)


@connections.route("/<int:connection_id>/disconnect", methods=["GET", "POST"])
@admin_only
@needs_presence_to_send
def disconnect(connection_id: int) -> ResponseReturnValue:
    """Ask for confirmation, then delete the credentials; everything else is kept."""
    page = read_connection_page(connection_id)
    if request.method == "GET":
        return render_template("connections/disconnect.html", connection=page)
    disconnect_account(connection_id, actor_id=require_viewer().id)
    flash(f"{page.title} is disconnected. Tickets and mappings are kept.", "success")
    return _back(connection_id)


@connections.post("/<int:connection_id>/acknowledge")
@admin_only
def acknowledge(connection_id: int) -> ResponseReturnValue:
    """Note that the account is disconnected on purpose."""
    actor_id = require_viewer().id
    tell(
        lambda: (
            f"{acknowledge_disconnect(connection_id, actor_id).name} stays disconnected; "
            "you will not be reminded of it again."
        )
    )
    return _back(connection_id)


@connections.post("/<int:connection_id>/sync-organizations")
@admin_only
@huntress_calls
def sync_organizations(connection_id: int) -> ResponseReturnValue:
    """Sync the organizations and say what that changed."""
    tell(lambda: sync_words(sync_now(connection_id, actor_id=require_viewer().id)))
    return _back(connection_id)


@connections.route("/<int:connection_id>/preview", methods=["GET", "POST"])
@admin_only
@huntress_calls
def preview(connection_id: int) -> ResponseReturnValue:
    """Show what the first poll would create; only a POST asks Huntress, a GET calls nobody."""
    page = read_connection_page(connection_id)
    found, failure = None, None
    if request.method == "POST":
        try:
            found = preview_polling(connection_id)
        except RefusedError as error:
            failure = str(error)
    return render_template(
        "connections/_preview.html" if wants_part() else "connections/preview.html",
        connection=page,
        preview=found,
        failure=failure,
    )


@connections.post("/<int:connection_id>/start")
@admin_only
def start(connection_id: int) -> ResponseReturnValue:
    """Start polling: the first poll runs, and the schedule begins."""
    actor_id = require_viewer().id
    tell(lambda: f"Polling is started. {start_polling(connection_id, actor_id=actor_id).message}")
    return _back(connection_id)


def _closed_words(number: int) -> str:
    return f"{counted(number, 'ticket')} closed." if number else "There was nothing left to close."


def _back(connection_id: int) -> ResponseReturnValue:
    return redirect(url_for("connections.show", connection_id=connection_id), 303)


def _place_failure(form: ConnectForm, error: ConnectError) -> str | None:
    """Put the failure at the base URL if it is about that; otherwise return it."""
    if not error.is_about_base_url:
        return str(error)
    form.base_url.errors = [str(error)]
    return None
