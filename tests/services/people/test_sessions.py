"""Sessions: begun, found, touched, renewed, ended; browsers that are known."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask

from tests.support.databases import TEST_SECURITY, both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from tests.support.security.sessions import begin
from webapp import clock, create_app
from webapp.config import Config
from webapp.domain.live.absence import Stay, absence_before
from webapp.extensions import db
from webapp.models import AuditEvent, Device, PendingSignIn, SecurityNote, User, UserSession
from webapp.services.errors import NotFoundError
from webapp.services.people.edit_user import sign_out_everywhere
from webapp.services.people.own_sessions import (
    end_all_sessions,
    end_other_sessions,
    end_session,
    list_sessions,
)
from webapp.services.people.pending_sign_ins import begin_pending
from webapp.services.people.read_users import read_user
from webapp.services.people.sessions import (
    COOKIE_LENGTH,
    MOST_KNOWN_IN_ONE_BROWSER,
    Browser,
    Factor,
    Method,
    begin_session,
    end_sessions,
    find_session,
    renew_session,
    sign_out,
    touch_session,
)
from webapp.services.people.users import add_user, deactivate_user, set_password
from webapp.services.transactions import transaction

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
HOME = Browser(user_agent=FIREFOX, address="203.0.113.7")


@pytest.fixture
def config(config: Config) -> Config:
    """Sessions as they are by default: idle for eight hours, two weeks at most."""
    return replace(config, security=replace(TEST_SECURITY, idle_lifetime=timedelta(hours=8)))


@pytest.fixture
def ada(app: Flask, fake_clock: FakeClock) -> User:
    return add_user(email="ada@example.com", name="Ada", password="a long horse", role="admin")


def events() -> list[tuple[str, int | None]]:
    return [
        (event.action, event.actor_id)
        for event in all_rows(AuditEvent)
        if event.action.startswith("session.")
    ]


@both_databases
def test_a_session_knows_where_and_how_it_began(ada: User, fake_clock: FakeClock) -> None:
    begun = begin_session(ada.id, HOME, method=Method.PASSWORD, factor=Factor.APP)
    [row] = all_rows(UserSession)
    assert (row.method, row.factor, row.address) == ("password", "app", "203.0.113.7")
    assert row.present_at == row.last_seen_at == fake_clock.now()
    assert row.expires_at == fake_clock.now() + timedelta(days=14)
    [event] = [one for one in all_rows(AuditEvent) if one.action == "session.begun"]
    assert event.after == {"method": "password", "factor": "app", "new_device": False}
    assert (event.address, event.session_ref) == ("203.0.113.7", begun.reference)
    assert event.device_ref == all_rows(Device)[0].reference


def test_a_session_ends_when_it_is_idle_for_eight_hours(ada: User, fake_clock: FakeClock) -> None:
    token = begin(ada.id)
    for _ in range(3):
        fake_clock.advance(hours=7, minutes=59)
        found = find_session(token)
        assert found is not None
        touch_session(found.id, found.user_id, "198.51.100.1")
    assert all_rows(UserSession)[0].address == "198.51.100.1"
    fake_clock.advance(hours=8)
    assert find_session(token) is None


def test_the_list_of_people_counts_no_session_that_is_idle(
    ada: User, fake_clock: FakeClock
) -> None:
    begin(ada.id)
    fake_clock.advance(hours=7)
    begin(ada.id)
    assert read_user(ada.id).sessions == 2
    fake_clock.advance(hours=2)
    assert read_user(ada.id).sessions == 1


def test_use_does_not_make_a_session_last_longer_than_two_weeks(
    ada: User, fake_clock: FakeClock
) -> None:
    token = begin(ada.id)
    for _ in range(14 * 4):
        found = find_session(token)
        assert found is not None
        touch_session(found.id, found.user_id, None)
        fake_clock.advance(hours=6)
    assert find_session(token) is None


def test_signing_in_again_ends_the_session_that_the_browser_had(ada: User) -> None:
    first = begin_session(ada.id, HOME)
    again = replace(HOME, session_token=first.token, device_token=first.device_token)
    second = begin_session(ada.id, again)
    assert find_session(first.token) is None
    assert find_session(second.token) is not None
    assert [name for name, _ in events()] == ["session.begun", "session.ended", "session.begun"]


def test_another_secret_key_ends_every_session(ada: User, config: Config) -> None:
    begun = begin_session(ada.id, HOME)
    db.session.remove()
    app = create_app(replace(config, secret_key="another secret key of many characters"))
    with app.app_context():
        assert find_session(begun.token) is None
        later = begin_session(ada.id, replace(HOME, device_token=begun.device_token))
        assert later.device_token != begun.device_token
        db.engine.dispose()
    assert find_session(begun.token) is not None


def test_a_token_that_was_renewed_is_worth_nothing(ada: User) -> None:
    old, other = begin(ada.id), begin(ada.id)
    with transaction() as session:
        end_sessions(session, ada.id, actor_id=ada.id, except_token=old)
        new = renew_session(session, old)
    assert [find_session(token) is None for token in (old, other, new)] == [True, True, False]
    with pytest.raises(NotFoundError), transaction() as session:
        renew_session(session, old)


@both_databases
def test_the_first_browser_is_no_news_and_another_one_is(ada: User, fake_clock: FakeClock) -> None:
    first = begin_session(ada.id, HOME)
    fake_clock.advance(hours=1)
    again = begin_session(ada.id, replace(HOME, device_token=first.device_token))
    assert again.device_token == first.device_token
    assert all_rows(SecurityNote) == []
    begin_session(ada.id, HOME)
    [note] = all_rows(SecurityNote)
    assert "Firefox on Windows from 203.0.113.7" in note.sentence
    assert note.seen_at is not None  # whoever has just signed in must not read it away
    assert note.next_mail_at == fake_clock.now()


@both_databases
def test_two_people_who_take_turns_in_one_browser_have_a_device_each(ada: User) -> None:
    bob = add_user(email="bob@example.com", name="Bob", password="a long horse", role="admin")
    begin_session(bob.id, HOME)
    shared = HOME
    for _ in range(3):
        for person in (ada, bob):
            begun = begin_session(person.id, shared)
            shared = replace(HOME, session_token=begun.token, device_token=begun.device_token)
    _elsewhere, *devices = all_rows(Device)
    assert [one.user_id for one in devices] == [ada.id, bob.id]
    assert len({one.token_hash for one in devices}) == 2
    [note] = all_rows(SecurityNote)  # Bob's first time in a browser that is not his only one
    assert note.user_id == bob.id


def test_what_a_colleague_took_along_from_a_shared_browser_is_no_device_of_anybody_else(
    ada: User,
) -> None:
    bob = add_user(email="bob@example.com", name="Bob", password="a long horse", role="admin")
    taken_along = begin_session(bob.id, HOME).device_token
    begin_session(ada.id, replace(HOME, device_token=taken_along))
    before = len(all_rows(Device))
    begin_session(ada.id, replace(HOME, address="198.51.100.9", device_token=taken_along))
    assert len(all_rows(Device)) == before + 1
    [note] = all_rows(SecurityNote)
    assert (note.user_id, "198.51.100.9" in note.sentence) == (ada.id, True)


def test_more_people_than_a_cookie_holds_push_the_oldest_out(
    ada: User, fake_clock: FakeClock
) -> None:
    others = [
        add_user(email=f"p{number}@example.com", name="P", password="a long horse", role="helpdesk")
        for number in range(MOST_KNOWN_IN_ONE_BROWSER)
    ]
    shared = HOME
    for person in (ada, *others):
        fake_clock.advance(minutes=1)
        shared = replace(HOME, device_token=begin_session(person.id, shared).device_token)
        assert len(shared.device_token or "") <= COOKIE_LENGTH
    assert begin_session(others[0].id, shared).device_token == shared.device_token
    assert begin_session(ada.id, shared).device_token != shared.device_token


def test_a_browser_chooses_no_token_of_its_own(ada: User) -> None:
    begun = begin_session(ada.id, replace(HOME, device_token="chosen elsewhere"))
    assert begun.device_token != "chosen elsewhere"


@both_databases
def test_however_sessions_are_ended_each_is_on_record(ada: User) -> None:
    bob = add_user(email="bob@example.com", name="Bob", password="a long horse", role="admin")
    ways: list[tuple[Callable[[str], object], int | None]] = [
        (sign_out, ada.id),
        (lambda _: end_session(ada.id, list_sessions(ada.id)[0].id), ada.id),
        (lambda _: end_other_sessions(ada.id, "another"), ada.id),
        (lambda _: end_all_sessions(ada.id), None),
        (lambda _: end_all_sessions(), None),
        (lambda _: sign_out_everywhere(ada.id, actor_id=bob.id), bob.id),
        (lambda _: set_password(ada.id, "another long horse", bob.id), bob.id),
        (lambda _: deactivate_user(ada.id, bob.id), bob.id),
    ]
    for end, actor_id in ways:
        begun = begin_session(ada.id, HOME)
        end(begun.token)
        [event] = [
            one
            for one in all_rows(AuditEvent)
            if (one.action, one.subject_id) == ("session.ended", begun.reference)
        ]
        assert (event.actor_id, event.after) == (actor_id, {"user": ada.id})
        assert find_session(begun.token) is None


def test_what_was_idle_is_ended_for_good_and_is_no_news(ada: User, fake_clock: FakeClock) -> None:
    begin(ada.id)
    fake_clock.advance(hours=9)
    assert end_all_sessions() == 0
    assert all_rows(UserSession)[0].revoked_at == fake_clock.now()
    assert events() == []


def test_ending_sessions_voids_what_was_begun_to_sign_in(ada: User) -> None:
    begin_pending("factor", user_id=ada.id)
    with transaction() as session:
        end_sessions(session, ada.id, actor_id=None)
    assert all_rows(PendingSignIn) == []


class TestOwnSessions:
    def test_the_list_has_what_can_be_used_the_last_used_first(
        self, ada: User, fake_clock: FakeClock
    ) -> None:
        bob = add_user(email="bob@example.com", name="Bob", password="a long horse", role="admin")
        first = begin_session(ada.id, HOME)
        fake_clock.advance(minutes=1)
        second = begin_session(ada.id, HOME)
        begin_session(bob.id, HOME)
        assert [one.reference for one in list_sessions(ada.id)] == [
            second.reference,
            first.reference,
        ]
        assert list_sessions(ada.id)[0].browser == "Firefox on Windows"
        assert {one.email for one in list_sessions()} == {"ada@example.com", "bob@example.com"}
        fake_clock.advance(hours=8)
        assert list_sessions() == []

    def test_one_is_ended_by_its_owner_only(self, ada: User) -> None:
        bob = add_user(email="bob@example.com", name="Bob", password="a long horse", role="admin")
        begun = begin_session(ada.id, HOME)
        [shown] = list_sessions(ada.id)
        assert not end_session(bob.id, shown.id)
        assert find_session(begun.token) is not None
        assert end_session(ada.id, shown.id)
        assert not end_session(ada.id, shown.id)
        assert find_session(begun.token) is None

    @both_databases
    def test_the_others_are_ended_and_each_is_on_record(self, ada: User) -> None:
        kept, *others = (begin_session(ada.id, HOME) for _ in range(3))
        assert end_other_sessions(ada.id, kept.reference) == 2
        assert find_session(kept.token) is not None
        assert all(find_session(one.token) is None for one in others)
        assert events().count(("session.ended", ada.id)) == 2

    @both_databases
    def test_everybody_is_signed_out(self, ada: User) -> None:
        bob = add_user(email="bob@example.com", name="Bob", password="a long horse", role="admin")
        tokens = [begin(ada.id), begin(bob.id)]
        begin_pending("passkey")
        begin_pending("factor", user_id=bob.id)
        assert end_all_sessions() == 2
        assert [find_session(token) for token in tokens] == [None, None]
        assert all_rows(PendingSignIn) == []
        assert end_all_sessions() == 0


def left_at(token: str) -> datetime | None:
    """What the row of a session says; the person is there now."""
    found = find_session(token)
    assert found is not None
    return absence_before([Stay(found.last_anywhere_at, found.left_anywhere_at)], clock.utcnow())


@both_databases
def test_when_somebody_left_is_known_in_all_their_browsers(
    ada: User, fake_clock: FakeClock
) -> None:
    laptop = begin(ada.id)
    assert left_at(laptop) is None
    evening = fake_clock.now()
    fake_clock.advance(hours=7)
    assert left_at(laptop) == evening, "also before the use is noted"
    found = find_session(laptop)
    assert found is not None
    touch_session(found.id, ada.id, None)
    phone = begin(ada.id)
    fake_clock.advance(minutes=50)
    touch_session(found.id, ada.id, None)
    assert left_at(laptop) == left_at(phone) == evening
    fake_clock.advance(minutes=50)
    assert left_at(phone) == evening, "the other browser was used"
    night = fake_clock.now() - timedelta(minutes=50)
    fake_clock.advance(hours=6)
    assert left_at(phone) == night
