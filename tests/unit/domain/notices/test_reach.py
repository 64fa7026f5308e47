"""Whether criticals reach somebody, and why they do not."""

from datetime import UTC, datetime

from webapp.domain.notices.hours import read_hours
from webapp.domain.notices.policy import (
    MAPPED,
    SKIP,
    UNMAPPED,
    Conditions,
    PolicyRule,
    Rules,
    StepRule,
)
from webapp.domain.notices.reach import Places, Reach, StepAudience, judge_reach

NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
PLACES = Places(
    boards={1: "Security", 2: "Triage"}, clients={key: f"Client {key}" for key in range(1, 301)}
)
GOOD, PAUSED, ON_CALL = (
    StepRule(target_ids=(1,)),
    StepRule(target_ids=(2,)),
    StepRule(tells_on_call=True),
)


def audience(step: StepRule) -> StepAudience:
    if step == GOOD or step.tells_everybody:
        return StepAudience(True)
    why = "Ops is paused" if step == PAUSED else "nobody is on call"
    return StepAudience(False, (why,))


def policy(*steps: StepRule, key: int = 1, **conditions: object) -> PolicyRule:
    about = Conditions(**conditions)  # type: ignore[arg-type]
    return PolicyRule(id=key, name=f"P{key}", conditions=about, steps=steps)


def reach(*policies: PolicyRule) -> Reach:
    return judge_reach(Rules(policies=policies), PLACES, audience, NOW)


def test_one_step_that_reaches_somebody_is_enough() -> None:
    assert reach(policy(GOOD)).is_well
    assert reach(policy(ON_CALL, StepRule(after_minutes=5, tells_everybody=True))).is_well


def test_reasons_in_words() -> None:
    assert reach().problems == ("There is no policy: nobody is told of anything.",)
    assert reach(policy(GOOD, severities=("low",))).problems == (
        "No policy is about critical tickets that are created.",
    )
    assert reach(policy()).problems == ("The policy P1 tells nobody at once: it has no steps.",)
    assert reach(policy(ON_CALL)).problems == ("The policy P1 reaches nobody: nobody is on call.",)
    assert reach(policy(ON_CALL, PAUSED)).problems == (
        "The policy P1 reaches nobody: nobody is on call and Ops is paused.",
    )


def test_what_becomes_critical_later_is_asked_about() -> None:
    created = policy(GOOD, severities=("critical",))
    assert reach(created).is_well
    assert reach(created).gap == (
        "Nobody is told when the severity of a ticket rises to critical or a critical ticket is"
        " reopened: no policy is about it."
    )
    rising = policy(GOOD, key=2, severities=("critical",), events=("severity_raised",))
    assert reach(created, rising).gap == (
        "Nobody is told when a critical ticket is reopened: no policy is about it."
    )
    others = policy(GOOD, key=3, events=("created", "severity_raised", "reopened"))
    assert reach(others).gap is None


def test_one_kind_of_ticket_that_nobody_is_told_of_is_found() -> None:
    assert reach(policy(GOOD, mapping=MAPPED)).problems == (
        "No policy is about unmapped critical tickets.",
    )
    assert reach(policy(GOOD, mapping=UNMAPPED)).problems == (
        "No policy is about mapped critical tickets.",
    )
    assert reach(policy(GOOD, board_ids=(1,))).problems == (
        "No policy is about critical tickets on Triage.",
    )
    assert reach(policy(GOOD, client_ids=(1,))).problems == (
        "No policy is about critical tickets of Client 2 and 298 more.",
    )
    assert reach(policy(GOOD, client_ids=tuple(range(1, 301)))).is_well
    assert reach(policy(PAUSED, client_ids=(1,)), policy(GOOD, key=2)).problems == (
        "The policy P1 reaches nobody: Ops is paused.",
    )


def test_outside_of_a_policys_hours_the_next_one_counts() -> None:
    office = read_hours({"zone": "UTC", "begins": "08:00", "ends": "18:00"})
    by_day = policy(GOOD, hours=office, outside=SKIP)
    assert not reach(by_day).is_well
    assert reach(by_day, policy(GOOD, key=2)).is_well
    by_day_alone = judge_reach(Rules(policies=(by_day,)), PLACES, audience, NOW.replace(hour=9))
    assert not by_day_alone.is_well, "the next night is a gap"


def test_a_thousand_clients_in_twenty_policies_are_judged_at_once() -> None:
    policies = [
        policy(GOOD, key=key, client_ids=tuple(range(key * 10, key * 10 + 10)), board_ids=(1,))
        for key in range(1, 21)
    ]
    assert reach(*policies, policy(GOOD, key=99)).is_well


DAYTIME = read_hours({"zone": "UTC", "begins": "02:00", "ends": "18:00", "weekdays": [0, 1, 2]})


def test_a_policy_that_leaves_hours_out_is_found_before_they_come() -> None:
    only_by_day = policy(GOOD, hours=DAYTIME, outside=SKIP)
    assert reach(only_by_day).problems == (
        "No policy is about critical tickets at all hours, for instance not Monday at 18:00 UTC.",
    )
    assert reach(only_by_day, policy(GOOD, key=2)).is_well


def test_a_policy_that_holds_criticals_is_found() -> None:
    assert reach(policy(GOOD, hours=DAYTIME)).problems == (
        "The policy P1 holds critical tickets until its hours begin, for instance"
        " Monday at 18:00 UTC.",
    )
