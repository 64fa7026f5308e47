"""`triagedesk routing`: the settings for where a connection's incidents go."""

import click

from webapp.cli.output import json_option, print_json, refusing
from webapp.domain.routing import PRIORITY_COLUMNS
from webapp.services.connections.routing_names import resolve_routing_names, show_routing
from webapp.services.connections.routing_settings import save_routing

OFF = "off"


@click.group("routing")
def routing() -> None:
    """Choose boards, fallback, priorities and the polling of a connection."""


@routing.command("set")
@click.argument("connection_id", metavar="ID", type=int)
@click.option("--board", help="Security board.")
@click.option("--category", help='Category of that board, or "none".')
@click.option("--subcategory", help='Subcategory of that category, or "none".')
@click.option("--fallback-client", help="Client of incidents whose organization is not mapped.")
@click.option("--fallback-board", help="Their board (triage).")
@click.option(
    "--priority",
    "priorities",
    multiple=True,
    metavar="SEVERITY=NAME",
    help="Priority of a severity (critical, high, low); repeat it for each.",
)
@click.option("--backfill-days", type=int, help="Days the first poll looks back, 1 to 30.")
@click.option("--interval", type=int, help="Minutes between polls, 1 to 60.")
@click.option(
    "--auto-close",
    metavar="STATUS|off",
    help="Status that tickets get when Huntress closes the incident.",
)
@click.option(
    "--leave-touched-open",
    type=click.Choice(["on", "off"]),
    help="Whether auto-close leaves tickets open that a person worked on.",
)
@click.option(
    "--reopen",
    type=click.Choice(["on", "off"]),
    help="Whether a closed ticket opens again when its incident needs work again.",
)
@json_option
@refusing
def set_(
    connection_id: int,
    priorities: tuple[str, ...],
    as_json: bool,
    **options: object,
) -> None:
    """Change routing settings by name; what is not given stays as it is."""
    names = {**_names(options), **_priorities(priorities)}
    changes = {**resolve_routing_names(connection_id, names), **_values(options)}
    if not changes:
        raise click.UsageError("Nothing to change; `triagedesk routing set --help` lists options.")
    saved = save_routing(connection_id, changes)
    if as_json:
        print_json(show_routing(connection_id))
    else:
        click.echo(saved.message)
        if saved.missing:
            click.echo(f"Still missing: {', '.join(saved.missing)}")


@routing.command("show")
@click.argument("connection_id", metavar="ID", type=int)
@json_option
@refusing
def show(connection_id: int, as_json: bool) -> None:
    """Show the routing settings."""
    settings = show_routing(connection_id)
    if as_json:
        print_json(settings)
        return
    for name, value in settings.items():
        click.echo(f"{name.replace('_', ' ')}: {_words(value)}")


def _names(options: dict[str, object]) -> dict[str, str]:
    """The fields whose options hold a name, with these names."""
    fields = {
        "board": "board_id",
        "category": "category_id",
        "subcategory": "subcategory_id",
        "fallback_client": "fallback_client_id",
        "fallback_board": "fallback_board_id",
    }
    names = {field: str(options[key]) for key, field in fields.items() if options[key] is not None}
    if options["auto_close"] not in (None, OFF):
        names["closed_status_id"] = str(options["auto_close"])
    return names


def _priorities(choices: tuple[str, ...]) -> dict[str, str]:
    names = {}
    for choice in choices:
        severity, equals, name = choice.partition("=")
        severity = severity.strip().lower()
        if severity not in PRIORITY_COLUMNS or not (equals and name.strip()):
            raise click.UsageError(
                f"--priority takes SEVERITY=NAME with one of {', '.join(PRIORITY_COLUMNS)}; for "
                "example --priority critical=Critical"
            )
        names[PRIORITY_COLUMNS[severity]] = name.strip()
    return names


def _values(options: dict[str, object]) -> dict[str, object]:
    """The fields whose options hold the value itself."""
    values: dict[str, object] = {}
    if options["interval"] is not None:
        values["poll_interval_minutes"] = options["interval"]
    if options["backfill_days"] is not None:
        values["backfill_days"] = options["backfill_days"]
    if options["auto_close"] is not None:
        values["auto_close_tickets"] = options["auto_close"] != OFF
    if options["leave_touched_open"] is not None:
        values["leave_touched_open"] = options["leave_touched_open"] == "on"
    if options["reopen"] is not None:
        values["reopen_tickets"] = options["reopen"] == "on"
    return values


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} → {_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


commands: list[click.Command] = [routing]
