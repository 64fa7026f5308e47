"""`triagedesk poll`: one poll cycle in this process, without Redis."""

import click

from webapp import clock
from webapp.cli.output import json_option, print_json, refusing
from webapp.services.due_connections import find_due_connections
from webapp.services.manage_polling import start_schedule
from webapp.services.poll_connection import poll_connection
from webapp.services.poll_outcome import PollOutcome


@click.command("poll")
@click.argument("connection_id", metavar="ID", type=int, required=False)
@click.option("--sweep", is_flag=True, help="Look at all open incidents as well.")
@click.option("--due", is_flag=True, help="Every connection that is due, for timers.")
@json_option
@refusing
def poll(connection_id: int | None, sweep: bool, due: bool, as_json: bool) -> None:
    """Poll a connection now, or every one that is due.

    The first poll of a connection begins its schedule. Where another process polls it already,
    this waits for that run and reports it. Exit code 0 on success or a deliberate skip, 1 on
    failure or missing credentials.
    """
    if due == (connection_id is not None):
        raise click.UsageError("Give the ID of a connection, or --due.")
    if connection_id is None:
        outcomes = _poll_due(sweep=sweep)
        document: object = [{"connection_id": key, **one.as_dict()} for key, one in outcomes]
    else:
        start_schedule(connection_id)
        outcome = poll_connection(
            connection_id, trigger="command", sweep=sweep, wait_for_running=True
        )
        outcomes = [(connection_id, outcome)]
        document = outcome.as_dict()
    if as_json:
        print_json(document)
    else:
        _tell(outcomes)
    if not all(outcome.is_success for _, outcome in outcomes):
        raise SystemExit(1)


def _poll_due(*, sweep: bool) -> list[tuple[int, PollOutcome]]:
    return [
        (connection_id, poll_connection(connection_id, trigger="schedule", sweep=sweep))
        for connection_id in find_due_connections(clock.utcnow())
    ]


def _tell(outcomes: list[tuple[int, PollOutcome]]) -> None:
    if not outcomes:
        click.echo("No connection is due.")
    for connection_id, outcome in outcomes:
        click.echo(f"Connection {connection_id}: {outcome.words}")


commands: list[click.Command] = [poll]
