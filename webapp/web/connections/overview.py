"""The overview page of a connection, which is also shown again after a refused form."""

from collections.abc import Mapping

from flask import render_template

from webapp.extensions import current_config
from webapp.services.connections.read_connection_page import ConnectionPage, read_connection_page
from webapp.services.connections.routing_settings import StaleRoutingError, routing_choices
from webapp.services.polling.close_tickets import count_closable_tickets
from webapp.services.polling.move_tickets import read_move_offer
from webapp.services.portal_links import INSTALL, OWN
from webapp.services.proof.read_proofs import read_strip
from webapp.task_queue import read_queue_status
from webapp.web.connections.forms import CredentialsForm, PauseForm, PortalLinkForm
from webapp.web.connections.routing_form import RoutingForm, write_loaded

PORTAL_WORDS = {
    INSTALL: "The default of this installation",
    "incident_reports": "Organization and incident",
    "infection_reports": "Organization and incident, the older way",
    OWN: "Your own format",
}
"""The forms of links to Huntress's portal, as the page calls them."""


def _portal_form(page: ConnectionPage) -> PortalLinkForm:
    [chosen] = [one for one in page.portal_choices if one.is_chosen]
    template = chosen.template if chosen.key == OWN else ""
    return PortalLinkForm(formdata=None, choice=chosen.key, template=template)


def render_overview(
    connection_id: int,
    *,
    routing: RoutingForm | None = None,
    seen: Mapping[str, object] | None = None,
    conflict: StaleRoutingError | None = None,
    credentials: CredentialsForm | None = None,
    portal: PortalLinkForm | None = None,
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
    choices = routing_choices()
    form.fill(choices, page)
    if routing is None:
        form.show(page.values, choices)
    elif conflict is not None and seen is not None:
        form.show_conflict(seen, page.values)
    return render_template(
        "connections/show.html",
        connection=page,
        routing_form=form,
        loaded=write_loaded(loaded),
        closable=count_closable_tickets(connection_id),
        conflict=conflict,
        pause_form=pause or PauseForm(formdata=None),
        credentials_form=credentials or CredentialsForm(formdata=None),
        portal_form=portal or _portal_form(page),
        portal_words=PORTAL_WORDS,
        failure=failure,
        is_other_account=is_other_account,
        queue=read_queue_status(),
        proof=read_strip(connection_id),
        offered=read_move_offer(connection_id),
        calls_per_minute=current_config().huntress_calls_per_minute,
    )
