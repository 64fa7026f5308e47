"""`triagedesk policy`: who is told what."""

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.domain.notices.events import CREATED, EVENTS
from webapp.domain.notices.policy import ANY, MAPPED, UNMAPPED, StepRule
from webapp.domain.notices.preview import Forecast
from webapp.models import Board, Client, Target
from webapp.services.errors import FieldError
from webapp.services.notices.edit_policies import (
    PolicyValues,
    add_policy,
    delete_policy,
    find_policy_id,
)
from webapp.services.notices.preview_policies import preview_policies
from webapp.services.notices.read_policies import PolicyView, list_policies, read_policy
from webapp.services.transactions import reading


@click.group("policy")
def policy() -> None:
    """Say who is told of which events, and when."""


@policy.command("add")
@click.argument("name")
@click.option(
    "--event",
    "events",
    default=CREATED,
    show_default=True,
    help=f"One or more, by comma: {', '.join(EVENTS)}.",
)
@click.option("--severity", "severities", default="", help="Such as critical,high; any by default.")
@click.option("--target", "targets", multiple=True, metavar="NAME", help="Tell this target.")
@click.option("--on-call", "on_call", is_flag=True, help="Tell whoever is on call.")
@click.option("--everybody", is_flag=True, help="Tell everybody.")
@click.option(
    "--after",
    "waits",
    type=int,
    multiple=True,
    metavar="N",
    help="Tell them again N minutes later if nobody took it; once for each --after (at most 9).",
)
@click.option(
    "--repeat",
    "repeats",
    type=int,
    default=0,
    metavar="K",
    help="Repeat the last step K times (at most 20), always after the same wait; needs --after.",
)
@click.option("--unmapped", "mapping", flag_value=UNMAPPED, help="Only unmapped organizations.")
@click.option("--mapped", "mapping", flag_value=MAPPED, help="Only mapped organizations.")
@click.option("--client", "clients", multiple=True, metavar="NAME", help="Only of this client.")
@click.option("--board", "boards", multiple=True, metavar="NAME", help="Only on this board.")
@click.option("--untouched-for", type=int, metavar="N", help="Minutes, for the event untouched.")
@json_option
@refusing
def add(
    name: str,
    events: str,
    severities: str,
    targets: tuple[str, ...],
    on_call: bool,
    everybody: bool,
    waits: tuple[int, ...],
    repeats: int,
    mapping: str | None,
    clients: tuple[str, ...],
    boards: tuple[str, ...],
    untouched_for: int | None,
    as_json: bool,
) -> None:
    """Add a policy below the others. Without anybody to tell, it leaves to the daily summary."""
    with reading() as session:
        target_ids = _ids(session, Target, targets)
        conditions = {
            "events": _words(events),
            "severities": _words(severities),
            "board_ids": _ids(session, Board, boards),
            "client_ids": _ids(session, Client, clients),
            "mapping": mapping or ANY,
            "untouched_minutes": untouched_for,
        }
    steps = [
        StepRule(
            after_minutes=minutes,
            target_ids=target_ids,
            tells_on_call=on_call,
            tells_everybody=everybody,
        )
        for minutes in (0, *waits)
    ]
    if not (target_ids or on_call or everybody or waits):
        steps = []
    added = add_policy(PolicyValues(name=name, conditions=conditions, steps=steps, repeats=repeats))
    view = read_policy(added.id)
    if as_json:
        print_json(_as_dict(view))
    else:
        click.echo(f"{view.name}: {view.words}")


@policy.command("list")
@json_option
@refusing
def list_(as_json: bool) -> None:
    """List the policies in their order: the first that fits an event decides."""
    rows = [_as_dict(view) for view in list_policies()]
    if as_json:
        print_json(rows)
    else:
        columns = ("name", "is_enabled", "words")
        print_table(rows, columns, "No policies yet; `triagedesk policy add` makes one.")


@policy.command("preview")
@json_option
@refusing
def preview(as_json: bool) -> None:
    """Say what the policies would have sent in the last 30 days. Nothing is sent."""
    found = preview_policies()
    if as_json:
        print_json(
            {**_counts(found.stored), "tickets": found.tickets, "time_zone": found.time_zone}
        )
        return
    click.echo(
        f"The last 30 days ({found.tickets:,} tickets) would have sent {found.stored.words}."
    )
    if found.stored.total:
        print_table(_targets(found.stored), ("name", "day", "night"), "")


@policy.command("remove")
@click.argument("name")
@json_option
@refusing
def remove(name: str, as_json: bool) -> None:
    """Delete a policy; what it told stays told."""
    with reading() as session:
        key = find_policy_id(session, name)
    removed = delete_policy(key)
    if as_json:
        print_json({"removed": removed})
    else:
        click.echo(f"{removed} is deleted.")


def _words(text: str) -> list[str]:
    return [word.strip().lower().replace("-", "_") for word in text.split(",") if word.strip()]


def _ids(
    session: Session, model: type[Board] | type[Client] | type[Target], names: tuple[str, ...]
) -> tuple[int, ...]:
    """The ids of rows by name, in upper or lower case; raises FieldError for an unknown one."""
    if not names:
        return ()
    query = select(model.id, model.name)
    if model is Target:
        query = query.where(Target.user_id.is_(None))
    known = {row.name.casefold(): row.id for row in session.execute(query)}
    kind = model.__name__.lower()
    for name in names:
        if name.casefold() not in known:
            raise FieldError({kind: f"There is no {kind} named {name}."})
    return tuple(known[name.casefold()] for name in names)


def _as_dict(view: PolicyView) -> dict[str, object]:
    rule = view.rule
    return {
        "id": view.id,
        "name": view.name,
        "is_enabled": view.is_enabled,
        "words": view.words,
        "conditions": None if rule is None else rule.conditions.as_json(),
        "steps": []
        if rule is None
        else [
            {
                "after_minutes": step.after_minutes,
                "target_ids": list(step.target_ids),
                "on_call": step.tells_on_call,
                "everybody": step.tells_everybody,
            }
            for step in rule.steps
        ],
        "repeats": 0 if rule is None else rule.repeats,
    }


def _counts(found: Forecast) -> dict[str, object]:
    return {"messages": found.total, "at_night": found.night, "targets": _targets(found)}


def _targets(found: Forecast) -> list[dict[str, object]]:
    return [
        {"name": name, "day": count.day, "night": count.night}
        for name, count in found.by_target.items()
    ]


commands: list[click.Command] = [policy]
