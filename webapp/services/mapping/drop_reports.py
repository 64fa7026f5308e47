"""Dropping the reports of organizations that are excluded from now on."""

import json
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from webapp.domain.incident import content_hash, parse_incident, raw_text, reduce_excluded
from webapp.models import Alert, InboxRow
from webapp.services.transactions import NO_SYNC


def drop_reports(session: Session, connection_id: int, organization_ids: set[str]) -> None:
    """Keep only id, severity, status and times of these organizations' incidents without a ticket.

    The caller's transaction must hold the connection's row, so that no poll writes meanwhile.
    """
    if not organization_ids:
        return
    session.execute(
        update(Alert)
        .where(
            Alert.connection_id == connection_id,
            Alert.organization_external_id.in_(organization_ids),
            Alert.ticket_id.is_(None),
        )
        .values(
            raw_report=None,
            report_text=None,
            all_remediations=None,
            message=None,
            device_name=None,
            agent_external_id=None,
            kinds=None,
            steps_total=None,
            steps_left=None,
            is_isolated=None,
            content_hash=None,  # the alert no longer holds that report
        ),
        execution_options=NO_SYNC,
    )
    _reduce_inbox(session, connection_id, organization_ids)


def kept_of_excluded(raw: Any) -> dict[str, Any]:
    """Return the columns for an inbox row whose organization is excluded."""
    kept = reduce_excluded(raw)
    return {"payload": raw_text(kept), "content_hash": content_hash(kept), "is_reduced": True}


def _reduce_inbox(session: Session, connection_id: int, organization_ids: set[str]) -> None:
    """Reduce the waiting reports of these organizations that have no ticket.

    The version is raised, so that a poll that is processing a row does not remove it: the reduced
    row is processed again.
    """
    has_ticket = exists().where(
        Alert.connection_id == InboxRow.connection_id,
        Alert.external_alert_id == InboxRow.external_key,
        Alert.ticket_id.is_not(None),
    )
    waiting = session.execute(
        select(InboxRow.id, InboxRow.payload).where(
            InboxRow.connection_id == connection_id, InboxRow.is_reduced.is_(False), ~has_ticket
        )
    )
    for row in waiting.all():
        raw = json.loads(row.payload)
        if parse_incident(raw).organization_id in organization_ids:
            session.execute(
                update(InboxRow)
                .where(InboxRow.id == row.id)
                .values(**kept_of_excluded(raw), version=InboxRow.version + 1),
                execution_options=NO_SYNC,
            )
