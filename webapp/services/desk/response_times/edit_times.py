"""Setting within what time tickets should be touched and closed, which only admins may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.notices.hours import HoursError, read_holidays
from webapp.domain.triage.clocks import parse_target, target_text
from webapp.domain.triage.opening import OpenTimes, periods_text, read_open_times, read_periods
from webapp.models import NotificationSettings, OpeningHours, Priority, TimeTarget
from webapp.services.audit import changes_between, record_event
from webapp.services.desk.edit_rows import EditConflictError, last_editor, version_of
from webapp.services.errors import FieldError
from webapp.services.people.set_preferences import UTC_NAME, find_time_zone
from webapp.services.transactions import reading, transaction

KIND_OF_TIMES = "response_times"
MOST_DAYS_OFF = 500
ROW_ID = 1
WORKDAYS_OPEN = "08:00-18:00"
NEVER_OPEN = "The desk is never open, so no target could ever be reached. Enter when it is."
TIMES_FIELD = {"touch": "Touched within", "close": "Closed within"}


@dataclass(frozen=True, slots=True)
class ClockValues:
    """The targets of a priority as they are typed."""

    touch: str = ""
    close: str = ""
    is_around_the_clock: bool = False


@dataclass(frozen=True, slots=True)
class TimesValues:
    """What a person enters: targets by the priority's id, the periods of each weekday, a zone.

    A field is named `touch-1` or `close-1` (with the priority's id), `day-0` (Monday), `zone`,
    `holidays`.
    """

    targets: Mapping[int, ClockValues] = field(default_factory=dict)
    days: Sequence[str] = ("",) * 7
    zone: str = UTC_NAME
    holidays: str = ""


@dataclass(frozen=True, slots=True)
class TimesPage:
    """What the page shows: priorities in their order, what is stored, its version.

    `is_recomputing` says that tickets still get their new times.
    """

    priorities: Sequence[Priority]
    values: TimesValues
    version: str
    are_set: bool
    is_recomputing: bool


OFFERED = (("15m", "4h", True), ("30m", "8h", False), ("2h", "24h", False), ("8h", "40h", False))
"""Sensible targets by the place of a priority, the most urgent first; the last for all below."""


def read_response_times() -> TimesPage:
    """Read the settings; without any, the opening hours that are usual are filled in."""
    with reading() as session:
        priorities = session.scalars(select(Priority).order_by(Priority.position)).all()
        hours = session.get(OpeningHours, ROW_ID, populate_existing=True)
        values = _stored(session, hours)
        shown = values if hours is not None else _usual(session)
    return TimesPage(
        priorities=priorities,
        values=shown,
        version=version_of(_plain(values)),
        are_set=bool(values.targets),
        is_recomputing=hours is not None and hours.recomputed_to is not None,
    )


def offer_targets(page: TimesPage) -> TimesValues:
    """The stored hours with sensible targets for each priority."""
    targets = {
        priority.id: ClockValues(*OFFERED[min(place, len(OFFERED) - 1)])
        for place, priority in enumerate(page.priorities)
    }
    return TimesValues(targets, page.values.days, page.values.zone, page.values.holidays)


def save_times(values: TimesValues, *, seen: str | None, actor_id: int) -> bool:
    """Save targets and hours; returns False if nothing changed.

    Open tickets get their new times with the next ticks (see `recompute_clocks`). Raises FieldError
    with a sentence for each wrong field, and EditConflictError if `seen` is outdated.
    """
    opening, minutes = _read(values)
    now = clock.utcnow()
    with transaction() as session:
        # two admins take turns here, also where there is no row yet to be locked
        known = session.scalars(
            select(Priority.id).order_by(Priority.id).with_for_update(key_share=True)
        ).all()
        row = session.get(OpeningHours, ROW_ID, populate_existing=True)
        before = _stored(session, row)
        wanted = _typed(opening, {key: one for key, one in minutes.items() if key in known})
        old, new = changes_between(_plain(before), _plain(wanted))
        if not new and row is not None:
            return False
        if seen is not None and seen != version_of(_plain(before)):
            raise EditConflictError({}, last_editor(session, KIND_OF_TIMES, ROW_ID))
        _write_hours(session, row, opening, now)
        session.execute(delete(TimeTarget))
        session.add_all(one for key, one in minutes.items() if key in known)
        record_event(
            session,
            action=f"{KIND_OF_TIMES}.changed",
            subject_type=KIND_OF_TIMES,
            subject_id=ROW_ID,
            before=old,
            after=new,
            actor_id=actor_id,
        )
    return True


def _write_hours(
    session: Session, row: OpeningHours | None, opening: OpenTimes, now: datetime
) -> None:
    stored = opening.as_json()
    if row is None:
        row = OpeningHours(id=ROW_ID)
        session.add(row)
    row.zone, row.days, row.holidays = stored["zone"], stored["days"], stored["holidays"]
    row.changed_at, row.recomputed_to = now, 0


def _read(values: TimesValues) -> tuple[OpenTimes, dict[int, TimeTarget]]:
    errors: dict[str, str] = {}
    zone = UTC_NAME
    holidays: frozenset[date] = frozenset()
    try:
        zone = find_time_zone(values.zone) or UTC_NAME
    except FieldError as error:
        errors["zone"] = str(error)
    try:
        holidays = read_holidays(values.holidays.split())
    except HoursError as error:
        errors["holidays"] = str(error)
    if len(holidays) > MOST_DAYS_OFF:
        errors["holidays"] = f"At most {MOST_DAYS_OFF} holidays can be kept."
    days = []
    for day, text in enumerate(values.days):
        try:
            days.append(read_periods(text))
        except HoursError as error:
            days.append(())
            errors[f"day-{day}"] = str(error)
    targets = _read_targets(values.targets, errors)
    counts_hours = any(not one.is_around_the_clock for one in targets.values())
    if counts_hours and not any(days) and not errors:
        errors["day-0"] = NEVER_OPEN
    if errors:
        raise FieldError(errors)
    return OpenTimes(zone=zone, days=tuple(days), holidays=holidays), targets


def _read_targets(
    typed: Mapping[int, ClockValues], errors: dict[str, str]
) -> dict[int, TimeTarget]:
    targets = {}
    for priority_id, one in typed.items():
        minutes: dict[str, int | None] = {}
        for name, text in (("touch", one.touch), ("close", one.close)):
            try:
                minutes[name] = parse_target(text)
            except ValueError as error:
                errors[f"{name}-{priority_id}"] = str(error)
        if any(minutes.values()):
            targets[priority_id] = TimeTarget(
                priority_id=priority_id,
                touch_minutes=minutes.get("touch"),
                close_minutes=minutes.get("close"),
                is_around_the_clock=one.is_around_the_clock,
            )
    return targets


def _stored(session: Session, hours: OpeningHours | None) -> TimesValues:
    """What is stored, as it would be typed."""
    rows = session.scalars(
        select(TimeTarget)
        .order_by(TimeTarget.priority_id)
        .execution_options(populate_existing=True)
    )
    targets = {row.priority_id: row for row in rows}
    if hours is None:
        return TimesValues(targets={key: _typed_target(one) for key, one in targets.items()})
    values = {"zone": hours.zone, "days": hours.days, "holidays": hours.holidays}
    return _typed(read_open_times(values), targets)


def _typed(opening: OpenTimes, targets: Mapping[int, TimeTarget]) -> TimesValues:
    return TimesValues(
        targets={key: _typed_target(one) for key, one in targets.items()},
        days=tuple(periods_text(day) for day in opening.days),
        zone=opening.zone,
        holidays="\n".join(day.isoformat() for day in sorted(opening.holidays)),
    )


def _typed_target(row: TimeTarget) -> ClockValues:
    return ClockValues(
        target_text(row.touch_minutes), target_text(row.close_minutes), row.is_around_the_clock
    )


def _plain(values: TimesValues) -> dict[str, object]:
    """The values as the audit log keeps them."""
    return {
        "targets": {
            str(key): [one.touch, one.close, one.is_around_the_clock]
            for key, one in sorted(values.targets.items())
        },
        "days": list(values.days),
        "zone": values.zone,
        "holidays": values.holidays,
    }


def _usual(session: Session) -> TimesValues:
    """What is offered before anything is stored: working days, and what messages go by."""
    messages = session.get_one(NotificationSettings, 1, populate_existing=True)
    days = (*(WORKDAYS_OPEN,) * 5, "", "")
    return TimesValues({}, days, messages.time_zone, "\n".join(messages.holidays))
