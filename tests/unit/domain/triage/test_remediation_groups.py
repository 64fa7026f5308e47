"""Remediations as a work list."""

import pytest

from webapp.domain.incident import Remediation
from webapp.domain.triage.remediation_groups import (
    RemediationTarget,
    group_remediations,
    is_step_left,
)


def step(action, status, type_="assisted", *parameters):
    return Remediation(None, type_, action, status, parameters)


def test_the_order_is_that_of_the_work():
    groups = group_remediations(
        [
            step("Isolate Host", "completed", "containment"),
            step("Delete File", "unapproved"),
            step("Delete File", "Failed"),
            step("Reset Password", "unapproved", "manual"),
            step("Call", "completed", "MANUAL"),
            step("Delete Key", "cancelled"),
        ]
    )
    assert [(one.action, one.state, one.is_for_people, one.is_left) for one in groups] == [
        ("Reset Password", "unapproved", True, True),
        ("Delete File", "failed", False, True),
        ("Delete File", "unapproved", False, True),
        ("Call", "completed", True, False),
        ("Isolate Host", "completed", False, False),
        ("Delete Key", "cancelled", False, False),
    ]


def test_identical_steps_are_one_with_a_count():
    (group,) = group_remediations(
        [step("Delete File", "unapproved", "assisted", name) for name in ("a", "b", "a", "a")]
    )
    assert group.count == 4
    assert group.targets == (RemediationTarget("a", 3), RemediationTarget("b", 1))


def test_steps_that_say_nothing_are_named_all_the_same():
    groups = group_remediations([Remediation(None, None, None, None), step(None, None, "manual")])
    assert [(one.action, one.state) for one in groups] == [
        ("manual", "unknown"),
        ("unnamed", "unknown"),
    ]
    assert group_remediations([]) == []


@pytest.mark.parametrize(
    ("state", "is_left"),
    [
        *[("unapproved", True), ("approved", True), ("failed", True), (None, True), ("x", True)],
        *[("completed", False), ("Cancelled", False), ("rejected", False)],
    ],
)
def test_what_is_left(state, is_left):
    assert is_step_left(state) is is_left
