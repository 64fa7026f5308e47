"""`triagedesk mapping`: the clients that Huntress organizations belong to."""

import click

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.services.connections.routing_names import find_client_id
from webapp.services.mapping.map_organizations import (
    UNCHANGED,
    Unchanged,
    list_organizations,
    set_mapping,
)


@click.group("mapping")
def mapping() -> None:
    """See and choose the clients of Huntress organizations."""


@mapping.command("list")
@click.argument("connection_id", metavar="ID", type=int)
@json_option
@refusing
def list_(connection_id: int, as_json: bool) -> None:
    """List a connection's organizations with their clients."""
    rows = [row.as_dict() for row in list_organizations(connection_id)]
    if as_json:
        print_json(rows)
    else:
        columns = ("organization_id", "organization", "client", "tickets", "state", "candidates")
        command = f"triagedesk connection sync-orgs {connection_id}"
        print_table(rows, columns, f"No organizations yet; `{command}` fetches them.")


@mapping.command("set")
@click.argument("connection_id", metavar="ID", type=int)
@click.argument("organization_id", metavar="ORG_ID")
@click.option("--client", help="The client it is.")
@click.option("--none", "is_none", is_flag=True, help="No client: its incidents go to triage.")
@click.option("--tickets", type=click.Choice(["on", "off"]), help="Whether incidents get tickets.")
@refusing
def set_(
    connection_id: int,
    organization_id: str,
    client: str | None,
    is_none: bool,
    tickets: str | None,
) -> None:
    """Say which client an organization is, or that it has none."""
    if client is not None and is_none:
        raise click.UsageError("Give either --client or --none, not both.")
    if client is None and not is_none and tickets is None:
        raise click.UsageError("Give --client NAME, --none or --tickets on|off.")
    client_id: int | Unchanged | None = None if is_none else UNCHANGED
    if client is not None:
        client_id = find_client_id(client)
    row = set_mapping(
        connection_id,
        organization_id,
        client_id=client_id,
        tickets=None if tickets is None else tickets == "on",
    )
    name = row.client.name if row.client else "no client (triage)"
    click.echo(f"{row.name}: {name}, tickets {'on' if row.creates_tickets else 'off'}.")


commands: list[click.Command] = [mapping]
