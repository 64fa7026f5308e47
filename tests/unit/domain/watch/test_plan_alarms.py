"""When an alarm is told, told again, silent, and over."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.watch.alarm_kinds import (
    HOLDS_FOR,
    KINDS,
    UNKNOWN,
    Trouble,
    alarm_kind,
    silencers_of,
)
from webapp.domain.watch.plan_alarms import (
    AlarmChange,
    AlarmState,
    Condition,
    Key,
    Telling,
    Unknown,
    plan_alarms,
)

NOW = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)


def condition(kind: str, subject: str = "", since: datetime = LONG_AGO) -> Condition:
    return Condition(kind, subject, f"{kind} of {subject}", since)


def alarm(kind: str, subject: str = "", **values: object) -> AlarmState:
    base = AlarmState(
        kind=kind, subject=subject, sentence=f"{kind} of {subject}", told=1, last_told_at=NOW
    )
    return replace(base, **values)  # type: ignore[arg-type]


def tellings(changes: list[AlarmChange]) -> list[tuple[str, str | None]]:
    return [(one.state.kind, one.telling) for one in changes]


def test_a_condition_begins_one_alarm_and_is_told_once() -> None:
    [change] = plan_alarms([condition(Trouble.OUTBOX)], [], NOW)
    assert change.is_new
    assert change.telling is Telling.BEGAN
    assert (change.state.told, change.state.last_told_at) == (1, NOW)
    assert plan_alarms([condition(Trouble.OUTBOX)], [change.state], NOW) == []


@pytest.mark.parametrize("kind", Trouble)
def test_a_condition_becomes_an_alarm_only_after_the_patience_of_its_kind(kind: Trouble) -> None:
    patience = KINDS[kind].patience
    early = condition(kind, since=NOW - patience + timedelta(seconds=1))
    assert plan_alarms([early], [], NOW) == []
    assert len(plan_alarms([condition(kind, since=NOW - patience)], [], NOW)) == 1


@pytest.mark.parametrize("kind", Trouble)
def test_it_is_told_again_every_few_hours_and_not_before(kind: Trouble) -> None:
    span = KINDS[kind].repeat_after
    assert timedelta(hours=1) < span < timedelta(days=1)
    known = alarm(kind, last_told_at=NOW)
    assert plan_alarms([condition(kind)], [known], NOW + span - timedelta(seconds=1)) == []
    [change] = plan_alarms([condition(kind)], [known], NOW + span)
    assert change.telling is Telling.REPEATED
    assert change.state.told == 2


def test_it_ends_once_after_its_condition_has_been_gone_for_a_while() -> None:
    known = alarm(Trouble.OUTBOX)
    [cleared] = plan_alarms([], [known], NOW)
    assert (cleared.telling, cleared.is_over, cleared.state.clear_since) == (None, False, NOW)
    just_before = NOW + HOLDS_FOR - timedelta(seconds=1)
    assert plan_alarms([], [cleared.state], just_before) == []
    [ended] = plan_alarms([], [cleared.state], NOW + HOLDS_FOR)
    assert (ended.telling, ended.is_over) == (Telling.ENDED, True)


def test_a_condition_that_comes_back_meanwhile_is_the_same_alarm() -> None:
    cleared = alarm(Trouble.OUTBOX, clear_since=NOW)
    [change] = plan_alarms([condition(Trouble.OUTBOX)], [cleared], NOW + timedelta(hours=1))
    assert (change.telling, change.is_over, change.state.clear_since) == (None, False, None)


def test_a_sentence_that_changes_is_kept_and_not_told() -> None:
    newer = Condition(Trouble.QUARANTINE, "connection:1", "3 reports", LONG_AGO)
    [change] = plan_alarms([newer], [alarm(Trouble.QUARANTINE, "connection:1")], NOW)
    assert (change.state.sentence, change.telling) == ("3 reports", None)


def test_no_redis_silences_the_parts_and_what_follows_from_them() -> None:
    gone = [
        condition(Trouble.REDIS),
        condition(Trouble.WORKER),
        condition(Trouble.SCHEDULER),
        condition(Trouble.OVERDUE, "connection:1"),
    ]
    changes = plan_alarms(gone, [], NOW)
    assert tellings(changes) == [
        (Trouble.REDIS, Telling.BEGAN),
        (Trouble.WORKER, None),
        (Trouble.SCHEDULER, None),
        (Trouble.OVERDUE, None),
    ]
    assert [one.state.inhibited_by for one in changes] == [None, *[Trouble.REDIS] * 3]


def test_a_silenced_alarm_is_told_once_its_cause_is_over_and_it_goes_on() -> None:
    redis = alarm(Trouble.REDIS, clear_since=NOW - HOLDS_FOR)
    worker = AlarmState(
        kind=Trouble.WORKER, subject="", sentence="worker-gone of ", inhibited_by=Trouble.REDIS
    )
    changes = plan_alarms([condition(Trouble.WORKER)], [redis, worker], NOW)
    assert tellings(changes) == [(Trouble.REDIS, Telling.ENDED), (Trouble.WORKER, Telling.BEGAN)]


def test_a_cause_that_was_just_seen_silences_before_it_is_an_alarm_itself() -> None:
    new = condition(Trouble.REDIS, since=NOW)
    [change] = plan_alarms([new, condition(Trouble.WORKER)], [], NOW)
    assert (change.state.kind, change.telling) == (Trouble.WORKER, None)


def test_what_was_told_is_told_to_be_over_even_while_silenced() -> None:
    error = alarm(Trouble.ERROR, "connection:1", clear_since=NOW - HOLDS_FOR)
    refused = condition(Trouble.REFUSED, "connection:1")
    changes = plan_alarms([refused], [error], NOW)
    assert tellings(changes) == [(Trouble.ERROR, Telling.ENDED), (Trouble.REFUSED, Telling.BEGAN)]


def test_what_was_never_told_ends_without_a_word() -> None:
    silent = alarm(
        Trouble.WORKER, told=0, last_told_at=None, inhibited_by="redis-gone", clear_since=NOW
    )
    [change] = plan_alarms([], [silent], NOW + HOLDS_FOR)
    assert (change.is_over, change.telling) == (True, None)


def test_a_silenced_alarm_is_not_told_again() -> None:
    known = alarm(Trouble.WORKER, last_told_at=LONG_AGO, inhibited_by=Trouble.REDIS)
    redis = alarm(Trouble.REDIS)
    assert (
        plan_alarms([condition(Trouble.WORKER), condition(Trouble.REDIS)], [known, redis], NOW)
        == []
    )


def test_a_cause_of_another_subject_silences_nothing() -> None:
    late = condition(Trouble.LATE, "connection:2")
    changes = plan_alarms([condition(Trouble.REFUSED, "connection:1"), late], [], NOW)
    assert tellings(changes) == [(Trouble.REFUSED, Telling.BEGAN), (Trouble.LATE, Telling.BEGAN)]


def test_of_what_could_not_be_judged_nothing_changes() -> None:
    known = [alarm(Trouble.WORKER, last_told_at=LONG_AGO), alarm(Trouble.DISK, "elsewhere")]
    blind = Unknown(kinds={Trouble.WORKER}, keys={(Trouble.DISK, "elsewhere")})
    assert plan_alarms([], known, NOW, blind) == []
    assert len(plan_alarms([], known, NOW)) == 2


def test_a_clock_that_was_set_back_ends_nothing_early_and_keeps_nothing_for_ever() -> None:
    ahead = alarm(Trouble.OUTBOX, clear_since=NOW + timedelta(hours=1))
    [change] = plan_alarms([], [ahead], NOW)
    assert (change.is_over, change.state.clear_since) == (False, NOW)


def test_an_unusable_database_is_the_cause_of_everything_but_itself() -> None:
    assert silencers_of(Trouble.DATABASE) == ()
    assert all(
        Trouble.DATABASE in silencers_of(kind) for kind in Trouble if kind is not Trouble.DATABASE
    )


def test_every_kind_says_what_to_do_and_no_kind_is_its_own_cause() -> None:
    assert set(KINDS) == set(Trouble)
    for kind in Trouble:
        one = alarm_kind(kind)
        assert one.title
        assert one.what_to_do.endswith(".")
        assert kind not in all_causes(kind)


def all_causes(kind: str) -> set[str]:
    found: set[str] = set()
    waiting = list(silencers_of(kind))
    while waiting:
        cause = waiting.pop()
        if cause not in found:
            found.add(cause)
            waiting += silencers_of(cause)
    return found


def test_a_kind_of_another_version_is_still_an_alarm() -> None:
    assert alarm_kind("backup-eaten") is UNKNOWN
    [change] = plan_alarms([], [alarm("backup-eaten", clear_since=LONG_AGO)], NOW)
    assert change.telling is Telling.ENDED


@dataclass
class Played:
    """What was told of one alarm so far, and what the planner was given."""

    ongoing: dict[Key, AlarmState]
    told: dict[Key, list[Telling]]


def play(world: Played, holding: list[Condition], now: datetime) -> list[AlarmChange]:
    changes = plan_alarms(holding, list(world.ongoing.values()), now)
    for change in changes:
        key = change.state.key
        assert change.is_new == (key not in world.ongoing)
        world.ongoing[key] = change.state
        if change.is_over:
            del world.ongoing[key]
        if change.telling:
            world.told.setdefault(key, []).append(change.telling)
    return changes


keys = st.tuples(
    st.sampled_from(
        [
            Trouble.REDIS,
            Trouble.WORKER,
            Trouble.OVERDUE,
            Trouble.ERROR,
            Trouble.REFUSED,
            Trouble.OUTBOX,
        ]
    ),
    st.sampled_from(["", "connection:1", "connection:2"]),
)
rounds = st.lists(
    st.tuples(st.sets(keys, max_size=5), st.integers(1, 4 * 3600)), min_size=1, max_size=25
)


@given(rounds)
def test_whatever_comes_and_goes_each_alarm_is_told_from_its_beginning_to_its_end_once(
    history: list[tuple[set[Key], int]],
) -> None:
    world, now, since = Played({}, {}), NOW, dict[Key, datetime]()
    for holding, seconds in history:
        since = {key: since.get(key, now) for key in holding}
        conditions = [condition(*key, since=since[key]) for key in sorted(holding)]
        play(world, conditions, now)
        assert play(world, conditions, now) == []  # asked again, nothing changes
        for state in world.ongoing.values():
            if state.told == 0 and state.clear_since is None:
                assert state.inhibited_by is not None
        now += timedelta(seconds=seconds)
    for moment in (now, now + HOLDS_FOR):
        play(world, [], moment)
    assert world.ongoing == {}
    for told in world.told.values():
        assert_well_formed(told)


def assert_well_formed(told: list[Telling]) -> None:
    """Began, perhaps repeated, ended; and perhaps all of it again."""
    is_on = False
    for telling in told:
        assert (telling is Telling.BEGAN) == (not is_on)
        is_on = telling is not Telling.ENDED
    assert not is_on
