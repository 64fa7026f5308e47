"""`triagedesk connection`: the Huntress accounts that are polled."""

import os

import click

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.services.connections.connect_account import (
    DEFAULT_BASE_URL,
    connect_account,
    connected_message,
)
from webapp.services.connections.describe_connections import describe_connections
from webapp.services.errors import RefusedError
from webapp.services.mapping.sync_organizations import sync_organizations
from webapp.services.polling.manage_polling import pause_polling, resume_polling

KEY_VARIABLE = "HUNTRESS_API_KEY"
SECRET_VARIABLE = "HUNTRESS_API_SECRET"  # noqa: S105 - a variable's name


@click.group("connection")
def connection() -> None:
    """Connect Huntress accounts and see how they are doing."""


@connection.command("add")
@click.option("--name", default="", help="What to call it here; the account's name by default.")
@click.option(
    "--base-url",
    default=DEFAULT_BASE_URL,
    show_default=True,
    help="Where Huntress's API is; only hosts in TRIAGEDESK_HUNTRESS_HOSTS are taken.",
)
@json_option
@refusing
def add(name: str, base_url: str, as_json: bool) -> None:
    """Connect the account of the key and secret in HUNTRESS_API_KEY and HUNTRESS_API_SECRET.

    They are tried before anything is stored. An account that was connected before gets its
    connection back, with its cursor, routing and mappings.
    """
    api_key = os.environ.get(KEY_VARIABLE, "")
    api_secret = os.environ.get(SECRET_VARIABLE, "")
    if not (api_key.strip() and api_secret.strip()):
        raise RefusedError(
            f"Set {KEY_VARIABLE} and {SECRET_VARIABLE} to the key and secret of the account."
        )
    connected = connect_account(
        name=name, base_url=base_url, api_key=api_key, api_secret=api_secret
    )
    if as_json:
        print_json(next(row for row in describe_connections() if row["id"] == connected.id))
    else:
        click.echo(f"{connected_message(connected)} (connection {connected.id})")


@connection.command("list")
@json_option
@refusing
def list_(as_json: bool) -> None:
    """List the connections."""
    rows = describe_connections()
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "name", "account_name", "state", "last_success_at", "error")
        print_table(rows, columns, "No connections yet; `triagedesk connection add` makes one.")


@connection.command("sync-orgs")
@click.argument("connection_id", metavar="ID", type=int)
@json_option
@refusing
def sync_orgs(connection_id: int, as_json: bool) -> None:
    """Fetch the account's organizations and match new ones to clients by name."""
    result = sync_organizations(connection_id)
    if as_json:
        print_json(result.as_dict())
    else:
        counts = (f"{count} {name.replace('_', '-')}" for name, count in result.as_dict().items())
        click.echo(f"Organizations: {', '.join(counts)}.")


@connection.command("pause")
@click.argument("connection_id", metavar="ID", type=int)
@refusing
def pause(connection_id: int) -> None:
    """Stop polling a connection until it is resumed."""
    click.echo(f"Polling of {pause_polling(connection_id).name} is paused.")


@connection.command("resume")
@click.argument("connection_id", metavar="ID", type=int)
@refusing
def resume(connection_id: int) -> None:
    """Poll a paused connection again."""
    click.echo(f"Polling of {resume_polling(connection_id).name} is no longer paused.")


commands: list[click.Command] = [connection]
