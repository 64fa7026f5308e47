"""Fetching the reports of incidents that were collected while their organization was excluded.

Of those only a part was kept. When the organization is included before they are processed, the
whole report is fetched first: a ticket of the kept part would say nothing.
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
from webapp.services.transactions import reading, transaction

log = logging.getLogger(__name__)


def complete_reports(
    cycle: Cycle, entries: Sequence[InboxEntry], tried: set[int]
) -> list[InboxEntry]:
    """The `entries` that can be processed as they are; the reports of the others are fetched.

    A report that was fetched is due with its whole payload; one that cannot be fetched without
    waiting is `tried` in this cycle and stays in the inbox, and after several of them in a row so
    do the rest: others wait behind them, and the sweep that including an organization asks for
    brings them too. One that Huntress no longer has never became work: it leaves the inbox.
    Raises LeaseLostError only.
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
    """Reduced reports of open incidents whose organization is not excluded (any more)."""
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
            execution_options={"synchronize_session": False},
        )
    cycle.run.count(skipped=1)
