"""`triagedesk sessions`: who is signed in, and ending that for everybody."""

import click

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.services.people.own_sessions import ShownSession, end_all_sessions, list_sessions
from webapp.services.people.users import find_user


@click.group("sessions")
def sessions() -> None:
    """See who is signed in, and end sessions."""


@sessions.command("list")
@json_option
@refusing
def list_(as_json: bool) -> None:
    """List the sessions that can be used."""
    rows = [_as_dict(one) for one in list_sessions()]
    if as_json:
        print_json(rows)
    else:
        columns = ("session", "user", "browser", "address", "last_seen")
        print_table(rows, columns, "Nobody is signed in.")


@sessions.command("end")
@click.option("--all", "everybody", is_flag=True, help="End everybody's sessions.")
@click.option("--user", "email", help="End the sessions of this e-mail address.")
@refusing
def end(everybody: bool, email: str | None) -> None:
    """End sessions; whoever had one has to sign in again."""
    if everybody == bool(email):
        raise click.UsageError("Say either --all or --user EMAIL.")
    count = end_all_sessions(find_user(email).id if email else None)
    click.echo("1 session ended." if count == 1 else f"{count} sessions ended.")


def _as_dict(one: ShownSession) -> dict[str, object]:
    return {
        "session": one.reference,
        "user": one.email,
        "browser": one.browser,
        "address": one.address,
        "method": one.method,
        "factor": one.factor,
        "began_at": one.began_at.isoformat(),
        "last_seen": one.seen_at.isoformat(),
    }


commands: list[click.Command] = [sessions]
