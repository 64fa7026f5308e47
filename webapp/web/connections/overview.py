"""The overview page of a connection, which is also shown again after a refused form."""

from collections.abc import Mapping

from flask import render_template

from webapp.extensions import current_config
from webapp.services.connections.read_connection_page import read_connection_page
from webapp.services.connections.routing_settings import StaleRoutingError, routing_choices
from webapp.task_queue import read_queue_status
from webapp.web.connections.forms import CredentialsForm, PauseForm
from webapp.web.connections.routing_form import RoutingForm, write_loaded


def render_overview(
    connection_id: int,
    *,
    routing: RoutingForm | None = None,
    seen: Mapping[str, object] | None = None,
    conflict: StaleRoutingError | None = None,
    credentials: CredentialsForm | None = None,
    pause: PauseForm | None = None,
    failure: str | None = None,
    is_other_account: bool = False,
) -> str:
    """Render the page; a form that was refused is passed in and shown with what was typed.

    `seen` are the settings with which the refused routing form was loaded. With a `conflict`, the
    form's changes are shown on top of the settings that are stored now. `failure` says why the
    credentials were refused.
    """
    page = read_connection_page(connection_id)
    loaded = page.values if seen is None or conflict is not None else seen
    form = routing or RoutingForm(formdata=None)
    form.fill(routing_choices(), page)
    if routing is None:
        form.show(page.values)
    elif conflict is not None and seen is not None:
        form.show_conflict(seen, page.values)
    return render_template(
        "connections/show.html",
        connection=page,
        routing_form=form,
        loaded=write_loaded(loaded),
        conflict=conflict,
        pause_form=pause or PauseForm(formdata=None),
        credentials_form=credentials or CredentialsForm(formdata=None),
        failure=failure,
        is_other_account=is_other_account,
        queue=read_queue_status(),
        calls_per_minute=current_config().huntress_calls_per_minute,
    )
