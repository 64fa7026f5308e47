"""`triagedesk tickets`: a list of all tickets, also as JSON for other programs."""

import click

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.domain.security.events import Export
from webapp.services.audit_trail.record_aside import record_export
from webapp.services.tickets.describe_tickets import export_tickets


@click.command("tickets")
@click.option("--open", "only_open", is_flag=True, help="Open ones only.")
@json_option
@refusing
def tickets(only_open: bool, as_json: bool) -> None:
    """List tickets in the order they were made."""
    if as_json:
        record_export(Export.TICKETS, details={"command": "tickets --json", "open": only_open})
    rows = list(export_tickets(only_open=only_open))
    if as_json:
        print_json(rows)
    else:
        columns = ("number", "title", "client", "board", "status", "priority", "source_reference")
        print_table(rows, columns, "No tickets.")


commands: list[click.Command] = [tickets]
