"""Fetching the reports of incidents that were collected while their organization was excluded.

Only a part of those reports was kept. When the organization is included before they are processed,
the whole report is fetched first, because a ticket made from the kept part would say nothing.
"""

import logging
from collections.abc import Sequence

from sqlalchemy import delete, select

from webapp.huntress.errors import HuntressError
from webapp.models import InboxRow, OrganizationMapping
from webapp.services.polling.collect_incidents import store_whole
from webapp.services.polling.cycle import Cycle, NoWaitError
from webapp.services.polling.fetch_details import FAILURES_THAT_END_IT
from webapp.services.polling.incident_batch import InboxEntry
from webapp.services.transactions import NO_SYNC, reading, transaction

log = logging.getLogger(__name__)


def complete_reports(
    cycle: Cycle, entries: Sequence[InboxEntry], tried: set[int]
) -> list[InboxEntry]:
    """Return the `entries` that can be processed as they are, and fetch the reports of the others.

    A report that was fetched is due with its whole payload; the caller's next query finds it. A
    report that cannot be fetched without waiting is added to `tried` and stays in the inbox for a
    later cycle. After FAILURES_THAT_END_IT failures in a row the rest of this batch is not fetched,
    because other reports wait behind it. Including an organization also requests a sweep, which
    brings these reports later. A report that Huntress no longer has leaves the inbox; it never had
    a ticket. Raises LeaseLostError only.
    """
    lacking = _lacking(cycle, entries)
    failures = 0
    for entry in lacking:
        if failures < FAILURES_THAT_END_IT and _try_to_complete(cycle, entry):
            failures = 0
        else:
            failures += 1
            tried.add(entry.row_id)
        cycle.lease.renew()
    return [entry for entry in entries if entry not in lacking]


def _lacking(cycle: Cycle, entries: Sequence[InboxEntry]) -> list[InboxEntry]:
    """Return the reduced reports of open incidents whose organization is not excluded any more."""
    reduced = [entry for entry in entries if entry.is_reduced and _may_need_work(entry)]
    if not reduced:
        return []
    with reading() as session:
        excluded = set(
            session.scalars(
                select(OrganizationMapping.external_id).where(
                    OrganizationMapping.connection_id == cycle.connection.id,
                    OrganizationMapping.external_id.in_(
                        {entry.incident.organization_id for entry in reduced}
                    ),
                    OrganizationMapping.creates_tickets.is_(False),
                )
            )
        )
    return [entry for entry in reduced if entry.incident.organization_id not in excluded]


def _may_need_work(entry: InboxEntry) -> bool:
    incident = entry.incident
    return incident.id is not None and not incident.is_closed and not incident.is_deleting


def _try_to_complete(cycle: Cycle, entry: InboxEntry) -> bool:
    cycle.may_wait = False
    try:
        report = cycle.client.get_incident_report(entry.key)
    except (HuntressError, NoWaitError) as error:
        log.info("a report is left to a later cycle (%s)", type(error).__name__)
        return False
    finally:
        cycle.may_wait = True
    if report is None:
        _remove(cycle, entry)
    else:
        store_whole(cycle, entry.row_id, {**report, "id": entry.key})
    return True


def _remove(cycle: Cycle, entry: InboxEntry) -> None:
    with transaction() as session:
        cycle.lease.fence(session)
        session.execute(
            delete(InboxRow).where(InboxRow.id == entry.row_id, InboxRow.version == entry.version),
            execution_options=NO_SYNC,
        )
    cycle.run.count(skipped=1)
