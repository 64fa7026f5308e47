"""Sending the daily and the weekly summary, each once, whoever looks whether it is due."""

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from webapp.domain.notices.hours import HoursError
from webapp.domain.notices.summary import Period, compose_summary, find_daily, find_weekly
from webapp.extensions import current_config
from webapp.models import NotificationSettings
from webapp.services.notices.write_message import summary_recipients, write_message
from webapp.services.transactions import NO_SYNC, reading, transaction
from webapp.services.watch.summary_figures import read_summary_figures

log = logging.getLogger(__name__)


def write_summaries(now: datetime) -> int:
    """Write the summaries that are due at `now` (UTC) to the outbox; returns how many.

    A summary is claimed in the transaction that writes it: several that do this at once send it
    once, and one that fails is tried again.
    """
    with reading() as session:
        settings = session.get(NotificationSettings, 1, populate_existing=True)
        if settings is None:
            return 0
        zone, periods = settings.time_zone, _due(settings, now)
        found = [(period, read_summary_figures(session, period)) for period in periods]
    written = 0
    for period, figures in found:
        message = compose_summary(period, figures, ZoneInfo(zone), own_url=current_config().own_url)
        with transaction() as session:
            if _claim(session, period):
                write_message(session, summary_recipients(session), message, now)
                written += 1
    return written


def _due(settings: NotificationSettings, now: datetime) -> list[Period]:
    try:
        zone = ZoneInfo(settings.time_zone)
        found = (
            find_daily(now, zone, settings.daily_summary_at, settings.last_daily_summary_for),
            find_weekly(
                now,
                zone,
                settings.daily_summary_at,
                settings.weekly_summary_on,
                settings.last_weekly_summary_for,
            ),
        )
    except (HoursError, KeyError, ValueError) as error:
        log.error("The times of the summaries cannot be read: %s", error)
        return []
    return [period for period in found if period is not None]


def _claim(session: Session, period: Period) -> bool:
    """Note that the summary of this day is sent; False if it was."""
    table = NotificationSettings
    column = table.last_weekly_summary_for if period.is_weekly else table.last_daily_summary_for
    wanted = table.weekly_summary_on if period.is_weekly else table.daily_summary_at
    claimed = session.execute(
        update(table)
        .where(table.id == 1, wanted.is_not(None), or_(column.is_(None), column < period.day))
        .values({column: period.day}),
        execution_options=NO_SYNC,
    )
    return bool(claimed.rowcount)  # type: ignore[attr-defined]
