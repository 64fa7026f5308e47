"""The calendar of shifts."""

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.on_call.rotations import rotate
from tests.support.rows import all_rows, audit_events
from webapp.models import OnCallRotation, User
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.on_call.calendar_feed import make_feed, read_calendar, stop_feed
from webapp.services.on_call.edit_overrides import add_override
from webapp.services.transactions import transaction

People = tuple[int, int, int]
DAY = timedelta(days=1)


def events(secret: str) -> dict[str, tuple[str, datetime, datetime]]:
    """Summary, beginning and end by UID, as another reader of the format sees them."""
    calendar = Calendar.from_ical(read_calendar(secret))
    found = [
        (str(one["uid"]), (str(one["summary"]), one["dtstart"].dt, one["dtend"].dt))
        for one in calendar.walk("VEVENT")
    ]
    assert len(dict(found)) == len(found)
    return dict(found)


@both_databases
def test_the_shifts_of_the_next_90_days(people: People, fake_clock: FakeClock) -> None:
    rotate(*people)
    found = list(events(make_feed(actor_id=people[0])).items())
    assert len(found) == 14
    assert found[0] == (
        "on-call-20260608T070000Z@triagedesk",
        (
            "On call: Ada",
            datetime(2026, 6, 8, 7, tzinfo=UTC),
            datetime(2026, 6, 15, 7, tzinfo=UTC),
        ),
    )
    names = [one[1][0].removeprefix("On call: ") for one in found[:4]]
    assert names == ["Ada", "Bo", "Cleo", "Ada"]
    ends = [one[1][2] for one in found]
    assert [one[1][1] for one in found[1:]] == ends[:-1]
    assert ends[-1] - ends[-2] == 7 * DAY  # no shift is cut off


def test_the_past_30_days_stay(people: People, fake_clock: FakeClock) -> None:
    rotate(*people)
    secret = make_feed(actor_id=people[0])
    fake_clock.advance(days=60)
    found = events(secret)
    assert min(one[1] for one in found.values()) == datetime(2026, 7, 6, 7, tzinfo=UTC)
    assert max(one[1] for one in found.values()) == datetime(2026, 11, 2, 8, tzinfo=UTC)


def test_a_shift_keeps_its_uid(people: People, fake_clock: FakeClock) -> None:
    ada, bo, cleo = people
    rotate(ada, bo, cleo)
    secret = make_feed(actor_id=ada)
    before = events(secret)
    assert read_calendar(secret) == read_calendar(secret)
    fake_clock.advance(days=3)
    uid, (_, start, end) = list(before.items())[1]
    add_override(cleo, start, end)
    after = events(secret)
    assert after[uid] == ("On call: Cleo", start, end)
    assert {one: after[one] for one in before if one != uid} == {
        one: before[one] for one in before if one != uid
    }


def test_names_cannot_break_out(people: People, fake_clock: FakeClock) -> None:
    name = "Ada; the, \\first\\n 日本語 " + "x" * 150
    with transaction() as session:
        user = session.get(User, people[0])
        assert user is not None
        user.name = name
    rotate(*people)
    secret = make_feed(actor_id=people[0])
    lines = read_calendar(secret).split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert next(iter(events(secret).values()))[0] == f"On call: {name}"


@both_databases
def test_the_address_can_be_renewed_and_ended(people: People, fake_clock: FakeClock) -> None:
    with pytest.raises(RefusedError, match="There is no rotation yet"):
        make_feed(actor_id=people[0])
    rotate(*people)
    first = make_feed(actor_id=people[0])
    second = make_feed(actor_id=people[0])
    [row] = all_rows(OnCallRotation)
    assert second not in str(vars(row))
    assert events(second)
    stop_feed(actor_id=people[0])
    for secret in (first, second, "", "None", "x" * 10_000):
        with pytest.raises(NotFoundError):
            read_calendar(secret)
    told = [(one.action, one.after) for one in audit_events()][1:]
    assert told == [
        ("on_call.calendar_made", {"address": "changed"}),
        ("on_call.calendar_made", {"address": "changed"}),
        ("on_call.calendar_stopped", None),
    ]
