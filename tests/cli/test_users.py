"""`triagedesk user`."""

import pytest

from tests.cli.conftest import Shell
from tests.support.databases import both_databases
from tests.support.rows import all_rows, change
from tests.support.security.factors import set_up_app
from tests.support.security.sessions import sign_in_as
from webapp.models import User
from webapp.services.people.sessions import SignInError, find_session
from webapp.services.people.users import find_user

PASSWORD = "correct horse"


def _add(shell: Shell, email: str, role: str) -> str:
    return shell.ok("user", "add", email, "--role", role, stdin=PASSWORD + "\n")


@both_databases
def test_adding_and_listing(shell: Shell) -> None:
    assert _add(shell, "Ada@example.com", "admin") == "ada@example.com can sign in (admin).\n"
    _add(shell, "bob@example.com", "helpdesk")
    rows = shell.json("user", "list")
    assert [(row["email"], row["role"], row["is_active"]) for row in rows] == [
        ("ada@example.com", "admin", True),
        ("bob@example.com", "helpdesk", True),
    ]
    assert all("password" not in key for row in rows for key in row)
    assert "bob@example.com" in shell.ok("user", "list")
    assert sign_in_as("ada@example.com", PASSWORD, None)[0].is_admin


def test_nobody_yet(shell: Shell) -> None:
    assert shell.json("user", "list") == []
    assert shell.ok("user", "list") == "No users yet.\n"


def test_the_password_may_hold_spaces_and_needs_no_line_end(shell: Shell) -> None:
    password = "  spaces around  "
    shell.ok("user", "add", "ada@example.com", "--role", "admin", stdin=password)
    sign_in_as("ada@example.com", password, None)


def test_what_cannot_be_taken(shell: Shell) -> None:
    said = shell.refused("user", "add", "ada", "--role", "admin", stdin="short\n")
    assert "email: Enter an e-mail address" in said
    assert "password: A password has at least 12 characters." in said
    said = shell.refused("user", "add", "ada@example.com", stdin=PASSWORD)
    assert "first user has to be one" in said
    assert all_rows(User) == []


def test_passwd(shell: Shell) -> None:
    _add(shell, "ada@example.com", "admin")
    shell.ok("user", "passwd", "ADA@example.com", stdin="another password\n")
    sign_in_as("ada@example.com", "another password", None)
    with pytest.raises(SignInError):
        sign_in_as("ada@example.com", PASSWORD, None)
    assert "at least 12" in shell.refused("user", "passwd", "ada@example.com", stdin="\n")


def test_strength_and_refusals_are_words_on_stderr(shell: Shell) -> None:
    for weak, words in (
        ("password1234", "This password is weak: most of it is a common password."),
        ("ada@example.com", "This password is little more than your name"),
        (" " * 12, "over and over"),
    ):
        said = shell.refused("user", "add", "ada@example.com", "--role", "admin", stdin=weak + "\n")
        assert words in said
    added = shell.run("user", "add", "ada@example.com", "--role", "admin", stdin=PASSWORD + "\n")
    assert added.stderr == "The password is good.\n"
    assert "password1234 " not in added.output
    assert "weak" in shell.refused("user", "passwd", "ada@example.com", stdin="qwertyuiop12\n")
    changed = shell.run("user", "passwd", "ada@example.com", stdin="lantern fjord ocelot\n")
    assert changed.stderr == "The password is strong.\n"


def test_role_and_deactivate(shell: Shell) -> None:
    _add(shell, "ada@example.com", "admin")
    _add(shell, "bob@example.com", "helpdesk")
    assert "last active admin" in shell.refused("user", "deactivate", "ada@example.com")
    assert shell.ok("user", "role", "bob@example.com", "admin") == "bob@example.com is admin now.\n"
    assert "cannot sign in" in shell.ok("user", "deactivate", "ada@example.com")
    assert [row["is_active"] for row in shell.json("user", "list")] == [False, True]
    assert "last active admin" in shell.refused("user", "role", "bob@example.com", "helpdesk")


def test_unknown_people_and_roles(shell: Shell) -> None:
    for arguments in (("passwd", "eve@example.com"), ("deactivate", "eve@example.com")):
        assert "no user eve@example.com" in shell.refused("user", *arguments, stdin=PASSWORD)
    assert shell.run("user", "role", "eve@example.com", "owner").exit_code == 2


@both_databases
def test_resetting_factors(shell: Shell) -> None:
    _add(shell, "ada@example.com", "admin")
    with_app = find_user("ada@example.com")
    key, made = set_up_app(with_app.id)
    [row] = shell.json("user", "list")
    assert (row["second_factor"], row["recovery_codes"]) == (["app"], 10)
    listed = shell.ok("user", "list")
    assert "app" in listed
    assert not any(secret in listed for secret in (key, *made.codes))
    said = shell.ok("user", "reset-factors", "Ada@example.com", "--reason", "lost the phone")
    assert said == (
        "ada@example.com signs in with the password alone now; open sessions are ended.\n"
    )
    assert find_session(made.token) is None
    [row] = shell.json("user", "list")
    assert (row["second_factor"], row["recovery_codes"]) == ([], 0)
    assert "none" in shell.ok("user", "list")


def test_resetting_factors_needs_a_reason_and_something_to_reset(shell: Shell) -> None:
    _add(shell, "ada@example.com", "admin")
    reset = ("user", "reset-factors")
    assert "no second factor" in shell.refused(*reset, "ada@example.com", "--reason", "lost")
    assert "There is no user" in shell.refused(*reset, "bo@example.com", "--reason", "lost")
    set_up_app(find_user("ada@example.com").id)
    assert "Say why" in shell.refused(*reset, "ada@example.com", "--reason", " ")


OIDC = {
    "TRIAGEDESK_PUBLIC_URL": "https://desk.example.com",
    "TRIAGEDESK_OIDC_ISSUER": "https://id.example.com",
    "TRIAGEDESK_OIDC_CLIENT_ID": "desk",
    "TRIAGEDESK_OIDC_CLIENT_SECRET": "secret",
    "TRIAGEDESK_LOCAL_PASSWORDS": "break-glass",
}


def test_who_may_break_the_glass(shell: Shell) -> None:
    _add(shell, "ada@example.com", "admin")
    _add(shell, "bo@example.com", "helpdesk")
    said = shell.refused("user", "break-glass", "bo@example.com", "on")
    assert "bo@example.com has to be an active admin with a password" in said
    said = shell.ok("user", "break-glass", "ada@example.com", "on")
    assert said == "ada@example.com may break the glass.\n"
    assert [row["is_break_glass"] for row in shell.json("user", "list")] == [True, False]
    result = shell.run("user", "break-glass", "ada@example.com", "off", **OIDC)
    assert "is the last account that may break the glass" in result.stderr
    said = shell.ok("user", "break-glass", "ada@example.com", "off")
    assert said == "ada@example.com may not break the glass any more.\n"


def test_unlinking(shell: Shell) -> None:
    _add(shell, "ada@example.com", "admin")
    assert shell.ok("user", "unlink", "ada@example.com") == "ada@example.com was not linked.\n"
    [ada] = all_rows(User)
    change(User, ada.id, oidc_issuer="https://id.example.com", oidc_subject="ada-1")
    assert shell.json("user", "list")[0]["is_linked"]
    assert "linked again by the next sign-in" in shell.ok("user", "unlink", "ADA@example.com")
    assert not shell.json("user", "list")[0]["is_linked"]
