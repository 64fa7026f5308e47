"""A person's name, role, sessions and own password."""

import pytest
from flask import Flask
from sqlalchemy import select, text

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_actions, audit_events, change, fresh
from tests.support.security.factors import set_up_passkey
from tests.support.security.sessions import begin, sign_in_as
from webapp.extensions import db
from webapp.models import SecurityNote, User
from webapp.models.user import NO_PASSWORD
from webapp.services.errors import NotFoundError
from webapp.services.lookups import get_user
from webapp.services.people.change_password import change_own_password
from webapp.services.people.edit_user import (
    UserConflictError,
    UserEdit,
    edit_user,
    sign_out_everywhere,
)
from webapp.services.people.invite_user import invite_user
from webapp.services.people.password_links import choose_password, make_password_link
from webapp.services.people.read_users import list_successors, read_user, read_users
from webapp.services.people.sessions import SignInError, find_session, sign_out
from webapp.services.people.users import (
    LastAdminError,
    UserError,
    add_user,
    deactivate_user,
    is_password,
    set_password,
)
from webapp.services.transactions import transaction

PASSWORD = "correct horse"


@pytest.fixture
def people(app: Flask) -> tuple[User, User]:
    """Ada, an admin, and Bo of the helpdesk."""
    ada = add_user(email="ada@example.com", name="Ada", password=PASSWORD, role="admin")
    return ada, add_user(email="bo@example.com", name="Bo", password=PASSWORD, role="helpdesk")


@both_databases
def test_name_and_role(people: tuple[User, User]) -> None:
    ada, bo = people
    edit_user(bo.id, UserEdit(" Bo\x00 L ", "admin", "Bo", "helpdesk"), actor_id=ada.id)
    stored = fresh(User, bo.id)
    assert (stored.name, stored.role) == ("Bo L", "admin")
    assert audit_actions()[-2:] == ["user.renamed", "user.role_set"]
    edit_user(bo.id, UserEdit("Bo L", "admin"), actor_id=ada.id)
    assert len(audit_events()) == 4


@both_databases
def test_what_somebody_else_saved_is_not_overwritten(people: tuple[User, User]) -> None:
    ada, bo = people
    seen = UserEdit("Robert", "helpdesk", "Bo", "helpdesk")
    edit_user(bo.id, UserEdit("Bobby", "helpdesk", "Bo", "helpdesk"), actor_id=ada.id)
    with pytest.raises(UserConflictError, match="it is Bobby, helpdesk, bo@"):
        edit_user(bo.id, seen, actor_id=ada.id)
    assert fresh(User, bo.id).name == "Bobby"


@both_databases
def test_the_address(people: tuple[User, User]) -> None:
    ada, bo = people
    token = begin(bo.id, "here")
    edit_user(
        bo.id, UserEdit("Bo", email=" Bo.L@Example.COM ", seen_email=bo.email), actor_id=bo.id
    )
    assert fresh(User, bo.id).email == "bo.l@example.com"
    assert sign_in_as("bo.l@example.com", PASSWORD, "a browser")
    assert find_session(token) is not None
    event = audit_events()[-1]
    assert (event.action, event.actor_id) == ("user.email_changed", bo.id)
    assert (event.before, event.after) == (
        {"email": "bo@example.com"},
        {"email": "bo.l@example.com"},
    )
    for taken, words in (("ADA@example.com", "There is a user"), ("x", "Enter an e-mail")):
        with pytest.raises(UserError, match=words) as caught:
            edit_user(bo.id, UserEdit("Robert", email=taken), actor_id=ada.id)
        assert set(caught.value.fields) == {"email"}
    with pytest.raises(UserConflictError):
        edit_user(bo.id, UserEdit("Bo", email="b@b.org", seen_email="old@b.org"), actor_id=ada.id)
    stored = fresh(User, bo.id)
    assert (stored.name, stored.email, stored.role) == ("Bo", "bo.l@example.com", "helpdesk")


def test_giving_up_being_admin(people: tuple[User, User]) -> None:
    ada, bo = people
    demoted = UserEdit("Ada", "helpdesk")
    with pytest.raises(LastAdminError):
        edit_user(ada.id, demoted, actor_id=ada.id, is_confirmed=True)
    edit_user(bo.id, UserEdit("Bo", "admin"), actor_id=ada.id)
    with pytest.raises(UserError) as caught:
        edit_user(ada.id, demoted, actor_id=ada.id)
    assert set(caught.value.fields) == {"is_confirmed"}
    edit_user(ada.id, demoted, actor_id=ada.id, is_confirmed=True)
    assert not fresh(User, ada.id).is_admin


def test_everything_wrong_is_said_at_once(people: tuple[User, User]) -> None:
    with pytest.raises(UserError) as caught:
        edit_user(people[1].id, UserEdit(" ", "owner"), actor_id=people[0].id)
    assert set(caught.value.fields) == {"name", "role"}
    with pytest.raises(NotFoundError):
        edit_user(99, UserEdit("X", "admin"), actor_id=people[0].id)


@both_databases
def test_signing_out_everywhere(people: tuple[User, User]) -> None:
    ada, bo = people
    tokens = [begin(bo.id, "one"), begin(bo.id, "two")]
    mine = begin(ada.id, None)
    assert sign_out_everywhere(bo.id, actor_id=ada.id) == 2
    assert [find_session(token) for token in tokens] == [None, None]
    assert find_session(mine) is not None
    assert audit_events()[-1].after == {"sessions": 2}
    assert sign_out_everywhere(bo.id, actor_id=ada.id) == 0
    assert audit_actions().count("user.signed_out") == 1


def test_a_changed_password_is_mailed_and_a_first_one_is_not(people: tuple[User, User]) -> None:
    ada, bo = people
    change_own_password(bo.id, PASSWORD, "another password", kept_token=begin(bo.id, "here"))
    set_password(bo.id, "a third password", None)
    choose_password(make_password_link(bo.id, actor_id=ada.id).token, "a fourth password")
    told = [one for one in all_rows(SecurityNote) if one.subject.endswith("was changed")]
    assert [one.user_id for one in told] == [bo.id] * 3
    assert all(one.next_mail_at and one.seen_at for one in told)  # by mail alone
    invited = invite_user(email="cleo@example.com", name="Cleo", role="helpdesk", actor_id=ada.id)
    assert invited.link is not None
    choose_password(invited.link.token, "a first password")
    assert {one.user_id for one in all_rows(SecurityNote)} == {bo.id}


def test_who_has_a_passkey_alone_is_told_of_a_first_password(people: tuple[User, User]) -> None:
    _ada, bo = people
    set_up_passkey(bo.id)
    change(User, bo.id, password_hash=NO_PASSWORD)
    set_password(bo.id, "a first password", None)
    assert "Your Triagedesk password was changed" in [one.subject for one in all_rows(SecurityNote)]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_whoever_changes_a_user_holds_up_no_event_about_them(people: tuple[User, User]) -> None:
    """Two who lock each other's rows the other way round would be a deadlock."""
    _ada, bo = people
    is_this = select(User.id).where(User.id == bo.id)
    with transaction() as session, db.engine.connect() as other:
        get_user(session, bo.id, lock=True)
        other.execute(text("SET lock_timeout = '2s'"))
        names_the_user = is_this.with_for_update(read=True, key_share=True)
        assert other.scalar(names_the_user) == bo.id
        changes_the_user = is_this.with_for_update(key_share=True, skip_locked=True)
        assert other.scalar(changes_the_user) is None


@both_databases
def test_the_own_password(people: tuple[User, User]) -> None:
    _ada, bo = people
    kept, other = begin(bo.id, "here"), begin(bo.id, "there")
    with pytest.raises(UserError) as caught:
        change_own_password(bo.id, "wrong", "short", kept_token=kept)
    assert set(caught.value.fields) == {"current_password", "new_password"}
    assert find_session(other) is not None
    renewed = change_own_password(bo.id, PASSWORD, "another password", kept_token=kept)
    assert find_session(renewed) is not None
    assert find_session(kept) is None
    assert find_session(other) is None
    with pytest.raises(SignInError):
        sign_in_as(bo.email, PASSWORD, None)
    event = audit_events()[-1]
    assert (event.action, event.actor_id) == ("user.password_set", bo.id)
    assert event.after == {"password": "changed"}


@both_databases
def test_people_as_the_list_shows_them(people: tuple[User, User], fake_clock: FakeClock) -> None:
    ada, bo = people
    begun = fake_clock.now()
    begin(bo.id, None)
    sign_out(begin(bo.id, None))
    fake_clock.advance(hours=2)
    rows = {row.user.id: row for row in read_users()}
    assert list(rows) == [ada.id, bo.id]
    assert (rows[bo.id].sessions, rows[bo.id].last_sign_in_at) == (1, begun)
    assert (rows[ada.id].sessions, rows[ada.id].last_sign_in_at) == (0, None)
    assert [row.is_last_admin for row in rows.values()] == [True, False]
    assert [user.id for user in list_successors(ada.id)] == [bo.id]
    deactivate_user(bo.id)
    assert list_successors(ada.id) == []
    assert read_user(bo.id).sessions == 0
    with pytest.raises(NotFoundError):
        read_user(99)


def test_a_password_changed_meanwhile_is_not_replaced_by_who_knew_the_old_one(
    people: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bo = people

    def checked_slowly(password: str, password_hash: str) -> bool:
        is_right = is_password(password, password_hash)
        set_password(bo.id, "chosen by an admin")
        return is_right

    monkeypatch.setattr("webapp.services.people.change_password.is_password", checked_slowly)
    with pytest.raises(UserError) as caught:
        change_own_password(bo.id, PASSWORD, "another password", kept_token=None)
    assert set(caught.value.fields) == {"current_password"}
    assert sign_in_as(bo.email, "chosen by an admin", None)[0].id == bo.id
