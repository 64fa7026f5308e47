"""Whether criticals reach somebody, and the policies that are offered for it."""

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import START as NOW
from tests.support.fake_clock import FakeClock
from tests.support.on_call.rotations import rotate
from tests.support.receivers.notices_data import add_person, add_policy, add_target
from tests.support.rows import all_rows, audit_events, change
from webapp.domain.notices.target_kinds import Kind
from webapp.models import (
    Connection,
    NotificationSettings,
    Policy,
    PolicyStep,
    Target,
    User,
)
from webapp.services.errors import FieldError, RefusedError
from webapp.services.notices.offer_policies import (
    OfferChoice,
    decline_offer,
    read_offer,
    take_offer,
)
from webapp.services.notices.reach import ReachView, read_reach
from webapp.services.notices.read_policies import list_policies
from webapp.services.transactions import reading, transaction

HOURS = {"zone": "Europe/Berlin", "begins": "08:00", "ends": "18:00", "weekdays": [0, 1, 2, 3, 4]}


@pytest.fixture(autouse=True)
def _polled(app: Flask, fake_clock: FakeClock) -> None:
    """A connection that is polled."""
    desk_data.add_connection(NOW)


def reach() -> ReachView:
    with reading() as session:
        return read_reach(session, NOW)


def problems() -> str:
    return " ".join(reach().reach.problems)


def set_mail_server() -> None:
    with transaction() as session:
        session.merge(NotificationSettings(id=1, holidays=[], mail_host="mail.example"))


@both_databases
def test_without_policies_nobody_is_told() -> None:
    assert reach().is_alarming
    assert not reach().is_decided
    assert problems() == "There is no policy: nobody is told of anything."


def test_nothing_is_needed_before_a_connection_is_polled() -> None:
    change(Connection, 1, polling_started_at=None)
    assert not reach().is_alarming


@both_databases
def test_a_target_that_is_paused_or_lacks_a_mail_server_is_none() -> None:
    ops = add_target("Ops", Kind.SLACK)
    add_policy("all", [(0, [ops])])
    assert reach().reach.is_well
    change(Target, ops, paused_at=NOW)
    assert problems() == "The policy all reaches nobody: Ops is paused."
    mail = add_target("Mail")
    add_policy("other", [(0, [mail])])
    with transaction() as session:
        session.get_one(Policy, 1).is_enabled = False
    assert problems() == "The policy other reaches nobody: no mail server is set up for Mail."
    set_mail_server()
    assert reach().reach.is_well


@both_databases
def test_whoever_is_on_call_needs_a_confirmed_contact_method() -> None:
    add_policy("night", [(0, [])], on_call=True)
    set_mail_server()
    assert problems() == "The policy night reaches nobody: nobody is on call."
    ada, phone = add_person("Ada")
    rotate(ada)
    assert reach().reach.is_well
    change(Target, phone, confirmed_at=None)
    assert "Ada’s ada-phone is not confirmed" in problems()
    with transaction() as session:
        session.delete(session.get_one(Target, phone))
    assert problems() == (
        "The policy night reaches nobody: Ada is on call and has no contact method."
    )


@both_databases
def test_the_offer_with_a_rotation_pages_whoever_is_on_call() -> None:
    ada, _ = add_person("Ada")
    rotate(ada)
    ops = add_target("Ops")
    set_mail_server()
    offer = read_offer()
    assert (offer.is_open, offer.has_rotation, offer.on_call) == (True, True, "Ada")
    take_offer(OfferChoice(target_id=ops, hours=HOURS), actor_id=ada)
    assert [one.steps for one in list_policies()] == [
        "on call at once, again after 10 minutes, Ops and everybody after 20 minutes; the last"
        " step 6 more times, every 10 minutes",
        "Ops at once",
        "only the daily summary",
    ]
    assert reach().reach.is_well
    [settings] = all_rows(NotificationSettings)
    assert settings.daily_summary_at == "07:30"
    assert [one.tells_summaries for one in all_rows(Target) if one.user_id is None] == [True]
    assert [event.action for event in audit_events()][-2:] == [
        "notification_settings.changed",
        "policy_offer.taken",
    ]
    assert not read_offer().is_open
    with pytest.raises(RefusedError):
        take_offer(OfferChoice(target_id=ops, hours=HOURS))


def test_the_offer_without_a_rotation_tells_the_chosen_target() -> None:
    chat = add_target("Chat", Kind.SLACK)
    take_offer(OfferChoice(target_id=chat, hours=HOURS))
    critical, *_ = list_policies()
    assert critical.steps.startswith("Chat at once, again after 10 minutes, Chat and everybody")
    [settings] = all_rows(NotificationSettings)
    assert settings.daily_summary_at is None, "there is no mail target for it"


def test_the_offer_without_any_target_tells_everybody() -> None:
    add_person("Ada")
    set_mail_server()
    take_offer(OfferChoice(target_id=None, hours=HOURS))
    assert reach().reach.is_well
    assert list_policies()[1].steps == "everybody at once"


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        (OfferChoice(target_id=99, hours=HOURS), "target_id"),
        (OfferChoice(target_id=None, hours={**HOURS, "begins": "8"}), "hours"),
    ],
)
def test_a_choice_that_cannot_be_changes_nothing(choice: OfferChoice, field: str) -> None:
    with pytest.raises(FieldError) as refused:
        take_offer(choice)
    assert list(refused.value.fields) == [field]
    assert all_rows(Policy) == []
    assert read_offer().is_open


def test_the_offer_is_declined_once_and_the_warning_stays() -> None:
    decline_offer()
    assert not read_offer().is_open
    assert reach().is_decided
    assert reach().is_alarming
    with pytest.raises(RefusedError):
        decline_offer()


def test_a_policy_of_ones_own_answers_the_offer() -> None:
    add_policy("mine", [])
    assert not read_offer().is_open
    assert reach().is_decided


def test_a_person_who_is_deactivated_is_nobody() -> None:
    ada, _ = add_person("Ada")
    set_mail_server()
    take_offer(OfferChoice(target_id=None, hours=HOURS))
    change(User, ada, is_active=False)
    assert "nobody has a contact method" in problems()


def test_everybody_is_reached_by_the_policys_own_targets_and_by_no_other() -> None:
    add_target("Foreign", Kind.SLACK)
    ops = add_target("Ops", Kind.SLACK, paused_at=NOW)
    add_policy("all", [(0, [ops]), (10, [])])
    change(PolicyStep, 2, tells_everybody=True)
    assert problems() == "The policy all reaches nobody: Ops is paused."
    change(Target, ops, paused_at=None)
    assert reach().reach.is_well
