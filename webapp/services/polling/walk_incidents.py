"""The walk of a poll: newest reports first, down to the low boundary, into the inbox."""

from datetime import datetime

from webapp import clock
from webapp.domain.cursor_walk import CursorWalk, Page, WalkError, low_boundary
from webapp.huntress.errors import HuntressError
from webapp.services.polling.collect_incidents import collect_rows
from webapp.services.polling.cycle import Cycle
from webapp.services.transactions import transaction


def walk_incidents(cycle: Cycle) -> tuple[CursorWalk, HuntressError | WalkError | None]:
    """Walk down to the low boundary; reports collected before a failure stay in the inbox."""
    walk = CursorWalk(low=_low_boundary(cycle), cursor=cycle.connection.cursor)
    cycle.is_walk_cut_off = True  # until the walk has reached its boundary
    try:
        while not walk.is_finished:
            cycle.run.show("walking", walk.pages)
            asked_at = clock.utcnow()
            page = cycle.client.list_incident_reports(walk.next_token)
            cycle.note_time(page.answered_at, asked_at=asked_at)
            if cycle.connection.horizon is None:
                walk.low = _set_horizon(cycle, page)
            collect_rows(cycle, walk.take(page))
            cycle.lease.renew()
    except (HuntressError, WalkError) as problem:
        return walk, problem
    cycle.is_walk_cut_off = False
    cycle.cursor = walk.cursor
    if may_have_missed(cycle, walk) or cycle.run.counts["collected"]:
        _store_cursor(cycle, wants_sweep=may_have_missed(cycle, walk))
    return walk, None


def may_have_missed(cycle: Cycle, walk: CursorWalk) -> bool:
    """Whether a sweep has to follow, because the walk took several pages or was cut off before."""
    connection = cycle.connection
    return walk.pages > 1 or connection.is_walk_cut_off or connection.was_interrupted


def _low_boundary(cycle: Cycle) -> datetime:
    """Return where the walk ends; a first walk that was cut off keeps its boundary."""
    connection = cycle.connection
    if connection.cursor is None and connection.horizon is not None:
        return connection.horizon
    return low_boundary(
        connection.cursor, now=clock.utcnow(), backfill_days=connection.backfill_days
    )


def _set_horizon(cycle: Cycle, page: Page) -> datetime:
    """Fix the connection's horizon by Huntress's clock, from the first page it ever got."""
    horizon = low_boundary(None, now=page.answered_at, backfill_days=cycle.connection.backfill_days)
    with transaction() as session:
        cycle.lease.fence(session, horizon=horizon)
    cycle.set_horizon(horizon)
    return horizon


def _store_cursor(cycle: Cycle, *, wants_sweep: bool) -> None:
    """Store the cursor before processing; `wants_sweep` also stores a request for a sweep."""
    sweep = {"sweep_requested_at": clock.utcnow()} if wants_sweep else {}
    with transaction() as session:
        cycle.lease.fence(session, cursor=cycle.cursor, is_walk_cut_off=False, **sweep)
