"""The way back for somebody who has lost every factor."""

import pytest

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_events, fresh
from tests.support.security.factors import require_factors, set_up_app, set_up_passkey
from tests.support.security.sessions import begin
from webapp.domain.security.factor_rule import FactorDemand
from webapp.models import (
    AuthenticatorApp,
    Device,
    Passkey,
    RecoveryCode,
    SecurityNote,
    User,
)
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.people.factors.demand import demand_of
from webapp.services.people.factors.read_factors import FactorSummary, summarize_factors
from webapp.services.people.factors.reset_factors import (
    NothingToResetError,
    OwnFactorsError,
    reset_factors,
)
from webapp.services.people.factors.second_step import begin_second_step
from webapp.services.people.sessions import Browser, Method, begin_session, find_session

REASON = "lost the phone, called back"


@both_databases
def test_everything_is_gone(ada: User, bo: User) -> None:
    _, change = set_up_app(bo.id)
    _, change = set_up_passkey(bo.id, change.token)
    set_up_app(ada.id)
    for person in (ada, bo):
        begin_session(person.id, Browser(user_agent="known"))
    reset_factors(bo.id, f" {REASON}\n", actor_id=ada.id)
    for model in (AuthenticatorApp, Passkey, RecoveryCode, Device):
        owners = {row.user_id for row in all_rows(model)}
        assert bo.id not in owners
        assert owners == (set() if model is Passkey else {ada.id})
    assert find_session(change.token) is None
    assert begin_second_step(bo.id, Method.PASSWORD, bo.password_hash) is None
    assert summarize_factors()[bo.id] == FactorSummary()


def test_it_is_on_record_and_told(ada: User, bo: User) -> None:
    set_up_app(bo.id)
    reset_factors(bo.id, REASON, actor_id=ada.id)
    [event] = [one for one in audit_events() if one.action == "factor.reset"]
    assert (event.actor_id, event.subject_id) == (ada.id, str(bo.id))
    assert event.after == {"reason": REASON, "apps": 1, "passkeys": 0, "recovery_codes": 10}
    [note] = all_rows(SecurityNote, SecurityNote.seen_at.is_(None))
    assert note.user_id == bo.id
    assert note.next_mail_at is not None
    assert note.sentence.startswith("Ada reset your second factors")
    assert note.sentence.endswith(REASON)


def test_by_the_command_nobody_is_named(ada: User) -> None:
    set_up_passkey(ada.id)
    reset_factors(ada.id, REASON, actor_id=None)
    [event] = [one for one in audit_events() if one.action == "factor.reset"]
    assert event.actor_id is None
    [note] = all_rows(SecurityNote, SecurityNote.seen_at.is_(None))
    assert note.sentence.startswith("Your second factors were reset:")


@both_databases
def test_there_is_no_second_grace(ada: User, bo: User, fake_clock: FakeClock) -> None:
    require_factors()
    for person in (ada, bo):
        set_up_app(person.id)
        reset_factors(person.id, REASON, actor_id=None)
    assert demand_of(fresh(User, ada.id)) == (FactorDemand.NOW, fake_clock.now())
    assert demand_of(fresh(User, bo.id))[0] is FactorDemand.NOTHING


def test_refusals(ada: User, bo: User) -> None:
    token = begin(ada.id)
    set_up_app(ada.id, token)
    with pytest.raises(OwnFactorsError, match="recovery code, ask another admin"):
        reset_factors(ada.id, REASON, actor_id=ada.id)
    for reason in ("", " \n", "x" * 501):
        with pytest.raises(FieldError) as refused:
            reset_factors(ada.id, reason, actor_id=bo.id)
        assert set(refused.value.fields) == {"reason"}
    with pytest.raises(NothingToResetError, match="Bo has no second factor"):
        reset_factors(bo.id, REASON, actor_id=ada.id)
    with pytest.raises(NotFoundError):
        reset_factors(99, REASON, actor_id=ada.id)
    assert len(all_rows(AuthenticatorApp)) == 1
    assert all_rows(SecurityNote, SecurityNote.seen_at.is_(None)) == []


def test_factors_in_words(ada: User, bo: User) -> None:
    assert summarize_factors([bo.id])[bo.id].words == []
    set_up_app(ada.id)
    set_up_passkey(ada.id)
    assert summarize_factors()[ada.id].words == ["app", "passkey"]
    set_up_passkey(ada.id)
    assert summarize_factors()[ada.id] == FactorSummary(has_app=True, passkeys=2, unused_codes=10)
    assert summarize_factors()[ada.id].words == ["app", "2 passkeys"]
