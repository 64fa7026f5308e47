"""`triagedesk user export` and `triagedesk user forget`: a person's data."""

from pathlib import Path

import click

from webapp.cli.output import json_option, print_json, refusing
from webapp.cli.retention import tell_erasure, write_new_file
from webapp.services.people.users import find_user
from webapp.services.retention.erasures import PERSON, find_erasure
from webapp.services.retention.export_person import export_person
from webapp.services.retention.forget_person import begin_forgetting_person
from webapp.services.retention.go_on import go_on_forgetting


@click.command("export")
@click.argument("email")
@click.argument("place", type=click.Path(path_type=Path))
@json_option
@refusing
def export(email: str, place: Path, as_json: bool) -> None:
    """Write what is stored about a user to PLACE, a new JSON file or a folder for one."""
    user = find_user(email)
    file = write_new_file(place, f"person-{user.id}.json", lambda: export_person(user.id))
    if as_json:
        print_json({"success": True, "file": str(file)})
    else:
        click.echo(f"{file} holds what is stored about {user.email}.")


@click.command("forget")
@click.argument("email")
@click.option("--confirm", is_flag=True, help="Erase it; without this, say what would be erased.")
@json_option
@refusing
def forget(email: str, confirm: bool, as_json: bool) -> None:
    """Erase the data of a user who is deactivated; notes stay, as those of "Former user 7"."""
    user = find_user(email)
    erasure = find_erasure(PERSON, user.id)
    if erasure is None and not confirm:
        words = (
            f"Would erase name, address, factors, sessions, browsers, contact methods, views and "
            f"preferences of {user.name} ({user.email}). Give --confirm to erase that for good."
        )
        if as_json:
            print_json({"success": True, "user_id": user.id})
        else:
            click.echo(words)
        return
    if erasure is None:
        erasure = begin_forgetting_person(user.id, typed_email=user.email)
    go_on_forgetting(erasure)
    tell_erasure(find_erasure(PERSON, user.id), as_json)


COMMANDS: list[click.Command] = [export, forget]
