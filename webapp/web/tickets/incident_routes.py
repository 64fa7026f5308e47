"""The register of incidents, its file, and creating a ticket by hand."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from webapp import clock
from webapp.domain.security.events import Export
from webapp.services.edition import require_enterprise
from webapp.services.errors import RefusedError
from webapp.services.polling.ticket_recorded_incidents import ticket_incident
from webapp.services.tickets.export_incidents_csv import export_incidents
from webapp.services.tickets.list_incidents import (
    COUNT_LIMIT,
    REASONS,
    STATUSES,
    IncidentQuery,
    find_ticket_of,
    list_incidents,
)
from webapp.web.access import safe_next, signed_in
from webapp.web.answers import done
from webapp.web.csv_files import stream_csv
from webapp.web.params import NO, YES, read_days, read_number, read_search
from webapp.web.person_limits import exporting
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_query import SEVERITIES
from webapp.web.viewer import require_viewer, zone_of

FILTERS = (
    *("q", "severity", "status", "ticket", "connection", "organization", "reason", "from", "to"),
)
HAS_TICKET = {YES: True, NO: False}


@tickets.get("/incidents")
@signed_in
def show_incidents() -> ResponseReturnValue:
    """Show a page of incidents; the address holds the filters."""
    query = _read_query(request.args)
    kept = {name: request.args[name] for name in FILTERS if request.args.get(name)}
    return render_template(
        "tickets/incidents.html",
        query=query,
        page=list_incidents(query),
        kept=kept,
        reasons=list(REASONS.items()),
        severities=list(SEVERITIES.items()),
        statuses=list(STATUSES.items()),
        values=request.args,
        count_limit=COUNT_LIMIT,
    )


@tickets.get("/incidents/export")
@signed_in
@exporting
def export_register() -> ResponseReturnValue:
    """Send all incidents that fit the filters as a CSV file, while they are read."""
    require_enterprise()
    name = f"incidents-{clock.utcnow():%Y-%m-%d}.csv"
    return stream_csv(Export.INCIDENTS, name, export_incidents(_read_query(request.args)))


@tickets.post("/incidents/<int:alert_id>/ticket")
@signed_in
def ticket_an_incident(alert_id: int) -> ResponseReturnValue:
    """Create the incident's ticket and show it, or say that its report has to be fetched first."""
    try:
        result = ticket_incident(alert_id, require_viewer().id)
    except RefusedError as error:
        flash(str(error), "error")
        return redirect(_back(), 303)
    ticket_id = find_ticket_of(alert_id)
    if ticket_id is None or not result.created:
        words = "The report is fetched from Huntress first; the ticket comes with the next poll."
        return done(words, _back(), "info")
    return done("The incident has a ticket now.", url_for("tickets.show", ticket_id=ticket_id))


def _read_query(values: MultiDict[str, str]) -> IncidentQuery:
    since, until = read_days(values, zone_of(require_viewer()))
    return IncidentQuery(
        connection_id=read_number(values.get("connection")),
        organization_id=read_number(values.get("organization")),
        severity=_one_of(SEVERITIES, values.get("severity")),
        status=_one_of(STATUSES, values.get("status")),
        has_ticket=HAS_TICKET.get(values.get("ticket", "")),
        reason=_one_of(REASONS, values.get("reason")),
        since=since,
        until=until,
        search=read_search(values),
        after=values.get("after"),
        before=values.get("before"),
    )


def _one_of(words: Mapping[str, str], text: str | None) -> str | None:
    return text if text in words else None


def _back() -> str:
    """The address of the list in which the button was pressed."""
    target = safe_next(request.form.get("back"))
    home = url_for("tickets.show_incidents")
    return target if urlsplit(target).path == home else home
