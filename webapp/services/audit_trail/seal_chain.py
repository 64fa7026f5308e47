"""The daily seal: the chain's end, written down, and sent where no one here can change it."""

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.config import Config
from webapp.domain.security.chain import moment_text
from webapp.domain.security.syslog import SyslogSeverity
from webapp.models import AuditSeal
from webapp.outbound.errors import DeliveryError
from webapp.services.audit_trail.chain_end import read_chain_end, take_chain_lock
from webapp.services.audit_trail.send_lines import SentDocument, send_documents
from webapp.services.transactions import reading, transaction

AFTER_MIDNIGHT = timedelta(minutes=2)
"""A day is sealed once its last events have their links."""

MOST_AT_ONCE = 31

log = logging.getLogger(__name__)


def make_seal(now: datetime) -> AuditSeal | None:
    """Seal yesterday (UTC) if that has not been done and there is something to seal.

    Seals of other days do not count: a clock that was ahead once has made one of a day to come.
    """
    day = (now - AFTER_MIDNIGHT).date() - timedelta(days=1)
    with reading() as session:
        if _is_sealed(session, day):
            return None
    with transaction() as session:
        take_chain_lock(session)
        end = read_chain_end(session)
        if end.position == 0 or _is_sealed(session, day):
            return None
        seal = AuditSeal(day=day, position=end.position, hash=end.hash, sealed_at=now)
        session.add(seal)
    return seal


def _is_sealed(session: Session, day: date) -> bool:
    return session.scalar(select(AuditSeal.id).where(AuditSeal.day == day)) is not None


def send_seals(config: Config, now: datetime) -> int:
    """Send the seals that have not left the machine; return how many were sent.

    One that cannot be sent keeps the reason, and is tried again by the next call.
    """
    receiver = config.audit.seal
    if receiver is None:
        return 0
    unsent = _list_unsent()
    if not unsent:
        return 0
    try:
        send_documents(receiver, [_as_sent(seal) for seal in unsent], config.outbound_ca_file)
    except DeliveryError as error:
        _note([seal.id for seal in unsent], error=str(error))
        log.warning("The seal of the audit log could not be sent: %s", error)
        return 0
    _note([seal.id for seal in unsent], sent_at=now)
    return len(unsent)


def seal_document(seal: AuditSeal) -> dict[str, object]:
    """Return what is sent of a seal; `audit verify --seal POSITION:HASH` compares with it."""
    return {
        "type": "triagedesk.audit.seal",
        "day": seal.day.isoformat(),
        "position": seal.position,
        "hash": seal.hash,
        "sealed_at": moment_text(seal.sealed_at),
    }


def _as_sent(seal: AuditSeal) -> SentDocument:
    return SentDocument("seal", seal_document(seal), seal.sealed_at, SyslogSeverity.NOTICE)


def _list_unsent() -> Sequence[AuditSeal]:
    with reading() as session:
        return session.scalars(
            select(AuditSeal)
            .where(AuditSeal.sent_at.is_(None))
            .order_by(AuditSeal.day)
            .limit(MOST_AT_ONCE)
        ).all()


def _note(seal_ids: Sequence[int], *, sent_at: datetime | None = None, error: str = "") -> None:
    with transaction() as session:
        unsent = AuditSeal.id.in_(seal_ids), AuditSeal.sent_at.is_(None)
        for seal in session.scalars(select(AuditSeal).where(*unsent)):
            seal.sent_at, seal.error = sent_at, error or None
