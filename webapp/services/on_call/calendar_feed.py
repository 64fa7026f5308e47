"""The calendar of shifts at a secret address, as iCalendar (RFC 5545)."""

from datetime import datetime, timedelta

from icalendar import Calendar, Event
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import OnCallRotation
from webapp.services.audit import CHANGED, record_event
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.on_call.edit_rotation import SUBJECT
from webapp.services.on_call.plan import LONGEST_OVERRIDE, LOOK_AHEAD, OnCallPlan, load_plan
from webapp.services.on_call.who_is_on_call import PersonsShift, with_person
from webapp.services.people.tokens import hash_code, make_code
from webapp.services.transactions import reading, transaction

SHOWN_PAST = timedelta(days=30)
REFRESHED_EVERY = timedelta(hours=1)
PRODUCT = "-//Triagedesk//On call//EN"


def make_feed(*, actor_id: int | None) -> str:
    """Return the secret (128 random bits) of the calendar's address; an earlier one ends.

    Only its hash is stored. Raises RefusedError where there is no rotation.
    """
    secret = make_code()
    _set_hash(hash_code(secret), actor_id)
    return secret


def stop_feed(*, actor_id: int | None) -> None:
    """Let the calendar's address end. Raises RefusedError where there is no rotation."""
    _set_hash(None, actor_id)


def read_calendar(secret: str) -> bytes:
    """Return the calendar with the shifts of the last 30 and the next 90 days.

    A shift keeps its UID while its beginning stays. Raises NotFoundError for a wrong secret.
    """
    now = clock.utcnow()
    with reading() as session:
        query = select(OnCallRotation.id).where(OnCallRotation.feed_hash == hash_code(secret))
        if session.scalar(query) is None:
            raise NotFoundError("There is no calendar at this address.")
        return _calendar(load_plan(session, now - SHOWN_PAST - LONGEST_OVERRIDE), now)


def _calendar(plan: OnCallPlan, now: datetime) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "On call")
    calendar.add("refresh-interval", REFRESHED_EVERY, parameters={"VALUE": "DURATION"})
    # Some days more on both sides, so that no shift is cut where the calendar ends.
    first, last = now - SHOWN_PAST, now + LOOK_AHEAD
    for shift in plan.shifts(first - LONGEST_OVERRIDE, last + LONGEST_OVERRIDE, now):
        told = with_person(plan, shift)
        if told and told.ends_at > first and told.starts_at < last:
            calendar.add_component(_event(told, plan.changed_at or now))
    text: bytes = calendar.to_ical()
    return text


def _event(shift: PersonsShift, changed_at: datetime) -> Event:
    event = Event()
    event.add("uid", f"on-call-{shift.starts_at:%Y%m%dT%H%M%SZ}@triagedesk")
    event.add("dtstamp", changed_at.replace(microsecond=0))
    event.add("dtstart", shift.starts_at.replace(microsecond=0))
    event.add("dtend", shift.ends_at.replace(microsecond=0))
    event.add("summary", f"On call: {shift.user.name}")
    event.add("transp", "TRANSPARENT")
    return event


def _set_hash(feed_hash: str | None, actor_id: int | None) -> None:
    with transaction() as session:
        row = _rotation(session)
        row.feed_hash = feed_hash
        record_event(
            session,
            action="on_call.calendar_made" if feed_hash else "on_call.calendar_stopped",
            subject_type=SUBJECT,
            subject_id=row.id,
            after={"address": CHANGED} if feed_hash else None,
            actor_id=actor_id,
        )


def _rotation(session: Session) -> OnCallRotation:
    row = session.scalar(select(OnCallRotation).with_for_update())
    if row is None:
        raise RefusedError("There is no rotation yet; the calendar would be empty. Set it first.")
    return row
