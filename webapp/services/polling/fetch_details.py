"""Fetching host details and organization names that reports need and the cache lacks.

Fetching never waits. It uses the calls of the window that are free now, minus a reserve. A later
cycle fetches what is still missing.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.cursor_walk import ListWalk, WalkError
from webapp.domain.detail_fetch import PAGE_SIZE, FetchPlan, plan_detail_fetch, reserve_of
from webapp.domain.ticket_text import parse_agent
from webapp.domain.untrusted import parse_id
from webapp.extensions import current_config
from webapp.huntress.errors import HuntressError
from webapp.models import HuntressAgent, OrganizationMapping
from webapp.services.mapping.sync_organizations import (
    add_organization,
    auto_match_row,
    client_index,
    parse_organization,
    sync_organizations,
)
from webapp.services.polling.cycle import Cycle, NoWaitError
from webapp.services.transactions import reading, transaction

FRESH_FOR = timedelta(hours=24)
"""How long an agent's details are used before they are fetched again.

The answer that there is no such agent is used as long.
"""

FAILURES_THAT_END_IT = 3
Wanted = TypeVar("Wanted")

log = logging.getLogger(__name__)


def fetch_details(cycle: Cycle) -> None:
    """Fetch the missing details that the collected reports need; Huntress's errors are only logged.

    Raises LeaseLostError only.
    """
    cycle.run.show("details")
    cycle.may_wait = False
    try:
        _try(_fetch_organizations, cycle)
        _try(_fetch_agents, cycle)
    finally:
        cycle.may_wait = True
        cycle.wanted_agents.clear()
        cycle.wanted_organizations.clear()


def _try(fetch: Callable[..., None], *args: object) -> bool:
    """Return whether `fetch` succeeded; a failure is logged and left to a later cycle."""
    try:
        fetch(*args)
    except (HuntressError, NoWaitError, WalkError) as error:
        log.info("details are left to a later cycle (%s)", type(error).__name__)
        return False
    return True


def count_spare_calls(cycle: Cycle) -> int:
    """Return how many calls details may take now; the reserve is left out."""
    return max(0, cycle.client.budget.free_calls() - _reserve())


def _reserve() -> int:
    return reserve_of(current_config().huntress_calls_per_minute)


def fetch_each(cycle: Cycle, fetch: Callable[[Cycle, Wanted], None], ids: Iterable[Wanted]) -> None:
    """Fetch `ids` one by one, until several in a row fail or no call is free."""
    failures = 0
    free = count_spare_calls(cycle)
    for external_id in islice(ids, free):
        failures = 0 if _try(fetch, cycle, external_id) else failures + 1
        cycle.lease.renew()
        if failures >= FAILURES_THAT_END_IT or _have_others_used_it_up(cycle):
            return


def _have_others_used_it_up(cycle: Cycle) -> bool:
    """Whether Huntress's last answer said that the account has no calls to spare for details."""
    account = cycle.client.budget.account
    return account is not None and account.spare == 0


def _fetch_organizations(cycle: Cycle) -> None:
    missing = _missing_organizations(cycle)
    if not missing:
        return
    plan = plan_detail_fetch(
        len(missing), total=None, free_calls=cycle.client.budget.free_calls(), reserve=_reserve()
    )
    if plan.pages:
        sync_organizations(
            cycle.connection.id,
            cycle.client,
            guard=cycle.lease.fence,
            on_page=cycle.lease.renew,
        )
        cycle.has_synced_organizations = True
        missing = _missing_organizations(cycle)  # the list did not hold these
    fetch_each(cycle, _fetch_organization, missing)


def _fetch_organization(cycle: Cycle, external_id: str) -> None:
    answer = cycle.client.get_organization(external_id)
    organization = parse_organization({**(answer or {}), "id": external_id})
    with transaction() as session:
        cycle.lease.fence(session)
        _name_organization(session, cycle, external_id, organization.name if organization else None)


def _name_organization(session: Session, cycle: Cycle, external_id: str, name: str | None) -> None:
    """Store an organization's name, or with None that Huntress does not know the organization."""
    row = session.scalars(
        select(OrganizationMapping).where(
            OrganizationMapping.connection_id == cycle.connection.id,
            OrganizationMapping.external_id == external_id,
        )
    ).one_or_none()
    if row is None:
        row = add_organization(session, cycle.connection.id, external_id, name)
    if row.erased_at is None:
        row.name = name or row.name
    row.is_name_known = True
    auto_match_row(row, client_index(session))


def _missing_organizations(cycle: Cycle) -> list[str]:
    wanted = cycle.wanted_organizations
    if not wanted:
        return []
    with reading() as session:
        known = set(
            session.scalars(
                select(OrganizationMapping.external_id).where(
                    OrganizationMapping.connection_id == cycle.connection.id,
                    OrganizationMapping.external_id.in_(wanted),
                    OrganizationMapping.is_name_known,
                )
            )
        )
    return sorted(wanted - known)


def _fetch_agents(cycle: Cycle) -> None:
    missing, total = _missing_agents(cycle)
    if not missing:
        return
    plan = plan_detail_fetch(
        len(missing), total=total, free_calls=cycle.client.budget.free_calls(), reserve=_reserve()
    )
    if plan.pages:
        missing -= _list_agents(cycle, missing, plan)
    fetch_each(cycle, _fetch_agent, sorted(missing))


def _fetch_agent(cycle: Cycle, external_id: str) -> None:
    _store_agents(cycle, {external_id: cycle.client.get_agent(external_id)})


def _missing_agents(cycle: Cycle) -> tuple[set[str], int | None]:
    """Return the wanted agents without fresh details, and how many agents the account has."""
    wanted = cycle.wanted_agents
    if not wanted:
        return set(), None
    with reading() as session:
        fresh = set(
            session.scalars(
                select(HuntressAgent.external_id).where(
                    HuntressAgent.connection_id == cycle.connection.id,
                    HuntressAgent.external_id.in_(wanted),
                    HuntressAgent.fetched_at > clock.utcnow() - FRESH_FOR,
                )
            )
        )
        missing = wanted - fresh
        total = session.scalar(
            select(func.sum(OrganizationMapping.agents_count)).where(
                OrganizationMapping.connection_id == cycle.connection.id
            )
        )
    return missing, total


def _list_agents(cycle: Cycle, missing: set[str], plan: FetchPlan) -> set[str]:
    """List agents, store the `missing` ones that occur, and return their ids."""
    walk, found = ListWalk(), set[str]()
    while not walk.is_finished and walk.pages < plan.pages and found != missing:
        rows = walk.take(cycle.client.list_agents(walk.next_token, limit=PAGE_SIZE))
        agents = {parse_id(row.get("id")): row for row in rows if isinstance(row, dict)}
        wanted = {key: row for key, row in agents.items() if key is not None and key in missing}
        _store_agents(cycle, wanted)
        cycle.lease.renew()
        found |= set(wanted)
        if _have_others_used_it_up(cycle):
            break
    return found


def _store_agents(cycle: Cycle, agents: Mapping[str, dict[str, Any] | None]) -> None:
    """Cache `agents`; None stands for Huntress's answer that there is no such agent."""
    if not agents:
        return
    now = clock.utcnow()
    with transaction() as session:
        cycle.lease.fence(session)
        cached = {
            row.external_id: row
            for row in session.scalars(
                select(HuntressAgent).where(
                    HuntressAgent.connection_id == cycle.connection.id,
                    HuntressAgent.external_id.in_(agents),
                )
            )
        }
        for external_id, raw in agents.items():
            row = cached.get(external_id) or _new_agent(session, cycle, external_id)
            _fill(row, raw, now)


def _new_agent(session: Session, cycle: Cycle, external_id: str) -> HuntressAgent:
    row = HuntressAgent(connection_id=cycle.connection.id, external_id=external_id)
    session.add(row)
    return row


def _fill(row: HuntressAgent, raw: dict[str, Any] | None, now: datetime) -> None:
    row.fetched_at = now
    row.unknown_since = now if raw is None else None
    if raw is None:
        return
    agent = parse_agent(raw, row.external_id)
    row.organization_external_id = parse_id(raw.get("organization_id"))
    row.hostname = agent.hostname
    row.os = agent.os
    row.internal_ip = agent.internal_ip
    row.external_ip = agent.external_ip
    row.serial_number = agent.serial_number
    row.last_callback_at = agent.last_callback_at
