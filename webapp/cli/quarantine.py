"""`triagedesk quarantine`: incident reports that could not be processed."""

import click

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.services.polling.answer_quarantine import dismiss, list_quarantined, retry


@click.group("quarantine")
def quarantine() -> None:
    """See, retry and dismiss incident reports that could not be processed."""


@quarantine.command("list")
@json_option
@refusing
def list_(as_json: bool) -> None:
    """List what is quarantined; each has a minimal ticket on the triage board."""
    rows = [row.as_dict() for row in list_quarantined()]
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "connection", "incident", "ticket", "attempts", "next_try_at", "error")
        print_table(rows, columns, "Nothing is quarantined.")


@quarantine.command("retry")
@click.argument("row_id", metavar="ID", type=int)
@json_option
@refusing
def retry_(row_id: int, as_json: bool) -> None:
    """Try a report again with the next poll."""
    row = retry(row_id)
    if as_json:
        print_json({"success": True, "id": row.id, "incident": row.external_key})
    else:
        click.echo(f"Incident {row.external_key} is tried again with the next poll.")


@quarantine.command("dismiss")
@click.argument("row_id", metavar="ID", type=int)
@click.option("--reason", help="Why, for the audit log.")
@json_option
@refusing
def dismiss_(row_id: int, reason: str | None, as_json: bool) -> None:
    """Give up a report; only a different version of it comes back."""
    row = dismiss(row_id, reason)
    if as_json:
        print_json({"success": True, "id": row.id, "incident": row.external_key})
    else:
        click.echo(f"Incident {row.external_key} is dismissed.")


commands: list[click.Command] = [quarantine]
