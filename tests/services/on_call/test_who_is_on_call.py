"""Who is on call, as stored, and what is wrong with the plan."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import event

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.on_call.rotations import BERLIN, add_contact, add_user_row, rotate
from tests.support.rows import add, change
from webapp.extensions import db
from webapp.models import OnCallRotation, Policy, User
from webapp.services.on_call.edit_overrides import add_override
from webapp.services.on_call.plan import load_plan
from webapp.services.on_call.who_is_on_call import (
    is_in_rotation,
    read_on_call,
    read_zone,
    who_is_on_call,
)
from webapp.services.people.users import deactivate_user
from webapp.services.transactions import reading

People = tuple[int, int, int]
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


def name_at(clock: FakeClock, **step: float) -> str | None:
    with reading() as session:
        user = who_is_on_call(session, clock.now() + timedelta(**step))
        return user.name if user else None


def sentences(clock: FakeClock) -> list[str]:
    view = read_on_call(clock.now())
    return [warning.sentence(ZoneInfo(BERLIN)) for warning in view.warnings]


@both_databases
def test_the_rotation_as_stored_says_who_is_on_call(people: People, fake_clock: FakeClock) -> None:
    rotate(*people)  # on a Tuesday, at 14:00 in Berlin
    assert [name_at(fake_clock, days=days) for days in (0, 5, 6, 13, 20)] == [
        *("Ada", "Ada", "Bo", "Cleo", "Ada")
    ]
    view = read_on_call(fake_clock.now())
    assert view.now is not None
    assert view.next is not None
    assert (view.now.user.name, view.next.user.name) == ("Ada", "Bo")
    assert f"{view.now.starts_at:%m-%d %H:%M}" == "06-08 07:00"
    assert view.now.ends_at == view.next.starts_at == view.now.starts_at + WEEK
    assert not view.now.is_override
    assert view.is_used


@both_databases
def test_the_newest_override_counts(people: People, fake_clock: FakeClock) -> None:
    _, bo, cleo = people
    rotate(*people)
    now = fake_clock.now()
    add_override(bo, now + HOUR, now + 5 * HOUR)
    add_override(cleo, now + 2 * HOUR, now + 3 * HOUR)
    assert [name_at(fake_clock, hours=hours) for hours in (0, 1, 2, 3, 5)] == [
        *("Ada", "Bo", "Cleo", "Bo", "Ada")
    ]
    view = read_on_call(now + HOUR)
    assert view.now is not None
    assert view.now.is_override
    assert view.now.ends_at == now + 2 * HOUR


def test_nobody_where_nothing_is_set(people: People, fake_clock: FakeClock) -> None:
    assert name_at(fake_clock) is None
    view = read_on_call(fake_clock.now())
    assert (view.now, view.next, view.is_used) == (None, None, False)
    assert "There is no rotation" in sentences(fake_clock)[0]
    assert read_zone() is None
    add(
        Policy(
            name="All",
            position=1,
            conditions={},
            created_at=fake_clock.now(),
            updated_at=fake_clock.now(),
        )
    )
    assert read_on_call(fake_clock.now()).is_used


def test_an_override_without_a_rotation_is_in_use(people: People, fake_clock: FakeClock) -> None:
    now = fake_clock.now()
    add_override(people[1], now + HOUR, now + 2 * HOUR)
    view = read_on_call(now)
    assert view.is_used
    assert view.now is None
    assert view.next is not None
    assert view.next.user.name == "Bo"
    assert not read_on_call(now + 3 * HOUR).is_used


@both_databases
def test_whoever_follows_takes_the_shifts_of_who_is_deactivated(
    people: People, fake_clock: FakeClock
) -> None:
    ada, bo, cleo = people
    rotate(bo, cleo, ada)
    add_override(bo, fake_clock.now() + timedelta(days=1), fake_clock.now() + timedelta(days=2))
    deactivate_user(bo)
    fake_clock.advance(hours=1)
    found = [name_at(fake_clock, days=days) for days in (0, 1.5, 6, 13, 20)]
    assert found == ["Cleo", "Cleo", "Cleo", "Ada", "Cleo"]
    assert sentences(fake_clock)[0].startswith("Bo is deactivated: whoever follows in the order")


def test_nobody_is_left_if_everybody_is_deactivated(people: People, fake_clock: FakeClock) -> None:
    ada, bo, cleo = people
    rotate(bo, cleo)
    now = fake_clock.now()
    add_override(ada, now + HOUR, now + 2 * HOUR)
    for one in (bo, cleo):
        deactivate_user(one)
    assert name_at(fake_clock) is None
    assert [one for one in sentences(fake_clock) if "Nobody" in one] == [
        "Nobody is on call from 9 Jun 2026, 14:00 to 9 Jun 2026, 15:00. Add an override, or "
        "somebody to the rotation.",
        "Nobody is on call from 9 Jun 2026, 16:00 on. Add an override, or somebody to the "
        "rotation.",
    ]


@both_databases
def test_people_without_a_confirmed_contact_method_are_named(
    people: People, fake_clock: FakeClock
) -> None:
    ada, bo, cleo = people
    now = fake_clock.now()
    dai = add_user_row("Dai")
    rotate(ada, bo, cleo)
    add_override(dai, now + HOUR, now + 2 * HOUR)
    add_contact(ada, confirmed_at=now)
    add_contact(bo, confirmed_at=None)
    add_contact(cleo, confirmed_at=now, paused_at=now)
    assert [one.partition(" has")[0] for one in sentences(fake_clock)] == ["Bo", "Cleo", "Dai"]
    for one in (bo, cleo, dai):
        add_contact(one, confirmed_at=now)
    assert sentences(fake_clock) == []


def test_the_dashboard_costs_two_statements(people: People, fake_clock: FakeClock) -> None:
    rotate(*people)
    add_override(people[1], None, fake_clock.now() + HOUR)
    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2].split()[0]))
    read_on_call(fake_clock.now())
    assert seen.count("SELECT") == 2


def test_who_takes_turns(people: People) -> None:
    rotate(people[0], people[1])
    assert [is_in_rotation(one) for one in people] == [True, True, False]


def test_a_zone_that_is_not_known_here_counts_as_utc(people: People, fake_clock: FakeClock) -> None:
    rotate(*people)
    assert str(read_zone()) == BERLIN
    change(OnCallRotation, 1, time_zone="Europe/Atlantis")
    assert name_at(fake_clock) == "Ada"
    assert read_zone() is not None


def test_what_was_before_a_person_left_stays(people: People, fake_clock: FakeClock) -> None:
    ada, bo, _ = people
    rotate(ada, bo)
    fake_clock.advance(days=7)
    for one in (ada, bo):
        change(User, one, is_active=False)
    now = fake_clock.now()
    with reading() as session:
        plan = load_plan(session, now)
    found = plan.shifts(now - WEEK, now + WEEK, now)
    assert [one.person for one in found] == [ada, bo, None]
    assert found[1].ends_at == now
