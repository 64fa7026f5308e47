"""People: added, given roles and passwords, deactivated, and never the last admin."""

import threading

import pytest
from argon2 import PasswordHasher, extract_parameters
from flask import Flask

from tests.support.databases import both_databases
from tests.support.rows import all_rows, audit_actions, audit_events, fresh
from tests.support.security.sessions import sign_in_as
from webapp.models import User
from webapp.services.errors import NotFoundError, ServiceError
from webapp.services.people.sessions import SignInError, find_session
from webapp.services.people.users import (
    LastAdminError,
    UserError,
    activate_user,
    add_user,
    build_unmatched_hash,
    deactivate_user,
    find_user,
    hash_password,
    is_password,
    list_users,
    set_password,
    set_role,
)

PASSWORD = "correct horse"


def _add(email: str = "ada@example.com", role: str = "admin") -> User:
    return add_user(email=email, name=email.split("@")[0], password=PASSWORD, role=role)


@both_databases
def test_a_user_is_added_in_lower_case(app: Flask) -> None:
    ada = add_user(email="  Ada@Example.COM ", name=" Ada\x00 L ", password=PASSWORD, role="admin")
    stored = fresh(User, ada.id)
    assert (stored.email, stored.name, stored.role) == ("ada@example.com", "Ada L", "admin")
    assert stored.is_active
    assert stored.password_hash.startswith("$argon2id$")
    assert audit_actions() == ["user.added"]


def test_guessing_a_password_is_expensive(app: Flask, real_passwords: PasswordHasher) -> None:
    """At least what OWASP asks of Argon2id: 19 MiB and two passes."""
    stored = fresh(User, _add().id).password_hash
    cost = extract_parameters(stored)
    assert cost == extract_parameters(real_passwords.hash("x"))
    assert cost.memory_cost >= 19 * 1024
    assert cost.time_cost >= 2


def test_the_address_stands_in_for_a_missing_name(app: Flask) -> None:
    assert add_user(email="a@b.org", name=" ", password=PASSWORD, role="admin").name == "a@b.org"


@pytest.mark.parametrize("email", ["ada@corp.local", "ada@desk.test", "ada+x@example.co.uk"])
def test_addresses_of_offices(app: Flask, email: str) -> None:
    assert _add(email).email == email


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.com", "a b@example.com", "a\n@b.de", "a\x00@b.de"]
)
def test_what_is_no_address(app: Flask, email: str) -> None:
    with pytest.raises(UserError) as caught:
        _add(email)
    assert set(caught.value.fields) == {"email"}


def test_everything_wrong_is_said_at_once(app: Flask) -> None:
    with pytest.raises(UserError) as caught:
        add_user(email="x", name="", password="short", role="owner")
    assert set(caught.value.fields) == {"email", "password", "role"}
    assert all_rows(User) == []


def test_a_password_has_bounds(app: Flask) -> None:
    for password in ("1234567", "x" * 1025):
        with pytest.raises(UserError, match="password"):
            add_user(email="a@b.org", name="", password=password, role="admin")


@both_databases
def test_an_address_is_taken_once(app: Flask) -> None:
    _add()
    with pytest.raises(UserError, match=r"ada@example\.com"):
        _add("ADA@example.com")
    assert len(all_rows(User)) == 1


def test_the_first_user_has_to_be_an_admin(app: Flask) -> None:
    with pytest.raises(UserError, match="no admin yet"):
        _add(role="helpdesk")
    _add()
    assert _add("bob@example.com", "helpdesk").role == "helpdesk"


def test_find_and_list(app: Flask) -> None:
    _add("bob@example.com")
    _add()
    assert [user.email for user in list_users()] == ["ada@example.com", "bob@example.com"]
    assert find_user(" BOB@example.com").name == "bob"
    with pytest.raises(NotFoundError, match="carol"):
        find_user("carol@example.com")


def test_a_new_password_ends_the_sessions(app: Flask) -> None:
    ada, bob = _add(), _add("bob@example.com", "helpdesk")
    _, token = sign_in_as("ada@example.com", PASSWORD, None)
    _, other = sign_in_as("bob@example.com", PASSWORD, None)
    set_password(ada.id, "another password", actor_id=bob.id)
    assert find_session(token) is None
    assert find_session(other) is not None
    with pytest.raises(SignInError):
        sign_in_as("ada@example.com", PASSWORD, None)
    sign_in_as("ada@example.com", "another password", None)


def test_passwords_are_nowhere_in_the_audit_log(app: Flask) -> None:
    ada = _add()
    set_password(ada.id, "another password")
    event = audit_events()[-1]
    assert (event.action, event.after) == ("user.password_set", {"password": "changed"})


def test_a_short_new_password_changes_nothing(app: Flask) -> None:
    ada = _add()
    with pytest.raises(UserError):
        set_password(ada.id, "short")
    sign_in_as("ada@example.com", PASSWORD, None)


def test_a_deactivated_user_is_out_at_once(app: Flask) -> None:
    _add()
    bob = _add("bob@example.com", "helpdesk")
    _, token = sign_in_as("bob@example.com", PASSWORD, None)
    deactivate_user(bob.id)
    deactivate_user(bob.id)
    assert find_session(token) is None
    with pytest.raises(SignInError):
        sign_in_as("bob@example.com", PASSWORD, None)
    activate_user(bob.id)
    assert find_session(token) is None
    sign_in_as("bob@example.com", PASSWORD, None)
    assert audit_actions()[-2:] == ["user.deactivated", "user.activated"]


@both_databases
def test_the_last_admin_stays(app: Flask) -> None:
    ada = _add()
    bob = _add("bob@example.com", "helpdesk")
    for remove in (lambda: deactivate_user(ada.id), lambda: set_role(ada.id, "helpdesk")):
        with pytest.raises(LastAdminError):
            remove()
    assert fresh(User, ada.id).is_admin
    set_role(bob.id, "admin")
    set_role(ada.id, "helpdesk")
    assert not fresh(User, ada.id).is_admin
    with pytest.raises(LastAdminError):
        deactivate_user(bob.id)


def test_a_deactivated_admin_does_not_count(app: Flask) -> None:
    ada, bob = _add(), _add("bob@example.com")
    deactivate_user(bob.id)
    with pytest.raises(LastAdminError):
        deactivate_user(ada.id)


def test_unknown_roles_and_users(app: Flask) -> None:
    ada = _add()
    with pytest.raises(UserError, match="role is one of"):
        set_role(ada.id, "owner")
    for call in (set_role, set_password):
        with pytest.raises(NotFoundError):
            call(99, "admin" if call is set_role else PASSWORD)


@both_databases
def test_two_admins_cannot_remove_each_other(app: Flask) -> None:
    """Both at the same moment: one of them succeeds, the other is the last admin."""
    users = [_add(), _add("bob@example.com")]
    barrier = threading.Barrier(2)
    refusals: list[ServiceError] = []

    def remove(user_id: int) -> None:
        with app.app_context():
            barrier.wait(30)
            try:
                deactivate_user(user_id)
            except LastAdminError as error:
                refusals.append(error)

    threads = [threading.Thread(target=remove, args=(user.id,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(user.is_active for user in list_users()) == 1
    assert len(refusals) == 1


def test_a_hash_that_is_made_up_is_one_that_no_password_has(real_passwords: object) -> None:
    made_up, real = build_unmatched_hash(), hash_password("a password of eight")
    assert made_up.split("$")[:4] == real.split("$")[:4]
    assert len(made_up) == len(real)
    assert not is_password("", made_up)
    assert build_unmatched_hash() != made_up
