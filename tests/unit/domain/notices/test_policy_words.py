"""A policy as a sentence."""

import pytest

from webapp.domain.notices.events import CREATED, SEVERITY_RAISED, UNTOUCHED
from webapp.domain.notices.hours import read_hours
from webapp.domain.notices.policy import MAPPED, SKIP, UNMAPPED, Conditions, PolicyRule, StepRule
from webapp.domain.notices.policy_words import (
    Names,
    about_words,
    days_words,
    join_words,
    minutes_words,
    policy_words,
    steps_words,
)

NAMES = Names(
    targets={1: "Ops", 2: "Teams"},
    boards={1: "Security"},
    clients={key: f"Client {key}" for key in range(1, 9)},
)


def rule(*steps: StepRule, repeats: int = 0, **conditions: object) -> PolicyRule:
    about = Conditions(**conditions)  # type: ignore[arg-type]
    return PolicyRule(id=1, name="p", conditions=about, steps=steps, repeats=repeats)


def test_the_whole_sentence() -> None:
    policy = rule(
        StepRule(tells_on_call=True),
        StepRule(after_minutes=10, tells_on_call=True),
        StepRule(after_minutes=10, tells_everybody=True),
        repeats=3,
        events=(CREATED, SEVERITY_RAISED),
        severities=("critical", "high"),
    )
    assert policy_words(policy, NAMES) == (
        "Critical and high, created or severity raised → on call at once, again after 10 minutes,"
        " everybody after 20 minutes; the last step 3 more times, every 10 minutes"
    )


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({}, "Any severity, created"),
        ({"board_ids": (1,)}, "Any severity, created, on Security"),
        ({"board_ids": (99,)}, "Any severity, created, on (deleted)"),
        ({"client_ids": (1, 2)}, "Any severity, created, of Client 1 or Client 2"),
        (
            {"client_ids": tuple(range(1, 9))},
            "Any severity, created, of Client 1, Client 2, Client 3 or 5 more clients",
        ),
        ({"mapping": MAPPED}, "Any severity, created, mapped only"),
        ({"mapping": UNMAPPED}, "Any severity, created, unmapped only"),
        (
            {"events": (UNTOUCHED,), "untouched_minutes": 120},
            "Any severity, untouched for 2 hours",
        ),
    ],
)
def test_what_it_is_about(conditions: dict[str, object], words: str) -> None:
    assert about_words(Conditions(**conditions), NAMES) == words  # type: ignore[arg-type]


def test_hours_and_what_happens_outside_of_them() -> None:
    hours = read_hours(
        {"zone": "UTC", "begins": "08:00", "ends": "18:00", "weekdays": [0, 1, 2, 3, 4]}
    )
    held = about_words(Conditions(hours=hours), NAMES)
    assert held.endswith(
        "Mon–Fri 08:00–18:00 (UTC), not on holidays, outside of these hours held until they begin"
    )
    skipped = about_words(Conditions(hours=hours, outside=SKIP), NAMES)
    assert skipped.endswith("outside of these hours then the next policy")


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (rule(), "only the daily summary"),
        (rule(StepRule(target_ids=(1, 2))), "Ops and Teams at once"),
        (rule(StepRule(after_minutes=5, target_ids=(9,))), "(deleted) after 5 minutes"),
        (
            rule(StepRule(after_minutes=1, tells_on_call=True), repeats=1),
            "on call after 1 minute; the last step once more, every 1 minute",
        ),
    ],
)
def test_who_is_told(policy: PolicyRule, words: str) -> None:
    assert steps_words(policy, NAMES) == words


def test_small_words() -> None:
    assert [join_words(one) for one in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert [minutes_words(one) for one in (1, 90, 120, 1440)] == [
        "1 minute",
        "90 minutes",
        "2 hours",
        "24 hours",
    ]
    assert [days_words(days) for days in (range(7), (0, 1, 2, 4, 6), (5,))] == [
        "every day",
        "Mon–Wed, Fri, Sun",
        "Sat",
    ]
