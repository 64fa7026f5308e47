"""Fetching the remediations that reports leave out, and filling them into the tickets.

A report holds only the first remediations. The others are fetched with the calls that host details
leave free. Fetching never waits and never holds up a ticket.
"""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.cursor_walk import ListWalk, WalkError
from webapp.domain.incident import Incident, remediations_text
from webapp.domain.ticket_text import build_body, build_remediations_note
from webapp.huntress.errors import HuntressError
from webapp.models import Alert, Comment, Ticket
from webapp.services.notices.bell.ring_bell import ring_watchers
from webapp.services.polling.cycle import Cycle, NoWaitError
from webapp.services.polling.fetch_details import count_spare_calls, fetch_each
from webapp.services.polling.fill_details import clear_pending_flag
from webapp.services.polling.incident_batch import BatchContext
from webapp.services.polling.reports.read_facts import write_facts
from webapp.services.tickets.indicators.write_indicators import write_indicators
from webapp.services.tickets.links.note_originals import note_originals
from webapp.services.transactions import FOR_CHANGE, reading, transaction

AT_ONCE = 50
MAX_PAGES = 5
RETRY_AFTER = timedelta(hours=1)
"""How long an incident waits whose remediations Huntress did not give; others come first."""


def fill_remediations(cycle: Cycle) -> None:
    """Fetch missing remediations, those that wait longest first, and write them into the tickets.

    Huntress's errors are only logged. Raises LeaseLostError.
    """
    due = _due(cycle)
    if not due:
        return
    cycle.run.show("details")
    cycle.may_wait = False
    try:
        fetch_each(cycle, _fill, due)
    finally:
        cycle.may_wait = True
    with transaction() as session:
        cycle.lease.fence(session)
        clear_pending_flag(session, cycle)


def _due(cycle: Cycle) -> list[tuple[int, str]]:
    """Return the ids of alerts that are due, each with its incident's id."""
    with reading() as session:
        rows = session.execute(
            select(Alert.id, Alert.external_alert_id)
            .where(
                Alert.connection_id == cycle.connection.id,
                Alert.remediations_due_at.is_not(None),
                Alert.remediations_due_at <= clock.utcnow(),
            )
            .order_by(Alert.remediations_due_at, Alert.id)
            .limit(AT_ONCE)
        )
        return [(row.id, row.external_alert_id) for row in rows]


def _fill(cycle: Cycle, due: tuple[int, str]) -> None:
    """Fetch one incident's remediations and store them; a failure postpones them."""
    alert_id, incident_id = due
    try:
        rows = _fetch(cycle, incident_id)
    except (HuntressError, NoWaitError, WalkError):
        _postpone(cycle, alert_id)
        raise
    with transaction() as session:
        cycle.lease.fence(session)
        alert = session.get_one(Alert, alert_id, populate_existing=True)
        alert.remediations_due_at = None
        before = alert.read_report()
        if before is None or rows is None or alert.ticket_id is None:
            return
        is_first = alert.all_remediations is None
        alert.all_remediations = remediations_text(rows)
        after = alert.read_report() or before
        _write(session, cycle, alert, before, after, is_first=is_first)


def _fetch(cycle: Cycle, incident_id: str) -> list[object] | None:
    """Return all remediations, or None where Huntress no longer has the incident."""
    walk, rows = ListWalk(), list[object]()
    while not walk.is_finished and walk.pages < MAX_PAGES:
        if walk.pages and not count_spare_calls(cycle):
            raise NoWaitError("no call is free")
        page = cycle.client.list_remediations(incident_id, walk.next_token)
        if page is None:
            return None
        rows += walk.take(page)
    return rows


def _postpone(cycle: Cycle, alert_id: int) -> None:
    with transaction() as session:
        cycle.lease.fence(session)
        alert = session.get_one(Alert, alert_id, populate_existing=True)
        alert.remediations_due_at = clock.utcnow() + RETRY_AFTER


def _write(
    session: Session,
    cycle: Cycle,
    alert: Alert,
    before: Incident,
    after: Incident,
    *,
    is_first: bool,
) -> None:
    # Locked and read anew: a person may be editing the text at this moment.
    ticket = session.get_one(
        Ticket, alert.ticket_id, with_for_update=FOR_CHANGE, populate_existing=True
    )
    write_facts(alert, after, ticket)
    is_ours = ticket.text_edited_by_person_at is None
    if is_ours:
        context = BatchContext(session, cycle, [after])
        texts = context.ticket_context(after, is_unmapped=ticket.is_unmapped)
        ticket.description = build_body(after, texts)
    note = build_remediations_note(after, previous=before, is_first=is_first, is_in_body=is_ours)
    if note:
        now = ticket.updated_at = clock.utcnow()
        session.add(Comment(ticket_id=ticket.id, body=note, created_at=now))
        note_originals(session, {ticket.id: note}, now)
        ring_watchers(session, {ticket.id: None}, now=now)
    write_indicators(session, {ticket.id: after})
