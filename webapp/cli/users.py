"""`triagedesk user`: the people who may sign in."""

import sys
from typing import Any

import click

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.cli.people_data import COMMANDS as PEOPLE_DATA
from webapp.models import User
from webapp.models.user import ROLE_HELPDESK, ROLES
from webapp.services.people.factors.read_factors import FactorSummary, summarize_factors
from webapp.services.people.factors.reset_factors import reset_factors
from webapp.services.people.password_rules import strength_of
from webapp.services.people.single_sign_on.break_glass import set_break_glass
from webapp.services.people.single_sign_on.unlink_account import unlink_account
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
    """Add a user; the password is asked for, or read from the first line of stdin.

    It has at least 12 characters and is neither common nor close to the name or the address.
    """
    password = _read_password()
    added = add_user(email=email, name=name, role=role, password=password)
    click.echo(f"{added.email} can sign in ({added.role}).")
    _say_strength(added, password)


@user.command("list")
@json_option
@refusing
def list_(as_json: bool) -> None:
    """List users."""
    factors = summarize_factors()
    rows = [_as_dict(one) | _factors_of(factors[one.id]) for one in list_users()]
    if as_json:
        print_json(rows)
    else:
        shown = [row | {"second_factor": ", ".join(row["second_factor"]) or "none"} for row in rows]
        columns = ("email", "name", "role", "is_active", "second_factor")
        print_table(shown, columns, "No users yet.")


@user.command("passwd")
@click.argument("email")
@refusing
def passwd(email: str) -> None:
    """Set a new password and end the user's sessions.

    It is asked for, or read from the first line of stdin. It has at least 12 characters (8 if the
    person has a second factor) and is neither common nor close to the name or the address.
    """
    found = find_user(email)
    password = _read_password()
    set_password(found.id, password)
    click.echo(f"{found.email} has a new password; open sessions are ended.")
    _say_strength(found, password)


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


@user.command("reset-factors")
@click.argument("email")
@click.option("--reason", required=True, help="Why; it is on record, and the person reads it.")
@refusing
def reset_factors_(email: str, reason: str) -> None:
    """Remove a user's app, passkeys and recovery codes, and end their sessions.

    For somebody who has lost them all, and for the last admin.
    """
    changed = reset_factors(find_user(email).id, reason, actor_id=None)
    click.echo(f"{changed.email} signs in with the password alone now; open sessions are ended.")


def _factors_of(summary: FactorSummary) -> dict[str, Any]:
    return {"second_factor": summary.words, "recovery_codes": summary.unused_codes}


@user.command("break-glass")
@click.argument("email")
@click.argument("switch", type=click.Choice(("on", "off")))
@refusing
def break_glass(email: str, switch: str) -> None:
    """Let an admin sign in with a password when single sign-on fails.

    This matters where TRIAGEDESK_LOCAL_PASSWORDS is break-glass: nobody else has a password then.
    """
    changed = set_break_glass(find_user(email).id, switch == "on")
    may = "may break the glass" if changed.is_break_glass else "may not break the glass any more"
    click.echo(f"{changed.email} {may}.")


@user.command("unlink")
@click.argument("email")
@refusing
def unlink(email: str) -> None:
    """Cut the tie to somebody's account at the identity provider, and end their sessions."""
    found = find_user(email)
    if unlink_account(found.id):
        click.echo(f"{found.email} is linked again by the next sign-in with a verified address.")
    else:
        click.echo(f"{found.email} was not linked.")


def _read_password() -> str:
    """Read the password from a prompt that hides it, or from the first line of stdin."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _say_strength(person: User, password: str) -> None:
    click.echo(f"The password is {strength_of(person, password)}.", err=True)


def _as_dict(one: User) -> dict[str, Any]:
    return {
        "id": one.id,
        "email": one.email,
        "name": one.name,
        "role": one.role,
        "is_active": one.is_active,
        "is_linked": one.is_linked,
        "is_break_glass": one.is_break_glass,
        "created_at": one.created_at.isoformat(),
    }


for _command in PEOPLE_DATA:
    user.add_command(_command)

commands: list[click.Command] = [user]
