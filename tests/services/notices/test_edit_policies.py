"""Policies are added, edited without overwriting anybody, ordered, switched and deleted."""

from dataclasses import replace

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.receivers.notices_data import add_person, add_target
from tests.support.rows import all_rows, audit_events
from webapp.domain.notices.policy import StepRule
from webapp.models import Policy, PolicyStep
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.desk.move_rows import move_row
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.notices.edit_policies import (
    PolicyValues,
    add_policy,
    delete_policy,
    edit_policy,
    find_policy_id,
    switch_policy,
)
from webapp.services.notices.read_policies import list_policies, read_policy
from webapp.services.notices.read_rules import read_rules
from webapp.services.transactions import reading, transaction

VALUES = PolicyValues(
    name="Criticals",
    conditions={"events": ["created"], "severities": ["critical"]},
    steps=[StepRule(tells_on_call=True), StepRule(after_minutes=10, tells_everybody=True)],
    repeats=2,
)


@pytest.fixture(autouse=True)
def _time(app: Flask, fake_clock: FakeClock) -> None:
    """Everything here needs an app and stands still."""


def actions() -> list[str]:
    return [event.action for event in audit_events()]


@both_databases
def test_a_policy_is_added_and_read_back() -> None:
    ops, teams = add_target("Ops"), add_target("Teams")
    steps = [StepRule(target_ids=(teams, ops, ops))]
    added = add_policy(replace(VALUES, steps=steps, repeats=0))
    view = read_policy(added.id)
    assert view.words == "Critical, created → Ops and Teams at once"
    with reading() as session:
        [rule] = read_rules(session).policies
    assert rule.steps == (StepRule(target_ids=(ops, teams)),)
    [event] = audit_events()
    assert event.action == "policy.added"
    assert event.after["steps"] == "Ops and Teams at once"


@both_databases
def test_an_edit_replaces_steps_and_says_what_changed() -> None:
    key = add_policy(VALUES).id
    seen = read_policy(key).version
    assert not edit_policy(key, VALUES, seen=seen), "nothing changed"
    shorter = replace(VALUES, steps=VALUES.steps[:1], repeats=0)
    assert edit_policy(key, shorter, seen=seen)
    assert read_policy(key).steps == "on call at once"
    assert len(all_rows(PolicyStep)) == 1
    event = audit_events()[-1]
    assert event.action == "policy.changed"
    assert list(event.after) == ["steps"]


@both_databases
def test_nobody_is_overwritten() -> None:
    key = add_policy(VALUES).id
    seen = read_policy(key).version
    edit_policy(key, replace(VALUES, repeats=5), seen=seen)
    with pytest.raises(EditConflictError) as refused:
        edit_policy(key, replace(VALUES, name="Mine"), seen=seen)
    assert "5 more times" in str(refused.value.current["steps"])
    assert edit_policy(key, replace(VALUES, name="Mine"), seen=read_policy(key).version)
    assert edit_policy(key, replace(VALUES, name="Mine", repeats=1)), "without a version"


def test_switching_and_moving_do_not_disturb_an_edit() -> None:
    first, key = add_policy(VALUES).id, add_policy(replace(VALUES, name="Second")).id
    seen = read_policy(key).version
    assert switch_policy(key, is_enabled=False)
    assert not switch_policy(key, is_enabled=False)
    assert move_row(Policy, key, is_up=True)
    assert not move_row(Policy, key, is_up=True)
    assert edit_policy(key, replace(VALUES, name="Third"), seen=seen)
    assert [(one.id, one.is_enabled) for one in list_policies()] == [(key, False), (first, True)]
    with reading() as session:
        assert [rule.id for rule in read_rules(session).policies] == [first]
    assert actions()[-3:] == ["policy.disabled", "policy.moved", "policy.changed"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (replace(VALUES, name=" "), "name"),
        (replace(VALUES, conditions={"events": []}), "events"),
        (replace(VALUES, conditions={"events": ["created"], "board_ids": (99,)}), "board_ids"),
        (replace(VALUES, conditions={"events": ["created"], "client_ids": (-1,)}), "client_ids"),
        (replace(VALUES, steps=[StepRule()], repeats=0), "steps-0-tells"),
        (replace(VALUES, steps=[StepRule(target_ids=(99,))], repeats=0), "steps-0-tells"),
        (replace(VALUES, repeats=-1), "repeats"),
    ],
)
def test_what_cannot_be_is_refused(values: PolicyValues, field: str) -> None:
    with pytest.raises(FieldError) as refused:
        add_policy(values)
    assert list(refused.value.fields) == [field]
    assert all_rows(Policy) == []


def test_a_persons_own_contact_method_is_no_target_of_a_policy() -> None:
    _, phone = add_person("Ada")
    with pytest.raises(FieldError):
        add_policy(replace(VALUES, steps=[StepRule(target_ids=(phone,))], repeats=0))


@both_databases
def test_names_are_free_whatever_their_case() -> None:
    key = add_policy(VALUES).id
    with pytest.raises(FieldError, match="There is a policy named Criticals already"):
        add_policy(replace(VALUES, name="CRITICALS"))
    assert edit_policy(key, replace(VALUES, name="criticals")), "its own name in another case"
    with reading() as session:
        assert find_policy_id(session, "CRITICALS") == key
        with pytest.raises(NotFoundError):
            find_policy_id(session, "others")


@both_databases
def test_a_deleted_policy_leaves_no_steps() -> None:
    key = add_policy(VALUES).id
    assert delete_policy(key) == "Criticals"
    assert all_rows(PolicyStep) == []
    for gone in (delete_policy, read_policy):
        with pytest.raises(NotFoundError):
            gone(key)  # type: ignore[operator]


def test_a_policy_that_cannot_be_read_any_more_is_shown_and_saved_anew() -> None:
    key = add_policy(VALUES).id
    with transaction() as session:
        session.get_one(Policy, key).conditions = {"events": ["of another version"]}
    view = read_policy(key)
    assert view.rule is None
    assert "cannot be read" in view.words
    with reading() as session:
        assert read_rules(session).policies == ()
    assert edit_policy(key, VALUES, seen=view.version)
    assert read_policy(key).rule is not None
