"""`triagedesk target` and `triagedesk mail`: where messages go, and the server for mails."""

from dataclasses import replace
from pathlib import Path

import click

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.services.errors import FieldError
from webapp.services.notices.mail_settings import (
    SECURITIES,
    read_mail_values,
    save_mail_settings,
)
from webapp.services.notices.message_settings import read_message_settings
from webapp.services.notices.targets.edit_targets import TargetValues, add_target
from webapp.services.notices.targets.read_targets import find_target, list_targets
from webapp.services.notices.targets.try_target import try_target

MAIN_OPTIONS = {"url": "--url", "to": "--to", "user": "--to"}
"""The option that gives a kind's main setting, by the setting's name."""


def _kinds_help() -> str:
    """Every kind with the names of its settings, for --help."""
    lines = [f"  {kind.value:<10} {_setting_names(kind)}" for kind in Kind]
    return "\n".join(
        (
            "\b",
            "The kinds and their settings, the optional ones in brackets. --url or --to gives the",
            "first, --secret-file the one with a star, --set the others:",
            *lines,
        )
    )


def _setting_names(kind: Kind) -> str:
    main = KINDS[kind].main
    names = []
    for setting in sorted(KINDS[kind].settings, key=lambda one: one.name != main):
        star = "*" if setting.is_secret and setting.name != main else ""
        name = f"{setting.name}{star}"
        names.append(name if setting.is_required else f"[{name}]")
    return ", ".join(names)


@click.group("target")
def target() -> None:
    """See, add and try the targets of messages."""


@target.command("add", epilog=_kinds_help())
@click.argument("name")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), required=True)
@click.option("--url", help="The address, of a kind that has one.")
@click.option("--to", help="The recipient: a mail address, a phone number, a user key.")
@click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file whose first line is the kind's secret: signing secret, key or token.",
)
@click.option(
    "--set", "pairs", metavar="NAME=VALUE", multiple=True, help="Another setting; see below."
)
@click.option("--alarms/--no-alarms", default=None, help="Whether alarms are told there.")
@click.option("--summaries/--no-summaries", default=False, help="Whether it gets summaries.")
@json_option
@refusing
def add(
    name: str,
    kind: str,
    url: str | None,
    to: str | None,
    secret_file: Path | None,
    pairs: tuple[str, ...],
    alarms: bool | None,
    summaries: bool,
    as_json: bool,
) -> None:
    """Add a target NAME.

    The first target of the team is told alarms unless --no-alarms is given. A webhook without a
    secret gets one, which is printed this once.
    """
    chosen = Kind(kind)
    settings = {**_pairs(chosen, pairs), **_main(chosen, url, to)}
    if secret_file is not None:
        settings[_secret_name(chosen)] = _first_line(secret_file)
    values = TargetValues(
        name=name, settings=settings, tells_alarms=alarms, tells_summaries=summaries
    )
    added = add_target(chosen, values)
    if as_json:
        document = {"id": added.target.id, "name": added.target.name, "kind": added.target.kind}
        print_json(document | ({"secret": added.new_secret} if added.new_secret else {}))
        return
    click.echo(f"{added.target.name} was added ({KINDS[chosen].label}).")
    if added.new_secret:
        click.echo(f"Its signing secret, shown only now: {added.new_secret}")


@target.command("list")
@json_option
@refusing
def list_(as_json: bool) -> None:
    """List the targets of the team, and how each is doing."""
    rows = [row.as_dict() for row in list_targets()]
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "name", "kind", "state", "pending", "last_success_at", "last_answer")
        print_table(rows, columns, "No targets yet; `triagedesk target add` adds one.")


@target.command("test")
@click.argument("name")
@json_option
@refusing
def test(name: str, as_json: bool) -> None:
    """Send a test to the target NAME, and print the receiver's answer in words."""
    found = find_target(name)
    words = try_target(found.id)
    if as_json:
        print_json({"success": True, "id": found.id, "name": found.name, "answer": words})
    else:
        click.echo(f"The test was sent to {found.name}. The answer: {words}")


@click.group("mail")
def mail() -> None:
    """See and set the mail server."""


@mail.command("set")
@click.option("--host", help="The server's name.")
@click.option("--port", type=click.IntRange(1, 65535), help="587 and 465 are usual.")
@click.option("--security", type=click.Choice(SECURITIES), help="How it is encrypted.")
@click.option("--user", help="The user's name; empty for none.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file whose first line is the user's password.",
)
@click.option("--sender", help="The address that mails come from.")
@click.option("--subject", help="The template for the subject of mails about tickets.")
@json_option
@refusing
def set_(
    host: str | None,
    port: int | None,
    security: str | None,
    user: str | None,
    password_file: Path | None,
    sender: str | None,
    subject: str | None,
    as_json: bool,
) -> None:
    """Set the mail server; what is not given stays as it is."""
    given = {
        "host": host,
        "port": None if port is None else str(port),
        "security": security,
        "user": user,
        "password": None if password_file is None else _first_line(password_file),
        "sender": sender,
        "subject": subject,
    }
    known = {name: value for name, value in given.items() if value is not None}
    save_mail_settings(replace(read_mail_values(), **known))
    _show_mail(as_json)


@mail.command("show")
@json_option
@refusing
def show(as_json: bool) -> None:
    """Show the mail server, without its password."""
    _show_mail(as_json)


def _show_mail(as_json: bool) -> None:
    values = read_mail_values()
    document = {
        "host": values.host or None,
        "port": int(values.port),
        "security": values.security,
        "user": values.user or None,
        "has_password": bool(read_message_settings().mail_password),
        "sender": values.sender or None,
        "subject": values.subject,
    }
    if as_json:
        print_json(document)
    elif not values.host:
        click.echo("No mail server is set up; `triagedesk mail set` does it.")
    else:
        print_table([document], tuple(document), "")


def _main(kind: Kind, url: str | None, to: str | None) -> dict[str, str]:
    """What --url or --to gives; raises UsageError for the wrong one of the two."""
    name = KINDS[kind].main
    wanted = MAIN_OPTIONS[name]
    given, other = (url, to) if wanted == "--url" else (to, url)
    if other is not None:
        raise click.UsageError(f"A target of the kind {kind.value} takes {wanted}.")
    setting = next(one for one in KINDS[kind].settings if one.name == name)
    if given is None and setting.is_required:
        raise click.UsageError(f"Give {wanted}: {setting.label}.")
    return {} if given is None else {name: given}


def _pairs(kind: Kind, pairs: tuple[str, ...]) -> dict[str, str]:
    names = [one.name for one in KINDS[kind].settings]
    found = {}
    for pair in pairs:
        name, has_value, value = pair.partition("=")
        if not has_value or name not in names:
            raise click.UsageError(
                f"--set takes NAME=VALUE; the names of {kind.value} are {', '.join(names)}."
            )
        found[name] = value
    return found


def _secret_name(kind: Kind) -> str:
    """The name of a kind's secret setting that --url does not give."""
    secret = [
        one.name for one in KINDS[kind].settings if one.is_secret and one.name != KINDS[kind].main
    ]
    if not secret:
        raise click.UsageError(f"A target of the kind {kind.value} takes no --secret-file.")
    return secret[0]


def _first_line(path: Path) -> str:
    try:
        return (path.read_text(encoding="utf-8").splitlines() or [""])[0].strip()
    except (OSError, UnicodeDecodeError):
        raise FieldError({"file": f"{path.name} cannot be read as text."}) from None


commands: list[click.Command] = [target, mail]
