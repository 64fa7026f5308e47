"""Overrides: adding, taking, swapping, ending."""

from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.on_call.rotations import add_user_row, rotate
from tests.support.rows import all_rows, audit_actions, audit_events
from webapp.models import OnCallOverride
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.on_call.edit_overrides import (
    ShiftKey,
    add_override,
    end_override,
    parse_shift_key,
    swap_shifts,
    take_shift,
)
from webapp.services.on_call.read_page import key_of, read_on_call_page

People = tuple[int, int, int]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def keys(clock: FakeClock) -> list[ShiftKey]:
    return [key_of(shift) for shift in read_on_call_page(clock.now()).shifts]


def order(clock: FakeClock, count: int = 4) -> list[str]:
    return [shift.user.name for shift in read_on_call_page(clock.now()).shifts][:count]


@both_databases
def test_everybody_may_be_on_call_themselves(people: People, fake_clock: FakeClock) -> None:
    _, bo, _ = people
    now = fake_clock.now()
    added = add_override(bo, None, now + HOUR, reason="  Ada is \n ill ", actor_id=bo)
    assert (added.starts_at, added.reason) == (now, "Ada is ill")
    [event] = audit_events()
    assert (event.action, event.before) == ("on_call.override_added", None)
    assert event.after == {
        "user_id": bo,
        "from": now.isoformat(),
        "until": (now + HOUR).isoformat(),
        "reason": "Ada is ill",
    }


def test_only_admins_put_others_on_call(people: People, fake_clock: FakeClock) -> None:
    ada, bo, cleo = people
    end = fake_clock.now() + HOUR
    with pytest.raises(RefusedError, match="Only an admin can put somebody else"):
        add_override(cleo, None, end, actor_id=bo)
    assert all_rows(OnCallOverride) == []
    add_override(cleo, None, end, actor_id=ada)
    add_override(cleo, None, end)
    assert len(all_rows(OnCallOverride)) == 2


def test_a_beginning_that_has_passed_counts_as_now(people: People, fake_clock: FakeClock) -> None:
    now = fake_clock.now()
    assert add_override(people[1], now - DAY, now + HOUR).starts_at == now


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (None, None, "later than now"),
        (None, -HOUR, "later than now"),
        (2 * HOUR, HOUR, "later than now"),
        (None, 32 * DAY, "at most 31 days"),
        (80 * DAY, 91 * DAY, "within the next 90 days"),
    ],
)
def test_times_that_cannot_be_taken(
    people: People,
    fake_clock: FakeClock,
    start: timedelta | None,
    end: timedelta | None,
    words: str,
) -> None:
    now = fake_clock.now()
    with pytest.raises(FieldError, match=words) as refused:
        add_override(people[1], start and now + start, end and now + end)
    assert list(refused.value.fields) == ["ends_at"]


def test_nobody_who_is_deactivated_is_put_on_call(people: People, fake_clock: FakeClock) -> None:
    eve = add_user_row("Eve", is_active=False)
    with pytest.raises(FieldError, match="Eve is deactivated"):
        add_override(eve, None, fake_clock.now() + HOUR)
    with pytest.raises(NotFoundError):
        add_override(999, None, fake_clock.now() + HOUR)


@both_databases
def test_taking_a_shift_that_has_begun_takes_the_rest(
    people: People, fake_clock: FakeClock
) -> None:
    ada, bo, cleo = people
    rotate(ada, bo, cleo)
    current, _, third, _ = keys(fake_clock)[:4]
    taken = take_shift(current, actor_id=cleo)
    assert (taken.starts_at, taken.ends_at) == (fake_clock.now(), current.ends_at)
    assert taken.reason == "Taken from Ada"
    assert order(fake_clock) == ["Cleo", "Bo", "Cleo", "Ada"]
    take_shift(third, actor_id=bo)
    assert order(fake_clock) == ["Cleo", "Bo", "Bo", "Ada"]


def test_a_shift_that_is_not_so_any_more_is_not_taken(
    people: People, fake_clock: FakeClock
) -> None:
    ada, bo, cleo = people
    rotate(ada, bo, cleo)
    first, second = keys(fake_clock)[:2]
    with pytest.raises(RefusedError, match="yours already"):
        take_shift(first, actor_id=ada)
    take_shift(second, actor_id=cleo)
    with pytest.raises(RefusedError, match="has changed meanwhile"):
        take_shift(second, actor_id=ada)
    fake_clock.advance(days=7)
    with pytest.raises(RefusedError, match="is over"):
        take_shift(first, actor_id=cleo)


@pytest.mark.parametrize("text", [None, "", "1", "1//", "x/2026-06-09T12:00:00+00:00/x", "²/1/1"])
def test_text_that_names_no_shift(text: str | None) -> None:
    with pytest.raises(RefusedError, match="choose again"):
        parse_shift_key(text)


def test_a_key_survives_a_form(people: People, fake_clock: FakeClock) -> None:
    rotate(*people)
    for key in keys(fake_clock):
        assert parse_shift_key(str(key)) == key


@both_databases
def test_a_swap_gives_each_the_other_s_shift(people: People, fake_clock: FakeClock) -> None:
    ada, bo, cleo = people
    rotate(ada, bo, cleo)
    _, second, third, _ = keys(fake_clock)[:4]
    swap_shifts(second, third, actor_id=bo)
    assert order(fake_clock) == ["Ada", "Cleo", "Bo", "Ada"]
    first, other = all_rows(OnCallOverride)
    assert (first.user_id, first.reason) == (cleo, "Swap with Bo")
    assert (other.user_id, other.reason) == (bo, "Swap with Cleo")
    assert (first.starts_at, other.ends_at) == (second.starts_at, third.ends_at)
    assert audit_actions()[1:] == ["on_call.override_added"] * 2


def test_a_swap_is_for_the_two_and_for_admins(people: People, fake_clock: FakeClock) -> None:
    ada, bo, cleo = people
    rotate(ada, bo, ada)
    first, second, third = keys(fake_clock)[:3]
    with pytest.raises(RefusedError, match="Only an admin swaps"):
        swap_shifts(first, second, actor_id=cleo)
    with pytest.raises(RefusedError, match="shifts of two people"):
        swap_shifts(first, third, actor_id=ada)
    assert all_rows(OnCallOverride) == []
    swap_shifts(first, second, actor_id=ada)
    assert order(fake_clock, 3) == ["Bo", "Ada", "Ada"]


def test_nothing_of_a_swap_is_stored_if_half_of_it_cannot_be(
    people: People, fake_clock: FakeClock
) -> None:
    ada, bo, cleo = people
    rotate(ada, bo, cleo)
    first, second = keys(fake_clock)[:2]
    take_shift(second, actor_id=cleo)
    with pytest.raises(RefusedError):
        swap_shifts(first, second, actor_id=ada)
    assert len(all_rows(OnCallOverride)) == 1


@both_databases
def test_ending_an_override_and_withdrawing_one(people: People, fake_clock: FakeClock) -> None:
    ada, bo, cleo = people
    now = fake_clock.now()
    running = add_override(bo, None, now + 4 * HOUR, actor_id=ada)
    coming = add_override(bo, now + 5 * HOUR, now + 6 * HOUR, actor_id=ada)
    fake_clock.advance(hours=1)
    with pytest.raises(RefusedError, match="Only an admin"):
        end_override(running.id, actor_id=cleo)
    end_override(running.id, actor_id=bo)
    end_override(coming.id, actor_id=ada)
    [left] = all_rows(OnCallOverride)
    assert left.ends_at == fake_clock.now()
    with pytest.raises(RefusedError, match="is over"):
        end_override(running.id, actor_id=bo)
    with pytest.raises(NotFoundError):
        end_override(coming.id, actor_id=ada)
    event = audit_events()[-1]
    assert (event.action, event.after) == ("on_call.override_ended", None)
    assert event.before is not None
    assert event.before["user_id"] == bo
