"""Setting the rotation."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.on_call.rotations import add_user_row, rotate, weekly
from tests.support.rows import all_rows, audit_actions, audit_events
from webapp.models import OnCallOverride, OnCallRotation
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.on_call.calendar_feed import make_feed, read_calendar
from webapp.services.on_call.edit_overrides import add_override
from webapp.services.on_call.edit_rotation import (
    MOST_MEMBERS,
    RotationValues,
    remove_rotation,
    set_rotation,
)
from webapp.services.on_call.plan import load_plan
from webapp.services.on_call.read_page import read_on_call_page
from webapp.services.people.users import deactivate_user
from webapp.services.transactions import reading

People = tuple[int, int, int]
WEEK = timedelta(days=7)


def stored(clock: FakeClock) -> RotationValues | None:
    return read_on_call_page(clock.now()).rotation


def told(start: datetime, end: datetime, now: datetime) -> list[tuple[int | None, datetime]]:
    with reading() as session:
        found = load_plan(session, start).shifts(start, end, now)
    return [(one.person, one.ends_at) for one in found]


@both_databases
def test_setting_and_reading_back(people: People, fake_clock: FakeClock) -> None:
    assert stored(fake_clock) is None
    assert set_rotation(weekly(people, zone="berlin"), actor_id=people[0])
    assert stored(fake_clock) == weekly(list(people))
    [event] = audit_events()
    assert event.action == "on_call.rotation_set"
    assert event.actor_id == people[0]
    assert event.before is None
    assert event.after == {
        "handover": "every Monday at 09:00",
        "time_zone": "Europe/Berlin",
        "people": ["ada@example.com", "bo@example.com", "cleo@example.com"],
    }


@both_databases
def test_the_same_once_more_changes_nothing(people: People, fake_clock: FakeClock) -> None:
    ada, bo, cleo = people
    rotate(ada, bo, cleo)
    fake_clock.advance(days=8)
    assert stored(fake_clock) == weekly([bo, cleo, ada])
    assert not set_rotation(weekly((bo, cleo, ada)))
    assert audit_actions() == ["on_call.rotation_set"]


@both_databases
def test_a_change_keeps_what_was_and_says_only_what_changed(
    people: People, fake_clock: FakeClock
) -> None:
    ada, bo, cleo = people
    rotate(ada, bo)
    begin = fake_clock.now()
    fake_clock.advance(days=9)
    now = fake_clock.now()
    before = told(begin, now, now)
    assert set_rotation(replace(weekly((cleo, ada)), every="daily", at="18:00"))
    assert told(begin, now, now) == before
    assert told(now, now + timedelta(hours=30), now)[0][0] == cleo
    assert all(one.ends_at <= now for one in all_rows(OnCallOverride))
    event = audit_events()[-1]
    assert event.before == {
        "handover": "every Monday at 09:00",
        "people": ["ada@example.com", "bo@example.com"],
    }
    assert event.after == {
        "handover": "every day at 18:00",
        "people": ["cleo@example.com", "ada@example.com"],
    }


def test_one_person_may_take_two_turns(people: People, fake_clock: FakeClock) -> None:
    ada, bo, _ = people
    rotate(ada, bo, ada)
    assert stored(fake_clock) == weekly([ada, bo, ada])


def test_who_is_deactivated_is_left_out_when_it_is_saved_again(
    people: People, fake_clock: FakeClock
) -> None:
    ada, bo, cleo = people
    rotate(bo, cleo, ada)
    deactivate_user(bo)
    proposed = stored(fake_clock)
    assert proposed == weekly([cleo, ada])
    assert set_rotation(proposed)
    assert read_on_call_page(fake_clock.now()).view.warnings[0].fault != "deactivated"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("at", {"at": "25:00"}),
        ("every", {"every": "hourly"}),
        ("weekday", {"weekday": 7}),
        ("time_zone", {"time_zone": "Atlantis"}),
        ("people", {"people": ()}),
        ("people", {"people": (1,) * (MOST_MEMBERS + 1)}),
        ("people", {"people": (999,)}),
    ],
)
def test_what_cannot_be_taken(people: People, field: str, values: dict[str, object]) -> None:
    with pytest.raises(FieldError) as refused:
        set_rotation(replace(weekly(people), **values))  # type: ignore[arg-type]
    assert list(refused.value.fields) == [field]
    assert all_rows(OnCallRotation) == []


def test_nobody_who_is_deactivated_can_be_chosen(people: People) -> None:
    eve = add_user_row("Eve", is_active=False)
    with pytest.raises(FieldError, match="cannot sign in any more"):
        rotate(people[0], eve)


@both_databases
def test_two_people_do_not_overwrite_each_other(people: People, fake_clock: FakeClock) -> None:
    ada, bo, cleo = people
    unset = read_on_call_page(fake_clock.now()).version
    set_rotation(weekly((ada, bo)), actor_id=ada, seen=unset)
    with pytest.raises(EditConflictError, match=r"Ada changed this .* Nothing was saved"):
        set_rotation(weekly((cleo,)), actor_id=bo, seen=unset)
    seen = read_on_call_page(fake_clock.now()).version
    fake_clock.advance(hours=1)
    set_rotation(weekly((cleo,)), actor_id=bo, seen=seen)
    with pytest.raises(EditConflictError, match="Bo changed this") as conflict:
        set_rotation(weekly((ada,)), actor_id=ada, seen=seen)
    assert conflict.value.current["at"] == "09:00"
    assert not set_rotation(weekly((cleo,)), actor_id=ada, seen=seen)


def test_a_handover_meanwhile_is_a_conflict(people: People, fake_clock: FakeClock) -> None:
    rotate(*people)
    seen = read_on_call_page(fake_clock.now()).version
    fake_clock.advance(days=7)
    with pytest.raises(EditConflictError, match="A handover changed this"):
        set_rotation(weekly(people[:2]), seen=seen)


@both_databases
def test_removing_the_rotation_keeps_the_past_and_ends_the_calendar(
    people: People, fake_clock: FakeClock
) -> None:
    ada, bo, cleo = people
    rotate(ada, bo)
    secret = make_feed(actor_id=ada)
    begin = fake_clock.now()
    fake_clock.advance(days=7)
    now = fake_clock.now()
    override = add_override(cleo, now, now + WEEK)
    before = told(begin, now, now)
    remove_rotation(actor_id=ada)
    assert told(begin, now, now) == before
    assert told(now, now + WEEK + WEEK, now) == [(cleo, override.ends_at), (None, now + WEEK * 2)]
    with pytest.raises(NotFoundError):
        read_calendar(secret)
    with pytest.raises(NotFoundError):
        remove_rotation()
    event = audit_events()[-1]
    assert (event.action, event.after) == ("on_call.rotation_removed", None)
    assert event.before is not None
    assert event.before["people"] == ["ada@example.com", "bo@example.com"]
