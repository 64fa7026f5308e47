"""`triagedesk outbox`: what was sent to whom, and sending again what failed."""

import click

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.services.notices.read_outbox import STATES, OutboxQuery, list_outbox
from webapp.services.notices.resend import resend, resend_failed
from webapp.services.notices.targets.read_targets import find_target


@click.group("outbox")
def outbox() -> None:
    """See messages, and send failed ones again."""


@outbox.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only rows in this state.")
@click.option("--target", "target_name", help="Only what goes to this target.")
@click.option("--ticket", "number", help="Only messages about the ticket with this number.")
@click.option("--event", help="Only this type of message, such as ticket.created.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
@refusing
def list_(
    state: str | None,
    target_name: str | None,
    number: str | None,
    event: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List messages, the newest first."""
    target_id = None if target_name is None else find_target(target_name).id
    query = OutboxQuery(state=state, target_id=target_id, number=number, event=event)
    rows = list_outbox(query, limit)
    if as_json:
        print_json(rows)
    else:
        columns = (
            "id",
            "created_at",
            "event",
            "ticket",
            "title",
            "target",
            "state",
            "attempts",
            "answer",
        )
        print_table(rows, columns, "No messages.")


@outbox.command("retry")
@click.argument("row_ids", metavar="[ID]...", type=int, nargs=-1)
@click.option("--failed", is_flag=True, help="Everything that failed.")
@json_option
@refusing
def retry(row_ids: tuple[int, ...], failed: bool, as_json: bool) -> None:
    """Send failed messages again, with the same keys."""
    if failed == bool(row_ids):
        raise click.UsageError("Give the ids of failed rows, or --failed.")
    count = resend_failed() if failed else resend(row_ids)
    if as_json:
        print_json({"success": True, "rows": count})
    else:
        click.echo(f"Sent again at once: {count}.")


commands: list[click.Command] = [outbox]
