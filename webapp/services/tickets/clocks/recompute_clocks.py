"""New due times of all open tickets after targets or opening hours were changed."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import OpeningHours, Ticket
from webapp.services.desk.response_times.clock_rules import read_clock_rules
from webapp.services.tickets.clocks.keep_clocks import set_clocks
from webapp.services.transactions import transaction

BATCH = 100
"""The most tickets in one transaction, so that a poll need not wait for it for long."""

BATCHES_AT_A_TIME = 50
"""The most batches at a time; the next tick goes on."""

SETTLES_AFTER = timedelta(seconds=5)
"""Whoever read the rules before they were changed has written their tickets by then."""


def recompute_clocks(now: datetime) -> int:
    """Give open tickets their new times, in the order of their ids; return how many got them.

    How far this has come is stored with each batch, so that it goes on where it was cut short. Of
    times that are over at `now` (UTC) already, nobody is told.
    """
    count = 0
    for _ in range(BATCHES_AT_A_TIME):
        with transaction() as session:
            done = _do_batch(session, now)
        if done is None:
            break
        count += done
    return count


def _do_batch(session: Session, now: datetime) -> int | None:
    """Do the next batch; None if there is none, or somebody else is doing it."""
    hours = session.scalars(
        select(OpeningHours)
        .where(
            OpeningHours.recomputed_to.is_not(None),
            OpeningHours.changed_at <= now - SETTLES_AFTER,
        )
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if hours is None:
        return None
    tickets = session.scalars(
        select(Ticket)
        .where(Ticket.closed_at.is_(None), Ticket.id > hours.recomputed_to)
        .order_by(Ticket.id)
        .limit(BATCH)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    set_clocks(session, tickets, read_clock_rules(session), silent_before=now)
    hours.recomputed_to = tickets[-1].id if len(tickets) == BATCH else None
    return len(tickets)
