"""Which policy takes an event, which steps it has, and what holds a message back."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.notices.events import CLOSED, CREATED, EVENTS, QUARANTINED, UNTOUCHED
from webapp.domain.notices.hours import Hours
from webapp.domain.notices.policy import (
    ANY,
    HOLD,
    LONGEST_WAIT,
    MAPPED,
    MOST_MINUTES_UNTOUCHED,
    MOST_REPEATS,
    MOST_STEPS,
    SEVERITIES,
    SKIP,
    UNMAPPED,
    Conditions,
    Occasion,
    PolicyError,
    PolicyRule,
    Rules,
    StepRule,
    check_steps,
    next_due,
    read_conditions,
)

MONDAY_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT = Hours(zone="UTC", begins=time(22), ends=time(7), skips_holidays=False)
OFFICE = Hours(zone="UTC", begins=time(8), ends=time(18), weekdays=(0, 1, 2, 3, 4))
TELLS = StepRule(target_ids=(1,))


def occasion(
    event: str = CREATED,
    severity: str | None = "critical",
    board: int = 1,
    client: int = 1,
    unmapped: bool = False,
) -> Occasion:
    return Occasion(
        event=event, severity=severity, board_id=board, client_id=client, is_unmapped=unmapped
    )


def policy(key: int = 1, **conditions: object) -> PolicyRule:
    about = Conditions(**conditions)  # type: ignore[arg-type]
    return PolicyRule(id=key, name=f"policy {key}", conditions=about, steps=(TELLS,))


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("severity", ["critical", "CRITICAL ", "high", "low", "strange", None])
def test_an_event_of_a_severity_is_taken_by_who_names_both(
    event: str, severity: str | None
) -> None:
    known = (severity or "").strip().lower()
    ranked = known if known in SEVERITIES else "high"
    for named, severities in product(EVENTS, [(), *((one,) for one in SEVERITIES)]):
        conditions = Conditions(events=(named,), severities=severities)
        fits = conditions.fit(occasion(event, severity), MONDAY_NOON)
        assert fits == (named == event and (not severities or ranked in severities))


@pytest.mark.parametrize(
    ("mapping", "unmapped", "fits"),
    [
        (ANY, True, True),
        (ANY, False, True),
        (MAPPED, True, False),
        (MAPPED, False, True),
        (UNMAPPED, True, True),
        (UNMAPPED, False, False),
    ],
)
def test_mapped_or_not(mapping: str, unmapped: bool, fits: bool) -> None:
    asked = occasion(unmapped=unmapped)
    assert Conditions(mapping=mapping).fit(asked, MONDAY_NOON) is fits


def test_boards_and_clients_narrow_it_down() -> None:
    about = Conditions(board_ids=(1, 2), client_ids=(5,))
    assert about.fit(occasion(board=2, client=5), MONDAY_NOON)
    assert not about.fit(occasion(board=3, client=5), MONDAY_NOON)
    assert not about.fit(occasion(board=2, client=6), MONDAY_NOON)


def test_outside_of_its_hours_a_policy_holds_or_leaves_it_to_the_next() -> None:
    night = MONDAY_NOON.replace(hour=3)
    holds = policy(1, hours=OFFICE, outside=HOLD)
    skips = policy(2, hours=OFFICE, outside=SKIP)
    rest = policy(3)
    assert Rules(policies=(holds, rest)).choose(occasion(), night) == (holds, CREATED)
    assert Rules(policies=(skips, rest)).choose(occasion(), night) == (rest, CREATED)
    assert Rules(policies=(skips, rest)).choose(occasion(), MONDAY_NOON) == (skips, CREATED)
    holiday = Rules(policies=(skips, rest), holidays=frozenset({MONDAY_NOON.date()}))
    assert holiday.choose(occasion(), MONDAY_NOON) == (rest, CREATED)


def test_the_first_policy_that_fits_decides() -> None:
    first, second = policy(1, severities=("critical",)), policy(2)
    rules = Rules(policies=(first, second))
    assert rules.choose(occasion(severity="critical"), MONDAY_NOON) == (first, CREATED)
    assert rules.choose(occasion(severity="low"), MONDAY_NOON) == (second, CREATED)
    assert rules.choose(occasion(CLOSED), MONDAY_NOON) is None


def test_a_report_that_cannot_be_read_is_a_new_ticket_unless_somebody_asked_for_it() -> None:
    created, quarantined = policy(1), policy(2, events=(QUARANTINED,))
    asked = occasion(QUARANTINED)
    assert Rules(policies=(created,)).choose(asked, MONDAY_NOON) == (created, CREATED)
    both = Rules(policies=(created, quarantined))
    assert both.choose(asked, MONDAY_NOON) == (quarantined, QUARANTINED)


def test_quiet_hours_hold_what_is_not_critical() -> None:
    rules = Rules(policies=(policy(),), quiet_hours=NIGHT)
    night = MONDAY_NOON.replace(hour=3)
    rule = rules.policies[0]
    morning = MONDAY_NOON.replace(hour=7)
    assert rules.released_at(rule, is_critical=False, now=night) == morning
    assert rules.released_at(rule, is_critical=True, now=night) == night
    assert rules.released_at(rule, is_critical=False, now=MONDAY_NOON) == MONDAY_NOON


def test_a_policys_own_hours_hold_criticals_too() -> None:
    rule = policy(hours=OFFICE, outside=HOLD)
    rules = Rules(policies=(rule,))
    night = MONDAY_NOON.replace(hour=3)
    assert rules.released_at(rule, is_critical=True, now=night) == MONDAY_NOON.replace(hour=8)
    skips = policy(hours=OFFICE, outside=SKIP)
    assert rules.released_at(skips, is_critical=True, now=night) == night


def test_the_end_of_quiet_hours_may_lie_outside_of_the_policys_hours() -> None:
    late = Hours(zone="UTC", begins=time(22), ends=time(9), skips_holidays=False)
    rule = policy(hours=OFFICE, outside=HOLD)
    rules = Rules(policies=(rule,), quiet_hours=late)
    saturday_night = datetime(2026, 3, 7, 3, tzinfo=UTC)
    released = rules.released_at(rule, is_critical=False, now=saturday_night)
    assert released == datetime(2026, 3, 9, 9, tzinfo=UTC)


@given(
    st.integers(0, 365 * 24 * 60).map(lambda one: MONDAY_NOON + timedelta(minutes=one)),
    st.booleans(),
    st.sampled_from([None, OFFICE]),
    st.sampled_from([None, NIGHT]),
)
def test_released_when_nothing_holds_it_any_more(
    now: datetime, is_critical: bool, hours: Hours | None, quiet: Hours | None
) -> None:
    rule = policy(hours=hours, outside=HOLD)
    rules = Rules(policies=(rule,), quiet_hours=quiet)
    released = rules.released_at(rule, is_critical=is_critical, now=now)
    assert released >= now
    assert hours is None or hours.contain(released)
    assert is_critical or quiet is None or not quiet.contain(released)
    assert rules.released_at(rule, is_critical=is_critical, now=released) == released


def test_the_last_step_is_repeated() -> None:
    rule = PolicyRule(
        id=1,
        name="p",
        conditions=Conditions(),
        steps=(TELLS, StepRule(after_minutes=10, tells_everybody=True)),
        repeats=2,
    )
    assert [rule.step(place) for place in range(5)] == [
        rule.steps[0],
        rule.steps[1],
        rule.steps[1],
        rule.steps[1],
        None,
    ]
    assert next_due(rule, 3, MONDAY_NOON) == MONDAY_NOON + timedelta(minutes=10)
    assert next_due(rule, 4, MONDAY_NOON) is None
    empty = PolicyRule(id=1, name="p", conditions=Conditions(), repeats=5)
    assert empty.step(0) is None


def test_steps_that_can_be() -> None:
    steps = [TELLS, StepRule(after_minutes=LONGEST_WAIT, tells_on_call=True)]
    assert check_steps(steps, MOST_REPEATS) == {}
    assert check_steps([], 0) == {}


@pytest.mark.parametrize(
    ("steps", "repeats", "field"),
    [
        ([TELLS] + [StepRule(after_minutes=1, tells_on_call=True)] * MOST_STEPS, 0, "steps"),
        ([StepRule(after_minutes=-1, tells_on_call=True)], 0, "steps-0-after_minutes"),
        (
            [StepRule(after_minutes=LONGEST_WAIT + 1, tells_on_call=True)],
            0,
            "steps-0-after_minutes",
        ),
        ([StepRule(after_minutes=True, tells_on_call=True)], 0, "steps-0-after_minutes"),
        ([TELLS, TELLS], 0, "steps-1-after_minutes"),
        ([StepRule()], 0, "steps-0-tells"),
        ([TELLS], 1, "repeats"),
        ([StepRule(after_minutes=5, target_ids=(1,))], -1, "repeats"),
        ([StepRule(after_minutes=5, target_ids=(1,))], MOST_REPEATS + 1, "repeats"),
    ],
)
def test_steps_that_cannot_be(steps: list[StepRule], repeats: int, field: str) -> None:
    assert field in check_steps(steps, repeats)


def test_conditions_are_stored_and_read() -> None:
    about = Conditions(
        events=(CREATED, UNTOUCHED),
        severities=("high",),
        board_ids=(1,),
        client_ids=(2, 3),
        mapping=UNMAPPED,
        hours=OFFICE,
        outside=SKIP,
        untouched_minutes=30,
    )
    assert read_conditions(about.as_json()) == about
    assert read_conditions({"events": [CREATED, CREATED]}).events == (CREATED,)
    assert read_conditions({"events": [CREATED], "untouched_minutes": 5}).untouched_minutes is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "events"),
        ({"events": ["exploded"]}, "events"),
        ({"events": [CREATED], "severities": ["mild"]}, "severities"),
        ({"events": [UNTOUCHED]}, "untouched_minutes"),
        ({"events": [UNTOUCHED], "untouched_minutes": 0}, "untouched_minutes"),
        ({"events": [UNTOUCHED], "untouched_minutes": "5"}, "untouched_minutes"),
        (
            {"events": [UNTOUCHED], "untouched_minutes": MOST_MINUTES_UNTOUCHED + 1},
            "untouched_minutes",
        ),
        ({"events": [CREATED], "mapping": "half"}, "mapping"),
        ({"events": [CREATED], "outside": "scream"}, "outside"),
        ({"events": [CREATED], "hours": {"zone": "X"}}, "hours"),
    ],
)
def test_conditions_that_cannot_be(values: dict[str, object], field: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read_conditions(values)
    assert list(refused.value.fields) == [field]
    assert str(refused.value) == refused.value.fields[field]


def test_a_holiday_moves_the_hours_of_a_policy() -> None:
    rule = policy(hours=OFFICE, outside=HOLD)
    rules = Rules(policies=(rule,), holidays=frozenset({date(2026, 3, 2)}))
    released = rules.released_at(rule, is_critical=True, now=MONDAY_NOON)
    assert released == datetime(2026, 3, 3, 8, tzinfo=UTC)
