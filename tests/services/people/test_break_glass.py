"""Passwords that are switched off for all but break-glass admins."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_actions, change, fresh
from tests.support.security.factors import set_up_passkey
from tests.support.security.oidc_provider import OidcProvider
from tests.support.security.sessions import begin
from tests.support.security.single_sign_on import BREAK_GLASS, configure
from webapp import clock
from webapp.domain.watch.alarm_kinds import Trouble
from webapp.extensions import current_config
from webapp.models import AuditEvent, PasswordLink, SecurityNote, User
from webapp.services.operations.check_audit import check_audit
from webapp.services.people.change_password import change_own_password
from webapp.services.people.edit_user import UserEdit, edit_user
from webapp.services.people.factors.passkeys import ask_for_any_passkey
from webapp.services.people.factors.second_step import sign_in_with_passkey
from webapp.services.people.invite_user import invite_user
from webapp.services.people.password_links import (
    PasswordLinkError,
    choose_password,
    find_link_owner,
    make_password_link,
)
from webapp.services.people.sessions import SignInError, find_session
from webapp.services.people.show_presence import NotPresentError, show_password
from webapp.services.people.sign_in import check_sign_in
from webapp.services.people.single_sign_on.break_glass import set_break_glass
from webapp.services.people.single_sign_on.local_passwords import (
    BreakGlassError,
    PasswordsOffError,
    find_limit_problem,
    read_password_limit,
    read_password_use,
    warn_of_limit_problem,
)
from webapp.services.people.users import LastAdminError, add_user, deactivate_user, set_role
from webapp.services.transactions import reading
from webapp.services.watch.find_in_security import find_in_security

PASSWORD = "correct horse battery"


@pytest.fixture
def oidc(app: Flask, fake_clock: FakeClock) -> Iterator[OidcProvider]:
    with OidcProvider(fake_clock.now) as provider:
        configure(app, provider, **BREAK_GLASS)
        yield provider


@pytest.fixture
def people(oidc: OidcProvider) -> tuple[User, User, User]:
    """Ada and Bo, admins, and Cleo; nobody may break the glass yet."""
    return (
        add_user(email="ada@example.com", name="Ada", password=PASSWORD, role="admin"),
        add_user(email="bo@example.com", name="Bo", password=PASSWORD, role="admin"),
        add_user(email="cleo@example.com", name="Cleo", password=PASSWORD, role="helpdesk"),
    )


@pytest.fixture
def limited(people: tuple[User, User, User]) -> tuple[User, User, User]:
    """The same, and Ada may break the glass: passwords are limited."""
    set_break_glass(people[0].id, True)
    return people


@both_databases
def test_without_a_break_glass_admin_the_limit_is_not_applied(
    people: tuple[User, User, User], caplog: pytest.LogCaptureFixture
) -> None:
    ada, _bo, cleo = people
    warn_of_limit_problem()
    assert "break-glass is not applied: no active admin" in caplog.text
    assert not read_password_limit()
    assert check_sign_in(cleo.email, PASSWORD)
    set_break_glass(ada.id, True)
    assert read_password_limit()
    assert find_limit_problem() is None


@pytest.mark.parametrize(
    "change_of_ada", [{"is_active": False}, {"role": "helpdesk"}, {"password_hash": "!"}]
)
def test_who_could_not_get_in_does_not_count(
    limited: tuple[User, User, User], change_of_ada: dict[str, object]
) -> None:
    change(User, limited[0].id, **change_of_ada)
    assert not read_password_limit()
    assert find_limit_problem()


def test_a_password_signs_in_break_glass_accounts_alone(
    limited: tuple[User, User, User], caplog: pytest.LogCaptureFixture
) -> None:
    ada, bo, cleo = limited
    for other in (bo, cleo):
        with pytest.raises(SignInError):
            check_sign_in(other.email, PASSWORD)
        assert all_rows(AuditEvent)[-1].after == {"reason": "passwords are off"}
        with pytest.raises(SignInError):
            check_sign_in(other.email, "wrong")
        assert all_rows(AuditEvent)[-1].after == {"reason": "wrong password"}
    with pytest.raises(SignInError):
        check_sign_in(ada.email, "wrong")
    assert "user.glass_broken" not in audit_actions()
    assert check_sign_in(ada.email, PASSWORD).id == ada.id
    assert audit_actions()[-1] == "user.glass_broken"
    notes = all_rows(SecurityNote)
    assert [note.user_id for note in notes] == [bo.id], "the other admins, and nobody else"
    found = [check for check in check_audit(current_config(), clock.utcnow()) if not check.is_ok]
    assert [check.name for check in found] == ["sign-ins"]
    assert "Ada signed in with a break-glass account once within a day." in found[0].detail
    with reading() as session:
        troubles = list(find_in_security(session, current_config(), clock.utcnow()))
    assert [one.kind for one in troubles] == [Trouble.GLASS_BROKEN]
    assert "break-glass account ada@example.com was used" in notes[0].sentence
    assert f"Break-glass account {ada.id} is used to sign in." in caplog.text


def test_nothing_stands_out_while_everybody_has_a_password(
    app: Flask, oidc: OidcProvider, limited: tuple[User, User, User]
) -> None:
    configure(app, oidc)
    assert check_sign_in(limited[0].email, PASSWORD)
    assert check_sign_in(limited[2].email, PASSWORD)
    assert "user.glass_broken" not in audit_actions()


def test_a_passkey_alone_signs_in_break_glass_accounts_alone(
    app: Flask, oidc: OidcProvider, limited: tuple[User, User, User]
) -> None:
    ada, bo, _cleo = limited
    configure(app, oidc, public_url="http://localhost:8000", **BREAK_GLASS)
    for user in (ada, bo):
        passkey, _ = set_up_passkey(user.id)
        question = ask_for_any_passkey()
        answer = passkey.show(question.options)
        if user is ada:
            assert sign_in_with_passkey(question.token, answer).user_id == ada.id
            assert audit_actions()[-1] == "user.glass_broken"
            continue
        with pytest.raises(PasswordsOffError, match="people sign in with Mock"):
            sign_in_with_passkey(question.token, answer)
        refused = all_rows(AuditEvent)[-1]
        assert (refused.action, refused.after) == (
            "session.refused",
            {"reason": "passwords are off"},
        )


@both_databases
def test_links_work_for_break_glass_accounts_alone(people: tuple[User, User, User]) -> None:
    ada, bo, cleo = people
    early = make_password_link(cleo.id, actor_id=bo.id)
    set_break_glass(ada.id, True)
    with pytest.raises(PasswordLinkError):
        find_link_owner(early.token)
    with pytest.raises(PasswordLinkError):
        choose_password(early.token, "another good password")
    with pytest.raises(PasswordsOffError, match="people sign in with Mock"):
        make_password_link(cleo.id, actor_id=bo.id)
    link = make_password_link(ada.id, actor_id=bo.id)
    assert choose_password(link.token, "another good password").id == ada.id


def test_an_invitation_needs_no_link(limited: tuple[User, User, User]) -> None:
    invitation = invite_user(
        email="dee@example.com", name="Dee", role="helpdesk", actor_id=limited[0].id
    )
    assert invitation.link is None
    assert all_rows(PasswordLink) == []
    assert not read_password_use(invitation.user.id)


def test_passwords_are_changed_and_shown_by_break_glass_accounts_alone(
    limited: tuple[User, User, User],
) -> None:
    ada, _bo, cleo = limited
    for user, is_allowed in ((cleo, False), (ada, True)):
        token = begin(user.id)
        found = find_session(token)
        assert found is not None
        assert read_password_use(user.id) is is_allowed
        if is_allowed:
            show_password(user.id, found.id, PASSWORD)
            change_own_password(user.id, PASSWORD, "another good password", kept_token=token)
            continue
        with pytest.raises(NotPresentError):
            show_password(user.id, found.id, PASSWORD)
        with pytest.raises(PasswordsOffError):
            change_own_password(user.id, PASSWORD, "another good password", kept_token=token)


@both_databases
def test_the_last_break_glass_account_stays_one(limited: tuple[User, User, User]) -> None:
    ada, bo, _cleo = limited
    for take_away in (
        lambda: set_break_glass(ada.id, False),
        lambda: deactivate_user(ada.id, bo.id),
        lambda: set_role(ada.id, "helpdesk"),
        lambda: edit_user(ada.id, UserEdit("Ada", "auditor"), actor_id=bo.id),
    ):
        with pytest.raises(BreakGlassError, match="is the last account that may break the glass"):
            take_away()
    assert fresh(User, ada.id).is_break_glass
    set_break_glass(bo.id, True)
    set_role(ada.id, "helpdesk")
    assert not fresh(User, ada.id).is_break_glass, "only admins may"
    with pytest.raises(LastAdminError):
        set_role(bo.id, "helpdesk")


def test_without_the_limit_anybody_may_stop_being_one(
    app: Flask, oidc: OidcProvider, limited: tuple[User, User, User]
) -> None:
    configure(app, oidc)
    set_break_glass(limited[0].id, False)
    assert not fresh(User, limited[0].id).is_break_glass


def test_who_may_become_one(people: tuple[User, User, User]) -> None:
    ada, bo, cleo = people
    change(User, bo.id, password_hash="!")
    for user in (bo, cleo):
        with pytest.raises(BreakGlassError, match="has to be an active admin with a password"):
            set_break_glass(user.id, True)
    set_break_glass(ada.id, True, actor_id=bo.id)
    set_break_glass(ada.id, True, actor_id=bo.id)
    events = [event for event in all_rows(AuditEvent) if event.action == "user.break_glass_set"]
    assert [(event.before, event.after) for event in events] == [
        ({"is_break_glass": False}, {"is_break_glass": True})
    ]
