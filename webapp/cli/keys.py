"""`triagedesk keys`: the keys that stored secrets are encrypted with."""

import click

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.services.keys.read_keys import describe_source, list_keys, own_key_file
from webapp.services.keys.rotate_keys import KeyRotation, forget_key, rotate_keys
from webapp.services.keys.verify_values import Verification, verify_values

FORGOTTEN = (
    "Backups carry the keys they need. For a copy of the database alone that was made before now,"
    " keep the key."
)


@click.group("keys")
def keys() -> None:
    """The keys that stored secrets are encrypted with."""


@keys.command("list")
@json_option
@refusing
def list_command(as_json: bool) -> None:
    """List the keys, the newest first, and how many stored secrets use each.

    A key is named by the first digits of its fingerprint; the keys themselves are never shown.
    """
    rows = [key.as_dict() for key in list_keys()]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("id", "role", "values", "old_form", "source"), "There are no keys.")


@keys.command("rotate")
@json_option
@refusing
def rotate_command(as_json: bool) -> None:
    """Make a new key and encrypt every stored secret with it, while everything runs.

    It may be cut off at any moment; running it again does the rest, and so does housekeeping. Where
    the keys come from the environment, a file of yours or a credential, no key is made: put one
    before the others there, start again, and this encrypts everything with it.
    """
    rotation = rotate_keys(_show_progress)
    if as_json:
        print_json(
            {
                "success": True,
                "key": rotation.key,
                "is_new": rotation.is_new,
                "rewritten": rotation.done.rewritten,
                "unreadable": rotation.done.unreadable,
                "unused": list(rotation.older),
            }
        )
        return
    for sentence in _describe_rotation(rotation):
        click.echo(sentence)


def _show_progress(rewritten: int) -> None:
    if rewritten:
        click.echo(f"{rewritten:,} encrypted anew", err=True)


def _describe_rotation(rotation: KeyRotation) -> list[str]:
    said = []
    if rotation.is_new:
        said.append(f"{rotation.key} is the new key ({describe_source()}).")
    elif own_key_file() is not None:
        said.append(f"A rotation to {rotation.key} had been begun before: no further key was made.")
    else:
        said.append(
            f"The keys come from {describe_source()}, where Triagedesk cannot write: no key was"
            f" made, the first one there is {rotation.key}. For a new one, put it before the"
            " others, start Triagedesk again, and run this again. A key is made by:"
            " openssl rand -base64 32 | tr '+/' '-_'"
        )
    said.append(f"{rotation.done.rewritten:,} stored secrets were encrypted anew with it.")
    if rotation.done.unreadable:
        said.append(
            f"{rotation.done.unreadable:,} cannot be read and stay as they are:"
            " `triagedesk keys verify` names them."
        )
    if rotation.older:
        said.append(
            f"Not needed any more: {', '.join(rotation.older)}"
            " (`triagedesk keys forget ID` drops a key)."
        )
    return said


@keys.command("verify")
@json_option
@refusing
def verify_command(as_json: bool) -> None:
    """Decrypt every stored secret; exit code 1 if one cannot be read."""
    found = verify_values()
    if as_json:
        print_json(_as_document(found))
    else:
        click.echo(f"{found.readable:,} stored secrets can be read.")
        for value in found.unreadable:
            click.echo(f"FAIL  {value.sentence()}")
    raise SystemExit(1 if found.unreadable else 0)


def _as_document(found: Verification) -> dict[str, object]:
    return {
        "success": not found.unreadable,
        "readable": found.readable,
        "unreadable": [
            {
                "place": value.place.label,
                "row": value.place.row,
                "reason": value.sentence(),
            }
            for value in found.unreadable
        ],
    }


@keys.command("forget")
@click.argument("key")
@json_option
@refusing
def forget_command(key: str, as_json: bool) -> None:
    """Drop the key with the id KEY, which nothing uses any more."""
    forget_key(key)
    if as_json:
        print_json({"success": True, "forgotten": key})
        return
    click.echo(f"{key} is forgotten. {FORGOTTEN}")


commands: list[click.Command] = [keys]
