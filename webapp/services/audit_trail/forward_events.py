"""Forwarding: every event is sent elsewhere, in the order of the chain and at least once.

How far that came is kept in the database. A process that ends between sending and noting sends the
same events again: receivers know them by their hash. After a restore, other events have
the positions of those that the backup did not have.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.config import Config
from webapp.domain.security.chain import ChainEnd, link_text, moment_text
from webapp.domain.security.events import is_failure
from webapp.domain.security.receiver import Receiver
from webapp.domain.security.syslog import SyslogSeverity
from webapp.models import AuditEvent, AuditForward, AuditLink, User
from webapp.outbound.errors import DeliveryError
from webapp.services.audit_trail.chain_end import read_pruned_end
from webapp.services.audit_trail.chain_events import linked_event
from webapp.services.audit_trail.send_lines import SentDocument, send_documents
from webapp.services.transactions import reading, transaction

BATCH = 200
BATCHES_A_SEND = 50

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A link, its event, the hash before, and who did it."""

    link: AuditLink
    event: AuditEvent
    before: ChainEnd
    actor: str | None


def forward_events(config: Config, now: datetime) -> int:
    """Send the events that the receiver has not had; return how many were sent.

    A new receiver gets all that are kept, so that it can verify the chain by itself.
    """
    receiver = config.audit.forward
    if receiver is None:
        return 0
    total = 0
    for _ in range(BATCHES_A_SEND):
        waiting = _list_waiting(receiver)
        if not waiting:
            break
        try:
            documents = [_as_sent(one) for one in waiting]
            send_documents(receiver, documents, config.outbound_ca_file)
        except DeliveryError as error:
            _note_error(receiver, now, str(error))
            log.warning("Events of the audit log could not be forwarded: %s", error)
            break
        _move_bookmark(receiver, waiting[-1].link, now)
        total += len(waiting)
    return total


def _list_waiting(receiver: Receiver) -> Sequence[_Waiting]:
    """Return the links after the bookmark, or after what retention deletes meanwhile.

    It writes down where to before it deletes: read after the links, that tells of all that went.
    """
    with reading() as session:
        start = _later(_read_bookmark(session, receiver), read_pruned_end(session))
        rows = session.execute(
            select(AuditLink, AuditEvent, User.email)
            .join(AuditEvent, AuditEvent.id == AuditLink.event_id)
            .outerjoin(User, User.id == AuditEvent.actor_id)
            .where(AuditLink.position > start.position)
            .order_by(AuditLink.position)
            .limit(BATCH)
        ).all()
        before = _later(start, read_pruned_end(session))
        session.expunge_all()
    found = []
    for link, event, actor in rows:
        if link.position > before.position:
            found.append(_Waiting(link, event, before, actor))
            before = ChainEnd(link.position, link.hash)
    return found


def _later(one: ChainEnd, other: ChainEnd) -> ChainEnd:
    return max(one, other, key=lambda end: end.position)


def _read_bookmark(session: Session, receiver: Receiver) -> ChainEnd:
    mark = session.execute(
        select(AuditForward.position, AuditForward.hash).where(
            AuditForward.receiver == str(receiver)
        )
    ).one_or_none()
    if mark is None or mark.hash is None:
        return ChainEnd()
    return ChainEnd(mark.position, mark.hash)


def _as_sent(one: _Waiting) -> SentDocument:
    event, link = one.event, one.link
    digest, chained_at = link.details_digest, link.chained_at
    document: dict[str, object] = {
        "type": "triagedesk.audit.event",
        "position": link.position,
        "hash": link.hash,
        "line": link_text(one.before, linked_event(event), digest, chained_at),
        "id": event.id,
        "happened_at": moment_text(event.happened_at),
        "actor": one.actor,
        "action": event.action,
        "failed": is_failure(event.action),
        "subject_type": event.subject_type,
        "subject_id": event.subject_id,
        "before": event.before,
        "after": event.after,
        "address": event.address,
        "session": event.session_ref,
        "device": event.device_ref,
    }
    severity = SyslogSeverity.WARNING if document["failed"] else SyslogSeverity.INFORMATIONAL
    return SentDocument("event", document, event.happened_at, severity)


def _move_bookmark(receiver: Receiver, link: AuditLink, now: datetime) -> None:
    """Note how far a receiver has come; it never goes back."""
    with transaction() as session:
        mark = _take_bookmark(session, receiver)
        if link.position > mark.position:
            mark.position, mark.hash = link.position, link.hash
        mark.updated_at, mark.error = now, None


def _note_error(receiver: Receiver, now: datetime, error: str) -> None:
    with transaction() as session:
        mark = _take_bookmark(session, receiver)
        mark.updated_at, mark.error = now, error


def _take_bookmark(session: Session, receiver: Receiver) -> AuditForward:
    mark = session.scalars(
        select(AuditForward)
        .where(AuditForward.receiver == str(receiver))
        .with_for_update(key_share=True)
    ).one_or_none()
    if mark is None:
        mark = AuditForward(receiver=str(receiver), position=0)
        session.add(mark)
    return mark
