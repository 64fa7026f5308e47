"""`triagedesk mute`: clients of whose tickets nobody is told."""

from datetime import datetime, timedelta

import click

from webapp import clock
from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.services.errors import RefusedError
from webapp.services.notices.mute_client import (
    end_mute,
    find_client,
    find_mute,
    list_mutes,
    mute_client,
)

FORMAT = "%Y-%m-%d %H:%M"


@click.command("mute")
@click.argument("client", required=False)
@click.option("--until", help='Such as "2026-12-01 18:00", by this machine\'s clock.')
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), help="For so many hours.")
@click.option("--reason", help="Such as a penetration test.")
@click.option("--end", "is_end", is_flag=True, help="End the mute now.")
@click.option("--list", "is_list", is_flag=True, help="List the clients that are muted.")
@json_option
@refusing
def mute(
    client: str | None,
    until: str | None,
    hours: float | None,
    reason: str | None,
    is_end: bool,
    is_list: bool,
    as_json: bool,
) -> None:
    """Mute CLIENT until a time: tickets are made and marked, and nobody is told of them.

    The end is at most 90 days ahead. Tickets made meanwhile are not told of later either.
    """
    if is_list:
        _list(as_json)
        return
    if client is None:
        raise click.UsageError("Give the name of a client, or --list.")
    if (until is not None) + (hours is not None) + is_end != 1:
        raise click.UsageError("Give one of --until, --hours and --end.")
    client_id = find_client(client)
    if is_end:
        end_mute(client_id)
        _tell({"success": True, "client_id": client_id}, f"{client} is not muted.", as_json)
        return
    muted = mute_client(client_id, _read_end(until, hours), reason=reason)
    found = find_mute(client_id)
    words = f"{client} is muted until {muted.until.astimezone():%Y-%m-%d %H:%M}."
    _tell(found.as_dict() if found else {}, words, as_json)


def _list(as_json: bool) -> None:
    rows = [row.as_dict() for row in list_mutes()]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("client", "until", "reason", "by"), "No client is muted.")


def _read_end(until: str | None, hours: float | None) -> datetime:
    if hours is not None:
        return clock.utcnow() + timedelta(hours=min(hours, 1e5))
    try:
        local = datetime.strptime((until or "").strip(), FORMAT)  # noqa: DTZ007 - made aware below
    except ValueError:
        raise RefusedError('Write the end as "2026-12-01 18:00".') from None
    return local.astimezone(clock.utcnow().tzinfo)


def _tell(document: object, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        click.echo(sentence)


commands: list[click.Command] = [mute]
