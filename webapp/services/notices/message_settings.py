"""The settings that all messages share: quiet hours, holidays, summaries, drills."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.notices.hours import Hours, HoursError, read_holidays, read_time
from webapp.models import NotificationSettings
from webapp.services.audit import changes_between, record_event
from webapp.services.desk.edit_rows import EditConflictError, last_editor, version_of
from webapp.services.errors import FieldError
from webapp.services.people.set_preferences import UTC_NAME, find_time_zone
from webapp.services.transactions import NO_SYNC, reading, transaction

KIND_OF_EVENT = "notification_settings"
MOST_HOLIDAYS = 500
LONGEST_DRILL_DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageValues:
    """What a person enters; times of day are `07:30`, empty means none."""

    time_zone: str = UTC_NAME
    quiet_begins: str = ""
    quiet_ends: str = ""
    holidays: str = ""
    daily_summary_at: str = ""
    weekly_summary_on: str = ""
    drill_every_days: str = ""


@dataclass
class _Reader:
    """Reads typed values one by one, and collects what is wrong with them."""

    problems: dict[str, str] = field(default_factory=dict)

    def time_of_day(self, name: str, typed: str) -> str | None:
        """Return a time of day, None for nothing."""
        try:
            return f"{read_time(typed):%H:%M}" if typed.strip() else None
        except HoursError as error:
            self.problems[name] = str(error)
            return None

    def number(self, name: str, typed: str, most: int, sentence: str) -> int | None:
        """Return a number from 0 to `most`, None for nothing."""
        text = typed.strip()
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= most):
            self.problems[name] = sentence
            return None
        return int(text)

    def days(self, typed: str) -> list[str]:
        """Return the days of some lines, in order and each once."""
        try:
            days: set[date] = set(read_holidays(typed.split()))
        except HoursError as error:
            self.problems["holidays"] = str(error)
            return []
        if len(days) > MOST_HOLIDAYS:
            self.problems["holidays"] = f"At most {MOST_HOLIDAYS} holidays can be kept."
        return [day.isoformat() for day in sorted(days)]


def read_message_settings() -> NotificationSettings:
    """Return what is stored, or the values that count before anybody has saved them."""
    with reading() as session:
        row = session.get(NotificationSettings, 1, populate_existing=True)
        return row or NotificationSettings(
            id=1,
            time_zone=UTC_NAME,
            holidays=[],
            mail_port=587,
            mail_security="starttls",
        )


def message_version(row: NotificationSettings) -> str:
    """The version of the values that `save_message_settings` writes."""
    return version_of(_stored(row))


def as_values(row: NotificationSettings) -> MessageValues:
    """Return what is stored as a person would enter it."""
    quiet = row.quiet_hours or {}
    return MessageValues(
        time_zone=row.time_zone,
        quiet_begins=str(quiet.get("begins", "")),
        quiet_ends=str(quiet.get("ends", "")),
        holidays="\n".join(row.holidays),
        daily_summary_at=row.daily_summary_at or "",
        weekly_summary_on="" if row.weekly_summary_on is None else str(row.weekly_summary_on),
        drill_every_days="" if row.drill_every_days is None else str(row.drill_every_days),
    )


def save_message_settings(
    values: MessageValues, *, seen: str | None = None, actor_id: int | None = None
) -> bool:
    """Save the settings; returns False if nothing changed.

    Raises FieldError, and EditConflictError if `seen` is outdated.
    """
    wanted = _read(values)
    with transaction() as session:
        return apply_settings(session, wanted, seen=seen, actor_id=actor_id)


def apply_settings(
    session: Session,
    wanted: dict[str, Any],
    *,
    seen: str | None,
    actor_id: int | None,
    audited: dict[str, object] | None = None,
) -> bool:
    """Write columns of the single row and record what changed; returns False if nothing did.

    `audited` is recorded besides, of values that are not compared. Raises EditConflictError.
    """
    row = lock_settings(session)
    before = {name: getattr(row, name) for name in wanted}
    old, new = changes_between(before, wanted)
    if not new and not audited:
        return False
    if seen is not None and seen != version_of(before):
        raise EditConflictError(_shown(before), last_editor(session, KIND_OF_EVENT, row.id))
    for name, value in new.items():
        setattr(row, name, value)
    row.updated_at = clock.utcnow()
    record_event(
        session,
        action=f"{KIND_OF_EVENT}.changed",
        subject_type=KIND_OF_EVENT,
        subject_id=row.id,
        before=old,
        after={**new, **(audited or {})},
        actor_id=actor_id,
    )
    return True


def lock_settings(session: Session) -> NotificationSettings:
    """Return the single row, locked; it is made if there is none."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    dialect = sqlite if is_sqlite else postgresql
    statement = dialect.insert(NotificationSettings).values(id=1, holidays=[])
    session.execute(statement.on_conflict_do_nothing(), execution_options=NO_SYNC)
    return session.get_one(NotificationSettings, 1, with_for_update=True, populate_existing=True)


def _read(values: MessageValues) -> dict[str, Any]:
    reader = _Reader()
    zone = UTC_NAME
    try:
        zone = find_time_zone(values.time_zone) or UTC_NAME
    except FieldError as error:
        reader.problems.update(error.fields)
    begins = reader.time_of_day("quiet_begins", values.quiet_begins)
    ends = reader.time_of_day("quiet_ends", values.quiet_ends)
    if (begins is None) != (ends is None) and not reader.problems:
        missing = "quiet_begins" if begins is None else "quiet_ends"
        reader.problems[missing] = "Enter when it begins and when it ends, or neither."
    if begins is not None and begins == ends:
        reader.problems["quiet_ends"] = "It cannot be quiet all day: what is held would never go."
    wanted = {
        "time_zone": zone,
        "quiet_hours": _quiet_hours(zone, begins, ends),
        "holidays": reader.days(values.holidays),
        "daily_summary_at": reader.time_of_day("daily_summary_at", values.daily_summary_at),
        "weekly_summary_on": reader.number(
            "weekly_summary_on", values.weekly_summary_on, 6, "Choose a day of the week."
        ),
        "drill_every_days": reader.number(
            "drill_every_days",
            values.drill_every_days,
            LONGEST_DRILL_DAYS,
            f"Enter a number of days up to {LONGEST_DRILL_DAYS}, or nothing.",
        )
        or None,
    }
    if reader.problems:
        raise FieldError(reader.problems)
    return wanted


def _quiet_hours(zone: str, begins: str | None, ends: str | None) -> dict[str, Any] | None:
    if begins is None or ends is None:
        return None
    hours = Hours(zone=zone, begins=read_time(begins), ends=read_time(ends), skips_holidays=False)
    return hours.as_json()


def _stored(row: NotificationSettings) -> dict[str, object]:
    return {
        "time_zone": row.time_zone,
        "quiet_hours": row.quiet_hours,
        "holidays": row.holidays,
        "daily_summary_at": row.daily_summary_at,
        "weekly_summary_on": row.weekly_summary_on,
        "drill_every_days": row.drill_every_days,
    }


def _shown(before: dict[str, Any]) -> dict[str, object]:
    """What a conflict shows: simple values by the names of their fields."""
    quiet = before.get("quiet_hours") or {}
    shown = {name: value for name, value in before.items() if isinstance(value, str | int)}
    if "quiet_hours" in before:
        shown |= {"quiet_begins": quiet.get("begins", ""), "quiet_ends": quiet.get("ends", "")}
        shown["holidays"] = "\n".join(before["holidays"])
    return {name.removeprefix("mail_"): value for name, value in shown.items()}
