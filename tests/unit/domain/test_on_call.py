"""Who is on call when."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.on_call import (
    Every,
    Handover,
    Override,
    Rotation,
    Shift,
    begin_rotation,
    gaps,
    kept_turns,
    next_handover,
    shifts,
    stand_ins,
    stretches,
    swap,
    who_at,
)

ADA, BO, CLEO = 1, 2, 3
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)  # a Wednesday
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def at(text: str, zone: str = "UTC") -> datetime:
    """A moment from a wall clock."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def rotation(
    *members: int,
    every: Every = Every.WEEKLY,
    zone: str = "Europe/Berlin",
    clock: str = "09:00",
    now: datetime = NOW,
) -> Rotation:
    handover = Handover(every, ZoneInfo(zone), time.fromisoformat(clock))
    return begin_rotation(handover, members, now)


def told(found: Sequence[Shift]) -> list[tuple[int | None, str, int | None]]:
    """Person, beginning on the clock of Berlin, and the override's mark."""
    return [
        (one.person, f"{one.starts_at.astimezone(BERLIN):%m-%d %H:%M}", one.override)
        for one in found
    ]


def test_the_first_is_on_call_now_and_the_others_follow_week_by_week() -> None:
    weekly = rotation(ADA, BO, CLEO)
    assert weekly.starts_at == at("2026-06-08 09:00", "Europe/Berlin")
    assert weekly.handover == Handover(Every.WEEKLY, BERLIN, time(9), 0)
    found = shifts(weekly, [], NOW, NOW + 22 * DAY)
    assert told(found) == [
        (ADA, "06-10 14:00", None),
        (BO, "06-15 09:00", None),
        (CLEO, "06-22 09:00", None),
        (ADA, "06-29 09:00", None),
    ]
    assert found[-1].ends_at == NOW + 22 * DAY
    assert next_handover(weekly, NOW) == found[1].starts_at


def test_the_moment_of_handover_belongs_to_who_takes_over() -> None:
    weekly = rotation(ADA, BO)
    handover = next_handover(weekly, NOW)
    assert who_at(weekly, [], handover - timedelta(microseconds=1)) == ADA
    assert who_at(weekly, [], handover) == BO
    assert next_handover(weekly, handover) == handover + 7 * DAY


def test_a_rotation_that_is_set_at_the_moment_of_handover_begins_there() -> None:
    monday = at("2026-06-08 09:00", "Europe/Berlin")
    assert rotation(ADA, BO, now=monday).starts_at == monday
    assert rotation(ADA, BO, now=monday - HOUR).starts_at == monday - 7 * DAY


def test_before_its_beginning_a_rotation_says_nobody() -> None:
    weekly = rotation(ADA, BO)
    assert who_at(weekly, [], weekly.starts_at - HOUR) is None
    assert told(shifts(weekly, [], weekly.starts_at - 9 * DAY, NOW)) == [
        (None, "05-30 09:00", None),
        (ADA, "06-08 09:00", None),
    ]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-28", 23),
        ("Europe/Berlin", "2026-10-24", 25),
        ("America/New_York", "2026-03-07", 23),
        ("America/New_York", "2026-10-31", 25),
        ("Australia/Lord_Howe", "2026-10-03", 23.5),
        ("Australia/Lord_Howe", "2026-04-04", 24.5),
    ],
)
def test_over_a_change_of_clocks_the_handover_stays_at_its_time_of_day(
    zone: str, day: str, hours: float
) -> None:
    begin = at(f"{day} 18:00", zone)
    daily = rotation(ADA, BO, every=Every.DAILY, zone=zone, clock="18:00", now=begin)
    first, second = shifts(daily, [], begin, next_handover(daily, begin) + DAY)[:2]
    assert first.ends_at - first.starts_at == timedelta(hours=hours)
    assert second.starts_at.astimezone(ZoneInfo(zone)).time() == time(18)
    assert (first.person, second.person) == (ADA, BO)
    weekly = rotation(ADA, BO, zone=zone, now=begin)
    week = next_handover(weekly, begin) - weekly.starts_at
    assert week == 7 * DAY - 24 * HOUR + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("zone", "day", "clock", "later"),
    [
        ("Europe/Berlin", "2026-03-29", "02:30", 60),
        ("America/New_York", "2026-03-08", "02:15", 60),
        ("Australia/Lord_Howe", "2026-10-04", "02:10", 30),
    ],
)
def test_a_time_that_clocks_skip_is_as_much_later_on_that_day_alone(
    zone: str, day: str, clock: str, later: int
) -> None:
    noon = at(f"{day} 12:00", zone)
    daily = rotation(ADA, BO, CLEO, every=Every.DAILY, zone=zone, clock=clock, now=noon)
    assert daily.starts_at < noon - 2 * DAY  # the whole round before: it gives the time of day
    assert daily.handover.at == time.fromisoformat(clock)
    assert who_at(daily, [], noon) == ADA
    today = next_handover(daily, noon - 12 * HOUR).astimezone(ZoneInfo(zone))
    skipped = datetime.fromisoformat(f"{day} {clock}") + timedelta(minutes=later)
    assert today.replace(tzinfo=None) == skipped
    tomorrow = next_handover(daily, noon).astimezone(ZoneInfo(zone))
    assert (tomorrow.time(), who_at(daily, [], tomorrow)) == (time.fromisoformat(clock), BO)


def test_a_time_that_clocks_show_twice_is_the_first_of_them() -> None:
    noon = at("2026-10-25 12:00", "Europe/Berlin")
    daily = rotation(ADA, BO, every=Every.DAILY, clock="02:30", now=noon)
    assert daily.starts_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_rotation_of_nobody_has_nobody() -> None:
    empty = rotation()
    for nothing in (empty, None):
        assert shifts(nothing, [], NOW, NOW + DAY) == [Shift(None, NOW, NOW + DAY)]
        assert gaps(nothing, [], NOW, NOW + DAY) == [Shift(None, NOW, NOW + DAY)]
        assert who_at(nothing, [], NOW) is None
    assert empty.person_at(NOW) is None
    assert empty.order_at(NOW) == ()
    assert shifts(rotation(ADA), [], NOW, NOW) == []


def test_one_person_alone_is_always_on_call_and_has_shifts() -> None:
    alone = rotation(ADA, every=Every.DAILY)
    found = shifts(alone, [], NOW, NOW + 3 * DAY)
    assert told(found) == [
        (ADA, f"06-{day} {clock}", None)
        for day, clock in ((10, "14:00"), (11, "09:00"), (12, "09:00"), (13, "09:00"))
    ]
    assert stretches(found) == [Shift(ADA, NOW, NOW + 3 * DAY)]


def test_an_override_cuts_the_shift_that_it_lies_in() -> None:
    weekly = rotation(ADA, BO)
    friday = at("2026-06-12 18:00", "Europe/Berlin")
    found = shifts(weekly, [Override(BO, friday, friday + 12 * HOUR, 7)], NOW, NOW + 7 * DAY)
    assert told(found) == [
        (ADA, "06-10 14:00", None),
        (BO, "06-12 18:00", 7),
        (ADA, "06-13 06:00", None),
        (BO, "06-15 09:00", None),
    ]


def test_an_override_over_a_handover_is_one_shift() -> None:
    weekly = rotation(ADA, BO)
    sunday = at("2026-06-14 12:00", "Europe/Berlin")
    found = shifts(weekly, [Override(CLEO, sunday, sunday + 48 * HOUR, 7)], NOW, NOW + 7 * DAY)
    assert told(found) == [
        (ADA, "06-10 14:00", None),
        (CLEO, "06-14 12:00", 7),
        (BO, "06-16 12:00", None),
    ]
    assert who_at(weekly, [Override(CLEO, sunday, sunday + HOUR)], sunday + HOUR) == ADA


def test_of_several_overrides_the_newest_counts() -> None:
    weekly = rotation(ADA, BO)
    older = Override(BO, NOW, NOW + 10 * HOUR, 1)
    newer = Override(CLEO, NOW + 2 * HOUR, NOW + 4 * HOUR, 2)
    found = shifts(weekly, [older, newer], NOW, NOW + 12 * HOUR)
    assert [(one.person, one.override) for one in found] == [
        (BO, 1),
        (CLEO, 2),
        (BO, 1),
        (ADA, None),
    ]
    assert [one.override for one in shifts(weekly, [newer, older], NOW, NOW + HOUR * 12)] == [
        1,
        None,
    ]


def test_an_override_fills_a_gap_and_leaves_the_rest() -> None:
    override = Override(ADA, NOW + HOUR, NOW + 3 * HOUR)
    assert gaps(None, [override], NOW, NOW + 5 * HOUR) == [
        Shift(None, NOW, NOW + HOUR),
        Shift(None, NOW + 3 * HOUR, NOW + 5 * HOUR),
    ]


def test_the_shifts_of_one_person_in_a_row_are_one_stretch() -> None:
    weekly = rotation(ADA, BO, ADA)
    second = next_handover(weekly, NOW)
    found = shifts(weekly, [Override(ADA, second, second + DAY, 1)], NOW, NOW + 28 * DAY)
    assert [(one.person, one.override) for one in stretches(found)] == [
        (ADA, None),
        (BO, None),
        (ADA, None),
        (BO, None),
    ]


def test_a_swap_gives_each_the_other_s_shift() -> None:
    weekly = rotation(ADA, BO, CLEO)
    first, _, third = shifts(weekly, [], NOW, NOW + 15 * DAY)
    swapped = swap(first, third)
    found = shifts(weekly, swapped, NOW, NOW + 15 * DAY)
    assert [one.person for one in found] == [CLEO, BO, ADA]
    assert [one.starts_at for one in found] == [
        one.starts_at for one in shifts(weekly, [], NOW, NOW + 15 * DAY)
    ]


def test_only_two_people_swap() -> None:
    mine, nobodys = Shift(ADA, NOW, NOW + HOUR), Shift(None, NOW, NOW + HOUR)
    for first, second in ((mine, mine), (mine, nobodys), (nobodys, mine)):
        with pytest.raises(ValueError, match="two people"):
            swap(first, second)


def test_the_next_in_order_stands_in_for_who_is_not_active() -> None:
    assert stand_ins((ADA, BO, CLEO), frozenset((ADA, BO, CLEO))) == (ADA, BO, CLEO)
    assert stand_ins((ADA, BO, CLEO), frozenset((BO, CLEO))) == (BO, BO, CLEO)
    assert stand_ins((ADA, BO, CLEO), frozenset((ADA, BO))) == (ADA, BO, ADA)
    assert stand_ins((ADA, BO, CLEO), frozenset((CLEO,))) == (CLEO, CLEO, CLEO)
    assert stand_ins((ADA, BO), frozenset((CLEO,))) == ()
    assert stand_ins((), frozenset((CLEO,))) == ()


def test_the_order_from_now_on() -> None:
    weekly = rotation(ADA, BO, CLEO)
    assert weekly.order_at(NOW) == (ADA, BO, CLEO)
    assert weekly.order_at(NOW + 7 * DAY) == (BO, CLEO, ADA)
    assert weekly.order_at(NOW + 21 * DAY) == (ADA, BO, CLEO)


def test_what_was_so_stays_so_when_the_rotation_is_changed() -> None:
    old = rotation(ADA, BO, now=NOW - 14 * DAY)
    override = Override(CLEO, NOW - 5 * DAY, NOW - 4 * DAY, 1)
    for people in ((CLEO, ADA), (ADA, BO, CLEO)):
        new = rotation(*people, every=Every.DAILY, clock="18:00")
        start = NOW - 30 * DAY
        kept = kept_turns(old, [override], new, start, NOW)
        before = stretches(shifts(old, [override], old.starts_at, NOW))
        after = stretches(shifts(new, [override, *kept], old.starts_at, NOW))
        assert before == after
        assert who_at(new, kept, NOW) == people[0]
        assert all(one.ends_at <= NOW for one in kept)
    kept = kept_turns(old, [override], None, NOW - 30 * DAY, NOW)
    assert stretches(shifts(None, [override, *kept], old.starts_at, NOW)) == before
    same = rotation(ADA, BO, now=NOW)
    assert [(one.person, one.ends_at) for one in kept_turns(old, [], same, NOW - DAY, NOW)] == []


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
MINUTES = st.integers(-400 * 24 * 60, 400 * 24 * 60)


@st.composite
def plans(draw: st.DrawFn) -> tuple[Rotation, list[Override], datetime, datetime]:
    """A rotation, overrides and a time of some weeks, often over a change of clocks."""
    begin = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(minutes=draw(MINUTES))
    handover = Handover(
        draw(st.sampled_from(Every)),
        ZoneInfo(draw(st.sampled_from(ZONES))),
        draw(st.sampled_from([time(0), time(2), time(2, 10), time(2, 30), time(9), time(23, 59)])),
        draw(st.integers(0, 6)),
    )
    members = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    made = draw(st.lists(st.tuples(st.integers(1, 5), MINUTES, st.integers(1, 30_000)), max_size=5))
    overrides = [
        Override(
            person,
            begin + timedelta(minutes=start % 60_000),
            begin + timedelta(minutes=start % 60_000 + length),
            mark,
        )
        for mark, (person, start, length) in enumerate(made)
    ]
    end = begin + timedelta(minutes=draw(st.integers(1, 70 * 24 * 60)))
    return begin_rotation(handover, members, begin), overrides, begin, end


@given(plans())
def test_every_moment_has_exactly_one_person(
    plan: tuple[Rotation, list[Override], datetime, datetime],
) -> None:
    turns, overrides, start, end = plan
    found = shifts(turns, overrides, start, end)
    assert found[0].starts_at == start
    assert found[-1].ends_at == end
    for before, after in pairwise(found):
        assert before.ends_at == after.starts_at
    assert all(one.starts_at < one.ends_at for one in found)
    assert all(one.person is not None for one in found)
    assert gaps(turns, overrides, start, end) == []
    assert who_at(turns, [], start) == turns.members[0]


@given(plans(), st.floats(0, 1, exclude_max=True))
def test_the_person_is_the_one_that_counting_days_gives(
    plan: tuple[Rotation, list[Override], datetime, datetime], share: float
) -> None:
    turns, overrides, start, end = plan
    moment = start + (end - start) * share
    newest = [one for one in overrides if one.starts_at <= moment < one.ends_at][-1:]
    day, count = turns.starts_at.astimezone(turns.zone).date(), -1
    while datetime.combine(day, turns.handover.at, turns.zone).astimezone(UTC) <= moment:
        count += 1
        day += timedelta(days=turns.every.days)
    expected = newest[0].person if newest else turns.members[count % len(turns.members)]
    found = shifts(turns, overrides, start, end)
    [shift] = [one for one in found if one.starts_at <= moment < one.ends_at]
    assert who_at(turns, overrides, moment) == shift.person == expected


@given(plans())
def test_handovers_are_at_one_time_of_day_but_where_clocks_skip_it(
    plan: tuple[Rotation, list[Override], datetime, datetime],
) -> None:
    turns, _, start, _ = plan
    for number in range(turns.turn_at(start), turns.turn_at(start) + 60):
        local = turns.handover_at(number).astimezone(turns.zone)
        wanted = local.replace(hour=turns.handover.at.hour, minute=turns.handover.at.minute)
        is_skipped = wanted.astimezone(UTC).astimezone(turns.zone).time() != wanted.time()
        assert local.time() == turns.handover.at or is_skipped
        assert turns.handover_at(number) < turns.handover_at(number + 1)
