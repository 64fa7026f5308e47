"""Signing in with the identity provider: which account, which role, and who is refused."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.desk_data import HELPDESK, fill_desk
from tests.support.fake_clock import FakeClock
from tests.support.receivers.http_receiver import answer
from tests.support.rows import all_rows, audit_actions, audit_events, change, fresh
from tests.support.security.factors import require_factors
from tests.support.security.oidc_provider import Claims, OidcProvider, person, rsa_key, sign_with
from tests.support.security.sessions import begin
from tests.support.security.single_sign_on import BREAK_GLASS, ROLES, configure, parameters_of
from webapp.models import AuditEvent, SecurityNote, Ticket, User
from webapp.services.errors import NotFoundError
from webapp.services.people.edit_user import UserEdit, edit_user
from webapp.services.people.invite_user import invite_user
from webapp.services.people.sessions import find_session
from webapp.services.people.show_presence import NotPresentError
from webapp.services.people.single_sign_on.begin import begin_presence, begin_single_sign_on
from webapp.services.people.single_sign_on.finish import finish_presence, finish_single_sign_on
from webapp.services.people.single_sign_on.refusals import SingleSignOnError
from webapp.services.people.single_sign_on.unlink_account import unlink_account
from webapp.services.people.users import add_user, deactivate_user, find_user

PASSWORD = "correct horse battery"


@pytest.fixture
def oidc(app: Flask, fake_clock: FakeClock) -> Iterator[OidcProvider]:
    """A provider that the app uses, without roles."""
    with OidcProvider(fake_clock.now) as provider:
        configure(app, provider)
        yield provider


@pytest.fixture
def ada(app: Flask) -> User:
    """An admin with a password, and with the address that the provider knows."""
    return add_user(email="ada@example.com", name="Ada", password=PASSWORD, role="admin")


@pytest.fixture
def bo(ada: User) -> User:
    """Another admin, so that Ada is not the last."""
    return add_user(email="bo@example.com", name="Bo", password=PASSWORD, role="admin")


def sign_in(oidc: OidcProvider, **claims: Any) -> User:
    """Sign somebody in who is Ada but for these claims."""
    oidc.person = person(**claims)
    begun = begin_single_sign_on()
    let_in = finish_single_sign_on(begun.token, parameters_of(oidc.visit(begun.url)))
    return fresh(User, let_in.user_id)


def refusal(oidc: OidcProvider, **claims: Any) -> str:
    with pytest.raises(SingleSignOnError) as caught:
        sign_in(oidc, **claims)
    event = all_rows(AuditEvent)[-1]
    assert event.action == "session.refused"
    assert event.after == {"reason": caught.value.reason, "method": "single-sign-on"}
    return str(caught.value)


def notes_of(user: User) -> list[str]:
    return [note.sentence for note in all_rows(SecurityNote, SecurityNote.user_id == user.id)]


@both_databases
def test_an_account_is_linked_by_its_verified_address_once(ada: User, oidc: OidcProvider) -> None:
    assert sign_in(oidc).id == ada.id
    assert fresh(User, ada.id).oidc_issuer == oidc.issuer
    assert audit_actions() == ["user.added", "user.linked"]
    assert "signed in with Mock under your address" in notes_of(ada)[0]
    # From now on the provider's own name for her counts, whatever her address is.
    assert sign_in(oidc, email="ada@new.example.com", email_verified=False).id == ada.id
    assert sign_in(oidc, email=None).id == ada.id
    assert fresh(User, ada.id).email == "ada@example.com"
    assert audit_actions() == ["user.added", "user.linked"]


@both_databases
def test_an_invited_person_gets_in_without_a_password(ada: User, oidc: OidcProvider) -> None:
    invited = invite_user(
        email="cleo@example.com", name="Cleo", role="helpdesk", actor_id=ada.id
    ).user
    found = sign_in(oidc, sub="cleo-1", email="Cleo@Example.com")
    assert (found.id, found.role, found.name) == (invited.id, "helpdesk", "Cleo")
    assert not found.is_role_provided


@pytest.mark.parametrize("verified", [False, "false", None, "yes"])
def test_an_unverified_address_links_nothing(
    ada: User, oidc: OidcProvider, verified: object
) -> None:
    taken = refusal(oidc, email_verified=verified)
    unknown = refusal(oidc, email="nobody@example.com", email_verified=verified)
    assert taken.startswith("Mock does not vouch for ada@example.com")
    assert taken.replace("ada@", "nobody@") == unknown, "whether there is an account is not told"
    assert not fresh(User, ada.id).is_linked


def test_an_unverified_address_links_nothing_even_with_a_role(
    app: Flask, ada: User, oidc: OidcProvider
) -> None:
    configure(app, oidc, **ROLES)
    assert "does not vouch" in refusal(oidc, email_verified=False, groups=["Admins"])
    assert not fresh(User, ada.id).is_linked


@both_databases
def test_another_subject_with_the_same_address_does_not_take_over(
    app: Flask, ada: User, oidc: OidcProvider
) -> None:
    sign_in(oidc)
    configure(app, oidc, **ROLES)
    for groups in ([], ["Admins"]):
        sentence = refusal(oidc, sub="mallory-1", groups=groups)
        assert "The account ada@example.com belongs to another account at Mock" in sentence
        assert "ask an admin to unlink it under Users" in sentence
    assert fresh(User, ada.id).oidc_subject == "ada-1"


@both_databases
def test_after_unlinking_the_new_account_is_linked(ada: User, oidc: OidcProvider) -> None:
    sign_in(oidc)
    token = begin(ada.id)
    assert unlink_account(ada.id, actor_id=ada.id)
    assert find_session(token) is None
    assert not unlink_account(ada.id)
    assert sign_in(oidc, sub="ada-2").id == ada.id
    assert audit_actions() == ["user.added", "user.linked", "user.unlinked", "user.linked"]
    assert len(notes_of(ada)) == 3


def test_strangers_are_told_whom_to_ask(ada: User, oidc: OidcProvider) -> None:
    sentence = refusal(oidc, sub="eve-1", email="eve@example.com")
    assert sentence == (
        "There is no account for eve@example.com here. Ask an admin to invite you under exactly"
        " this address."
    )
    assert "for this person" in refusal(oidc, sub="eve-1", email=None)
    assert len(all_rows(User)) == 1


def test_who_was_deactivated_stays_out(ada: User, bo: User, oidc: OidcProvider) -> None:
    sign_in(oidc)
    deactivate_user(ada.id, bo.id)
    assert refusal(oidc).startswith("Your account here is deactivated.")
    unlink_account(ada.id)
    assert refusal(oidc).startswith("Your account here is deactivated.")


@both_databases
def test_a_role_by_claim_makes_an_account(app: Flask, ada: User, oidc: OidcProvider) -> None:
    configure(app, oidc, **ROLES)
    new = sign_in(
        oidc, sub="dee-1", email="dee@example.com", name="Dee\x00 D", groups=["x", "Helpdesk"]
    )
    assert (new.email, new.name, new.role) == ("dee@example.com", "Dee D", "helpdesk")
    assert (new.is_role_provided, new.has_password, new.is_active) == (True, False, True)
    event = audit_events()[-1]
    assert event.action == "user.added"
    assert event.after == {"email": "dee@example.com", "role": "helpdesk", "provider": "Mock"}
    assert "has to" not in refusal(oidc, sub="eve-1", email="eve@example.com", groups=["x"])
    assert "does not say your e-mail address" in refusal(
        oidc, sub="eve-1", email=None, groups=["Helpdesk"]
    )
    assert "does not say your e-mail address" in refusal(
        oidc, sub="eve-1", email="eve@e..e.com", groups=["Helpdesk"]
    )


@both_databases
def test_the_role_follows_the_claim(app: Flask, ada: User, oidc: OidcProvider) -> None:
    configure(app, oidc, **ROLES)
    dee = {"sub": "dee-1", "email": "dee@example.com"}
    assert sign_in(oidc, **dee, groups=["Helpdesk"]).role == "helpdesk"
    assert sign_in(oidc, **dee, groups="Admins").role == "admin"
    user = sign_in(oidc, **dee, groups=["Auditors"])
    assert user.role == "auditor"
    event = audit_events()[-1]
    assert (event.action, event.actor_id) == ("user.role_set", None)
    assert event.before == {"role": "admin"}
    assert event.after == {"role": "auditor", "provider": "Mock"}
    token = begin(user.id)
    assert "gives you no role for Triagedesk any more" in refusal(oidc, **dee, groups=["x"])
    assert find_session(token) is None, "who has lost the role is out at once"
    assert sign_in(oidc, **dee, groups=["Helpdesk"]).role == "helpdesk"


def test_a_role_that_an_admin_gave_stays_without_the_claim(
    app: Flask, ada: User, bo: User, oidc: OidcProvider
) -> None:
    configure(app, oidc, **ROLES)
    assert sign_in(oidc, groups=["x"]).role == "admin"
    assert sign_in(oidc, groups=["Helpdesk"]).role == "helpdesk"
    configure(app, oidc)  # the claim is not read any more
    assert sign_in(oidc, groups=[]).role == "helpdesk"


@both_databases
def test_nobody_becomes_an_auditor_who_has_open_tickets(
    app: Flask, oidc: OidcProvider, fake_clock: FakeClock
) -> None:
    desk = fill_desk(fake_clock.now(), tickets=1)
    configure(app, oidc, **ROLES)
    bo = {"sub": "bo-1", "email": HELPDESK[0]}
    assert sign_in(oidc, **bo, groups=["Helpdesk"]).id == desk.helpdesk_id
    change(Ticket, 1, assignee_id=desk.helpdesk_id, closed_at=None)
    kept = sign_in(oidc, **bo, groups=["Auditors"])
    assert (kept.role, kept.is_role_provided) == ("helpdesk", True)
    event = audit_events()[-1]
    assert (event.action, event.actor_id) == ("user.role_kept", None)
    assert event.after == {"role": "helpdesk", "wanted": "auditor", "provider": "Mock"}
    change(Ticket, 1, assignee_id=None)
    assert sign_in(oidc, **bo, groups=["Auditors"]).role == "auditor"


def test_who_becomes_an_admin_by_the_claim_has_the_whole_grace(
    app: Flask, ada: User, oidc: OidcProvider, fake_clock: FakeClock
) -> None:
    configure(app, oidc, **ROLES)
    require_factors()
    dee = {"sub": "dee-1", "email": "dee@example.com"}
    user = sign_in(oidc, **dee, groups=["Helpdesk"])
    change(User, user.id, factor_due_at=fake_clock.now() - timedelta(days=1))
    admin = sign_in(oidc, **dee, groups=["Admins"])
    assert admin.factor_due_at == fake_clock.now() + timedelta(days=7)
    assert sign_in(oidc, **dee, groups=["Helpdesk"]).factor_due_at is None


@both_databases
def test_the_last_admin_stays_admin(app: Flask, ada: User, oidc: OidcProvider) -> None:
    configure(app, oidc, **ROLES)
    assert sign_in(oidc, groups=["Helpdesk"]).role == "admin"
    assert audit_actions() == ["user.added", "user.linked", "user.role_kept"]
    add_user(email="bo@example.com", name="Bo", password=PASSWORD, role="admin")
    assert sign_in(oidc, groups=["Helpdesk"]).role == "helpdesk"


def test_a_wrong_state_is_refused_and_spends_nothing(ada: User, oidc: OidcProvider) -> None:
    begun = begin_single_sign_on()
    back = parameters_of(oidc.visit(begun.url))
    for state in ("", "x", "ä", back["state"] + "x"):
        with pytest.raises(SingleSignOnError, match="begun in another window"):
            finish_single_sign_on(begun.token, back | {"state": state})
    with pytest.raises(SingleSignOnError, match="begun in another window"):
        finish_single_sign_on(begun.token, {"code": back["code"]})
    assert "/token" not in oidc.asked
    assert finish_single_sign_on(begun.token, back).user_id == ada.id


def test_an_answer_is_taken_once(ada: User, oidc: OidcProvider) -> None:
    begun = begin_single_sign_on()
    back = parameters_of(oidc.visit(begun.url))
    finish_single_sign_on(begun.token, back)
    with pytest.raises(SingleSignOnError, match="begun in another window"):
        finish_single_sign_on(begun.token, back)
    assert oidc.asked.count("/token") == 1


def test_an_answer_belongs_to_the_browser_that_began(ada: User, oidc: OidcProvider) -> None:
    """Mallory sends Ada the address with which Mallory would be signed in."""
    oidc.person = person(sub="mallory-1")
    mallory, victim = begin_single_sign_on(), begin_single_sign_on()
    back = parameters_of(oidc.visit(mallory.url))
    for token in (victim.token, None, "", "x" * 5000):
        with pytest.raises(SingleSignOnError, match="begun in another window"):
            finish_single_sign_on(token, back)
    with pytest.raises(SingleSignOnError, match="could not be confirmed"):
        finish_single_sign_on(victim.token, back | {"state": parameters_of(victim.url)["state"]})


def test_an_answer_has_ten_minutes(ada: User, oidc: OidcProvider, fake_clock: FakeClock) -> None:
    begun = begin_single_sign_on()
    fake_clock.advance(minutes=10)
    with pytest.raises(SingleSignOnError, match="begun in another window"):
        finish_single_sign_on(begun.token, parameters_of(oidc.visit(begun.url)))


def test_what_goes_wrong_at_the_provider(
    ada: User, oidc: OidcProvider, caplog: pytest.LogCaptureFixture
) -> None:
    oidc.sign = sign_with(rsa_key(2), kid="rsa-1")
    assert "could not be confirmed" in refusal(oidc)
    assert "Single sign-on failed (token). The ID token has a signature" in caplog.text
    oidc.instead["/token"] = answer(503)
    assert "cannot be reached just now" in refusal(oidc)
    assert "The token endpoint answered 503 Service Unavailable" in caplog.text
    assert not any(code in caplog.text for code in oidc.granted)


def test_a_provider_that_is_down_from_the_start(
    ada: User, oidc: OidcProvider, caplog: pytest.LogCaptureFixture
) -> None:
    oidc.instead["/.well-known/openid-configuration"] = answer(500)
    with pytest.raises(SingleSignOnError, match=r"^Mock cannot be reached just now"):
        begin_single_sign_on()
    assert "answered 500 Internal Server Error" in caplog.text


def test_without_a_provider_there_is_nothing_to_begin(app: Flask) -> None:
    for begin_something in (begin_single_sign_on, lambda: begin_presence(1)):
        with pytest.raises(NotFoundError):
            begin_something()


@both_databases
def test_two_windows_at_once_make_one_account(app: Flask, oidc: OidcProvider) -> None:
    """Without an admin, so that no row is there on which they would wait for each other."""
    configure(app, oidc, **ROLES)
    oidc.person = person(sub="dee-1", email="dee@example.com", groups=["Helpdesk"])
    begun = [begin_single_sign_on() for _ in range(4)]
    answers = [(one.token, parameters_of(oidc.visit(one.url))) for one in begun]
    together = threading.Barrier(len(answers))
    found: list[int] = []

    def finish(token: str, back: dict[str, str]) -> None:
        with app.app_context():
            together.wait(30)
            found.append(finish_single_sign_on(token, back).user_id)

    threads = [threading.Thread(target=finish, args=one) for one in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [find_user("dee@example.com").id] * len(answers)


@pytest.fixture
def present(ada: User, oidc: OidcProvider) -> int:
    """The id of a session of Ada, who is linked, long after she signed in."""
    sign_in(oidc)
    found = find_session(begin(ada.id))
    assert found is not None
    return found.id


def confirm(oidc: OidcProvider, ada: User, session_id: int, **claims: Any) -> None:
    oidc.person = person(**claims)
    begun = begin_presence(ada.id)
    assert parameters_of(begun.url)["prompt"] == "login"
    back = parameters_of(oidc.visit(begun.url))
    finish_presence(begun.token, back, user_id=ada.id, session_id=session_id)


def test_presence_is_shown_at_the_provider(
    ada: User, oidc: OidcProvider, present: int, fake_clock: FakeClock
) -> None:
    confirm(oidc, ada, present)
    event = all_rows(AuditEvent)[-1]
    assert (event.action, event.after) == ("presence.shown", {"way": "provider"})


@pytest.mark.parametrize("said", [None, True, 1e30])
def test_presence_needs_the_time_of_the_sign_in_there(
    ada: User, oidc: OidcProvider, present: int, said: object
) -> None:
    oidc.change = lambda claims: claims | {"auth_time": said}
    with pytest.raises(NotPresentError, match="Mock does not say when you signed in there"):
        confirm(oidc, ada, present)
    assert all_rows(AuditEvent)[-1].action == "presence.refused"


@pytest.mark.parametrize(
    ("seconds", "seen"), [(0, 0), (3600, 3600), (-60, 0), (-3600, None), (None, None)]
)
def test_when_the_provider_saw_the_person_is_told(
    ada: User,
    oidc: OidcProvider,
    fake_clock: FakeClock,
    seconds: int | None,
    seen: int | None,
) -> None:
    def said(claims: Claims) -> Claims:
        return claims | {"auth_time": None if seconds is None else claims["iat"] - seconds}

    oidc.change = said
    begun = begin_single_sign_on()
    let_in = finish_single_sign_on(begun.token, parameters_of(oidc.visit(begun.url)))
    now = fake_clock.now().replace(microsecond=0)
    assert let_in.seen_at == (None if seen is None else now - timedelta(seconds=seen))


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (6, "You were not asked there who you are"),
        (60 * 24 * 365, "You were not asked there who you are"),
        (-6, "The clocks of Mock and of this server differ"),
    ],
)
def test_presence_of_an_hour_ago_is_none(
    ada: User, oidc: OidcProvider, present: int, minutes: int, words: str
) -> None:
    oidc.change = lambda claims: claims | {"auth_time": claims["iat"] - 60 * minutes}
    with pytest.raises(NotPresentError, match=words):
        confirm(oidc, ada, present)
    assert all_rows(AuditEvent)[-1].action == "presence.refused"


def test_presence_of_somebody_else_is_none(ada: User, oidc: OidcProvider, present: int) -> None:
    with pytest.raises(NotPresentError, match="as somebody else"):
        confirm(oidc, ada, present, sub="bo-1")
    assert all_rows(AuditEvent)[-1].action == "presence.refused"


def test_an_answer_for_presence_signs_nobody_in_and_the_other_way_round(
    ada: User, bo: User, oidc: OidcProvider, present: int
) -> None:
    for_presence = begin_presence(ada.id)
    back = parameters_of(oidc.visit(for_presence.url))
    with pytest.raises(SingleSignOnError):
        finish_single_sign_on(for_presence.token, back)
    with pytest.raises(SingleSignOnError):
        finish_presence(for_presence.token, back, user_id=bo.id, session_id=present)
    to_sign_in = begin_single_sign_on()
    back = parameters_of(oidc.visit(to_sign_in.url))
    with pytest.raises(SingleSignOnError):
        finish_presence(to_sign_in.token, back, user_id=ada.id, session_id=present)


def test_the_provider_does_not_rename_a_break_glass_account(
    app: Flask, ada: User, bo: User, oidc: OidcProvider
) -> None:
    configure(app, oidc, **ROLES, **BREAK_GLASS)
    change(User, ada.id, is_break_glass=True)
    assert sign_in(oidc, groups=["Helpdesk"]).role == "admin"
    edit_user(bo.id, UserEdit("Bo", "helpdesk"), actor_id=ada.id)
    assert sign_in(oidc, groups=[]).role == "admin"
