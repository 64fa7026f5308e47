"""`triagedesk connection`: the Huntress accounts that are polled."""

import os
from datetime import UTC, datetime

import click

from webapp import clock
from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.domain.pause import PauseEnd, parse_span, pause_until
from webapp.models import Connection
from webapp.services.connections.connect_account import (
    DEFAULT_BASE_URL,
    connect_account,
    connected_message,
    forget_credentials,
)
from webapp.services.connections.describe_connections import describe_connections
from webapp.services.errors import RefusedError
from webapp.services.mapping.sync_organizations import sync_organizations
from webapp.services.polling.manage_polling import pause_polling, resume_polling

KEY_VARIABLE = "HUNTRESS_API_KEY"
DEFAULT_REASON = "Paused from the command line"
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
    _tell(connected, f"{connected_message(connected)} (connection {connected.id})", as_json)


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
@click.option("--reason", default=DEFAULT_REASON, show_default=True, help="Why it is paused.")
@click.option("--for", "span", metavar="SPAN", help="How long, such as 90m, 1h or 2d.")
@click.option("--until-tomorrow", is_flag=True, help="Until 08:00 tomorrow, by this machine.")
@json_option
@refusing
def pause(
    connection_id: int, reason: str, span: str | None, until_tomorrow: bool, as_json: bool
) -> None:
    """Stop polling a connection, until it is resumed unless an end is given."""
    if span is not None and until_tomorrow:
        raise click.UsageError("Give either --for or --until-tomorrow, not both.")
    until = _read_end(span, until_tomorrow)
    paused = pause_polling(connection_id, reason=reason, until=until)
    end = "" if until is None else f" until {until.astimezone():%Y-%m-%d %H:%M}"
    _tell(paused, f"Polling of {paused.name} is paused{end}.", as_json)


@connection.command("resume")
@click.argument("connection_id", metavar="ID", type=int)
@json_option
@refusing
def resume(connection_id: int, as_json: bool) -> None:
    """Poll a paused connection again."""
    resumed = resume_polling(connection_id)
    _tell(resumed, f"Polling of {resumed.name} is no longer paused.", as_json)


@connection.command("forget-credentials")
@click.argument("connection_id", metavar="ID", type=int)
@json_option
@refusing
def forget(connection_id: int, as_json: bool) -> None:
    """Delete the stored key and secret, for example when their encryption key is lost.

    Tickets, mappings, routing and cursor are kept. `connection add` with a key of the same account,
    or the connection's page, lets polling go on.
    """
    forgotten = forget_credentials(connection_id)
    _tell(forgotten, f"The credentials of {forgotten.name} are deleted. Enter them again.", as_json)


def _read_end(span: str | None, until_tomorrow: bool) -> datetime | None:
    now = clock.utcnow()
    if until_tomorrow:
        return pause_until(PauseEnd.TOMORROW, now, now.astimezone().tzinfo or UTC)
    if span is None:
        return None
    length = parse_span(span)
    if length is None:
        raise RefusedError("Write the length of the pause like 90m, 1h or 2d, up to a year.")
    return now + length


def _tell(changed: Connection, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(next(row for row in describe_connections() if row["id"] == changed.id))
    else:
        click.echo(sentence)


commands: list[click.Command] = [connection]
