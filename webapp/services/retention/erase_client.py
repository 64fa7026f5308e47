"""Erasing what belongs to a client, step by step; each step erases what is still there."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from webapp.domain.incident import DELETED
from webapp.domain.plan import Reason
from webapp.models import (
    Alert,
    Asset,
    AuditEvent,
    Erasure,
    ExternalEntityMapping,
    HuntressAgent,
    InboxRow,
    Ticket,
    TicketAsset,
)
from webapp.services.audit_trail.redact_events import redact_events
from webapp.services.retention.batches import BATCH, delete_rows
from webapp.services.retention.client_scope import is_agent_of, is_incident_of, is_of_client
from webapp.services.retention.drop_tickets import (
    NO_CONTENT,
    TICKETS_AT_ONCE,
    drop_tickets,
    hold_polls,
)
from webapp.services.retention.erasures import erase_batches
from webapp.services.transactions import NO_SYNC

_ERASED: dict[str, Any] = {
    **NO_CONTENT,
    "ticket_id": None,
    "reason": Reason.ERASED.value,
    "status": DELETED,
    "parsed_status": DELETED,
    "severity": None,
    "parsed_severity": None,
    "was_closed": False,
    "is_incomplete": False,
    "organization_external_id": None,
    "triggered_at": None,
    "resolved_at": None,
    "processed_at": None,
    "checked_at": None,
    "content_hash": None,
}
"""An alert of which only the id is left. No sweep looks for what is deleted, and no poll takes up
what is erased."""


def erase_tickets(erasure: Erasure) -> None:
    """Erase the client's tickets with their incidents, and what the audit log says of them."""

    def write(session: Session, ids: Sequence[int]) -> Mapping[str, int]:
        hold_polls(session)
        query = select(Ticket.id).where(Ticket.id.in_(ids), is_of_client(erasure.subject_id))
        still = session.scalars(query.order_by(Ticket.id).with_for_update()).all()
        return {
            "incidents": _erase_alerts(session, Alert.ticket_id.in_(still)),
            "audit_events": _redact(session, "ticket", still),
            "tickets": drop_tickets(session, still),
        }

    query = select(Ticket.id).where(is_of_client(erasure.subject_id))
    erase_batches(erasure, query, Ticket.id, write, TICKETS_AT_ONCE)


def erase_incidents(erasure: Erasure) -> None:
    """Erase the incidents of the client's organizations that have no ticket."""
    is_its = is_incident_of(erasure.subject_id)

    def write(session: Session, ids: Sequence[int]) -> Mapping[str, int]:
        hold_polls(session)
        return {"incidents": _erase_alerts(session, and_(Alert.id.in_(ids), is_its))}

    erase_batches(erasure, select(Alert.id).where(is_its), Alert.id, write, BATCH)


def erase_assets(erasure: Erasure) -> None:
    """Erase the client's assets, their links to tickets of others, and its agents."""

    def write(session: Session, ids: Sequence[int]) -> Mapping[str, int]:
        hold_polls(session)
        its_agents = select(ExternalEntityMapping.id).where(
            ExternalEntityMapping.asset_id.in_(ids),
            ExternalEntityMapping.connection_id == HuntressAgent.connection_id,
            ExternalEntityMapping.external_id == HuntressAgent.external_id,
        )
        agents = delete_rows(session, HuntressAgent, its_agents.exists())
        delete_rows(session, ExternalEntityMapping, ExternalEntityMapping.asset_id.in_(ids))
        delete_rows(session, TicketAsset, TicketAsset.asset_id.in_(ids))
        return {
            "agents": agents,
            "audit_events": _redact(session, "asset", ids),
            "assets": delete_rows(session, Asset, Asset.id.in_(ids)),
        }

    its_assets = select(Asset.id).where(Asset.client_id == erasure.subject_id)
    erase_batches(erasure, its_assets, Asset.id, write, TICKETS_AT_ONCE)

    def write_agents(session: Session, ids: Sequence[int]) -> Mapping[str, int]:
        return {"agents": delete_rows(session, HuntressAgent, HuntressAgent.id.in_(ids))}

    its_agents = select(HuntressAgent.id).where(is_agent_of(erasure.subject_id))
    erase_batches(erasure, its_agents, HuntressAgent.id, write_agents, BATCH)


def _erase_alerts(session: Session, condition: ColumnElement[bool]) -> int:
    """Erase alerts, and the reports of them that still wait in the inbox."""
    rows = session.execute(
        select(Alert.id, Alert.connection_id, Alert.external_alert_id).where(condition)
    ).all()
    keys: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        keys[row.connection_id].append(row.external_alert_id)
    waiting = [
        and_(InboxRow.connection_id == connection_id, InboxRow.external_key.in_(own))
        for connection_id, own in keys.items()
    ]
    if waiting:
        delete_rows(session, InboxRow, or_(*waiting))
    session.execute(
        update(Alert).where(Alert.id.in_([row.id for row in rows])).values(**_ERASED),
        execution_options=NO_SYNC,
    )
    return len(rows)


def _redact(session: Session, kind: str, ids: Sequence[int]) -> int:
    keys = [str(one) for one in ids]
    return redact_events(
        session, [AuditEvent.subject_type == kind, AuditEvent.subject_id.in_(keys)]
    )
