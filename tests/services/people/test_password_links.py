"""Invitations and links to choose a password: one use, 72 or 24 hours, one link a person."""

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_actions, audit_events, change, fresh
from tests.support.security.sessions import sign_in_as
from webapp import clock
from webapp.models import Passkey, PasswordLink, SecurityNote, User
from webapp.models.user import NO_PASSWORD
from webapp.services.errors import NotFoundError
from webapp.services.lookups import get_user
from webapp.services.people.invite_user import invite_user
from webapp.services.people.password_links import (
    InactiveUserError,
    IssuedLink,
    PasswordLinkError,
    choose_password,
    find_link_owner,
    make_password_link,
    withdraw_link,
)
from webapp.services.people.sessions import SignInError
from webapp.services.people.users import (
    UserError,
    activate_user,
    add_user,
    deactivate_user,
    find_user,
    set_password,
)
from webapp.services.retention.delete_old_records import delete_old_records
from webapp.services.transactions import transaction

CHOSEN = "correct horse"
BETTER = "another good one"


@pytest.fixture
def ada(app: Flask) -> User:
    return add_user(email="ada@example.com", name="Ada", password=CHOSEN, role="admin")


def invite(ada: User, email: str = "cleo@example.com") -> IssuedLink:
    link = invite_user(email=email, name="Cleo", role="helpdesk", actor_id=ada.id).link
    assert link is not None
    return link


@both_databases
def test_an_invitation_is_used_once(app: Flask, ada: User, fake_clock: FakeClock) -> None:
    link = invite(ada)
    assert (link.purpose, link.user.has_password) == ("invitation", False)
    assert find_link_owner(link.token).email == "cleo@example.com"
    with pytest.raises(SignInError):
        sign_in_as("cleo@example.com", "!", None)
    assert choose_password(link.token, CHOSEN).id == link.user.id
    assert sign_in_as("cleo@example.com", CHOSEN, None)[0].name == "Cleo"
    for use in (find_link_owner, lambda token: choose_password(token, BETTER)):
        with pytest.raises(PasswordLinkError):
            use(link.token)
    [stored] = all_rows(PasswordLink)
    assert stored.used_at == fake_clock.now()
    assert link.token not in repr([vars(event) for event in audit_events()])
    assert audit_actions() == ["user.added", "user.invited", "user.password_chosen"]
    assert audit_events()[-1].after == {"password": "changed"}


@both_databases
def test_two_at_the_same_moment_use_a_link_once(app: Flask, ada: User) -> None:
    link = invite(ada)
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def use(password: str) -> None:
        with app.app_context():
            barrier.wait(30)
            try:
                choose_password(link.token, password)
                outcomes.append("chosen")
            except PasswordLinkError:
                outcomes.append("refused")

    threads = [threading.Thread(target=use, args=(f"{CHOSEN} {name}",)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["chosen", "refused"]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_using_a_link_while_an_admin_makes_another_is_refused_in_words(
    app: Flask, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who locked the link before the person would wait for the admin, who waits for the link."""
    link = invite(ada)
    has_person = threading.Event()

    def make_another() -> None:
        with app.app_context():
            make_password_link(link.user.id, actor_id=ada.id)

    admin = threading.Thread(target=make_another)

    def get_user_after_the_admin(session: Session, user_id: int, *, lock: bool) -> User:
        if threading.current_thread() is not admin:
            admin.start()
            assert has_person.wait(30)
        user = get_user(session, user_id, lock=lock)
        has_person.set()
        return user

    monkeypatch.setattr("webapp.services.people.password_links.get_user", get_user_after_the_admin)
    with pytest.raises(PasswordLinkError):
        choose_password(link.token, CHOSEN)
    admin.join()


def test_a_token_has_128_random_bits(ada: User) -> None:
    tokens = {invite(ada, f"{number}@example.com").token for number in range(5)}
    assert len(tokens) == 5
    assert all(len(token) * 5 >= 128 for token in tokens)
    assert not {link.token_hash for link in all_rows(PasswordLink)} & tokens


def test_a_taken_address_is_invited_once(ada: User) -> None:
    invite(ada)
    with pytest.raises(UserError, match=r"cleo@example\.com"):
        invite(ada, "CLEO@example.com")
    assert len(all_rows(PasswordLink)) == 1


@pytest.mark.parametrize(("purpose", "hours"), [("invitation", 72), ("reset", 24)])
def test_a_link_ends_in_time_and_is_swept_up(
    ada: User, fake_clock: FakeClock, purpose: str, hours: int
) -> None:
    is_reset = purpose == "reset"
    link = make_password_link(ada.id, actor_id=None) if is_reset else invite(ada)
    assert link.purpose == purpose
    fake_clock.advance(hours=hours - 1)
    find_link_owner(link.token)
    fake_clock.advance(hours=1)
    with pytest.raises(PasswordLinkError, match="works for 72 hours, a link for a new password"):
        choose_password(link.token, CHOSEN)
    assert delete_old_records(fake_clock.advance(seconds=1))["password_links"] == 1


def test_a_weak_password_does_not_spend_it(ada: User) -> None:
    link = invite(ada)
    with pytest.raises(UserError):
        choose_password(link.token, "short")
    choose_password(link.token, CHOSEN)


def test_a_second_link_makes_the_first_worthless(ada: User) -> None:
    first = invite(ada)
    second = make_password_link(first.user.id, actor_id=ada.id)
    assert second.purpose == "invitation"
    with pytest.raises(PasswordLinkError):
        choose_password(first.token, CHOSEN)
    choose_password(second.token, CHOSEN)
    assert make_password_link(first.user.id, actor_id=ada.id).purpose == "reset"


def test_the_old_password_works_until_the_link_is_used(ada: User) -> None:
    link = make_password_link(ada.id, actor_id=None)
    sign_in_as(ada.email, CHOSEN, None)
    choose_password(link.token, BETTER)
    with pytest.raises(SignInError):
        sign_in_as(ada.email, CHOSEN, None)


@pytest.mark.parametrize("end", ["set", "withdraw", "deactivate"])
def test_what_makes_a_link_worthless(ada: User, end: str) -> None:
    link = invite(ada)
    if end == "set":
        set_password(link.user.id, CHOSEN)
    elif end == "withdraw":
        assert withdraw_link(link.user.id, actor_id=ada.id)
        assert not withdraw_link(link.user.id, actor_id=ada.id)
    else:
        deactivate_user(link.user.id)
        with pytest.raises(InactiveUserError, match="activate the account first"):
            make_password_link(link.user.id, actor_id=ada.id)
        activate_user(link.user.id)
    with pytest.raises(PasswordLinkError):
        choose_password(link.token, BETTER)
    assert fresh(User, link.user.id).has_password is (end == "set")


def test_unknown_people(ada: User) -> None:
    for call in (make_password_link, withdraw_link):
        with pytest.raises(NotFoundError):
            call(99, actor_id=ada.id)


@both_databases
def test_who_signs_in_without_a_password_is_told_of_a_link(
    ada: User, fake_clock: FakeClock
) -> None:
    """An admin could otherwise choose a password for another one who only has single sign-on."""
    add_user(email="bo@example.com", name="Bo", password=CHOSEN, role="admin")
    bo = find_user("bo@example.com")
    change(
        User,
        bo.id,
        password_hash=NO_PASSWORD,
        time_zone="Asia/Tokyo",
        oidc_issuer="https://id.example.com",
        oidc_subject="bo-1",
    )
    link = make_password_link(bo.id, actor_id=ada.id)
    assert link.purpose == "reset"
    assert link.expires_at == fake_clock.now() + timedelta(hours=24)
    [note] = all_rows(SecurityNote, SecurityNote.user_id == bo.id)
    assert "was made by Ada" in note.sentence
    choose_password(link.token, BETTER, browser_zone="Europe/Paris")
    assert fresh(User, bo.id).time_zone == "Asia/Tokyo", "what was chosen before stays"


@both_databases
def test_who_has_a_passkey_alone_is_told_of_a_link(ada: User) -> None:
    link = invite(ada)
    with transaction() as session:
        session.add(
            Passkey(
                user_id=link.user.id,
                credential_id="1",
                public_key=b"1",
                sign_count=0,
                name="Key",
                created_at=clock.utcnow(),
                is_backed_up=False,
            )
        )
    assert make_password_link(link.user.id, actor_id=ada.id).purpose == "reset"
    assert len(all_rows(SecurityNote)) == 1
