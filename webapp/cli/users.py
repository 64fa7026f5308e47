"""`triagedesk user`: the people who may sign in."""

import sys

import click

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.cli.people_data import COMMANDS as PEOPLE_DATA
from webapp.models import User
from webapp.models.user import ROLE_HELPDESK, ROLES
from webapp.services.people.users import (
    add_user,
    deactivate_user,
    find_user,
    list_users,
    set_password,
    set_role,
)


@click.group("user")
def user() -> None:
    """Add people, change their roles and passwords."""


@user.command("add")
@click.argument("email")
@click.option("--name", default="", help="What to call them; the address by default.")
@click.option("--role", type=click.Choice(ROLES), default=ROLE_HELPDESK, show_default=True)
@refusing
def add(email: str, name: str, role: str) -> None:
    """Add a user; the password is asked for, or read from the first line of stdin."""
    added = add_user(email=email, name=name, role=role, password=_read_password())
    click.echo(f"{added.email} can sign in ({added.role}).")


@user.command("list")
@json_option
@refusing
def list_(as_json: bool) -> None:
    """List users."""
    rows = [_as_dict(one) for one in list_users()]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("email", "name", "role", "is_active"), "No users yet.")


@user.command("passwd")
@click.argument("email")
@refusing
def passwd(email: str) -> None:
    """Set a new password and end the user's sessions."""
    found = find_user(email)
    set_password(found.id, _read_password())
    click.echo(f"{found.email} has a new password; open sessions are ended.")


@user.command("role")
@click.argument("email")
@click.argument("role", type=click.Choice(ROLES))
@refusing
def role_(email: str, role: str) -> None:
    """Give a user another role."""
    changed = set_role(find_user(email).id, role)
    click.echo(f"{changed.email} is {changed.role} now.")


@user.command("deactivate")
@click.argument("email")
@refusing
def deactivate(email: str) -> None:
    """Keep a user from signing in and end their sessions."""
    changed = deactivate_user(find_user(email).id)
    click.echo(f"{changed.email} cannot sign in any more.")


def _read_password() -> str:
    """Read the password from a prompt that hides it, or from the first line of stdin."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _as_dict(one: User) -> dict[str, object]:
    return {
        "id": one.id,
        "email": one.email,
        "name": one.name,
        "role": one.role,
        "is_active": one.is_active,
        "created_at": one.created_at.isoformat(),
    }


for _command in PEOPLE_DATA:
    user.add_command(_command)

commands: list[click.Command] = [user]
