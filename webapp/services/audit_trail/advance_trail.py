"""Everything about the audit log that comes due by itself, in one place.

Chaining is quick, and the worker does it every 30 seconds among its short jobs. What may take
longer (sending, the daily verification) is a job of its own. The watcher does both where no worker
is alive, and so does `poll --due`.
"""

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import select

from webapp import clock
from webapp.config import Config
from webapp.models import AuditForward, AuditLink, AuditSeal
from webapp.services.audit_trail.chain_events import chain_events
from webapp.services.audit_trail.check_daily import is_verification_due, verify_daily
from webapp.services.audit_trail.forward_events import forward_events
from webapp.services.audit_trail.seal_chain import make_seal, send_seals
from webapp.services.audit_trail.sole_sender import trying_to_be_sole
from webapp.services.transactions import DATABASE_AWAY, reading

log = logging.getLogger(__name__)


def advance_audit_trail(config: Config, *, is_thorough: bool = False) -> None:
    """Chain new events, seal the day, verify all once a day, send what is to leave the machine.

    With `is_thorough` events are looked for however late they were committed. A part that fails is
    logged and keeps no other from running. Raises a database's error if it is away.
    """
    chain_and_seal(is_thorough=is_thorough)
    send_and_verify(config)


def chain_and_seal(*, is_thorough: bool = False) -> None:
    """Do the quick part of advance_audit_trail()."""
    now = clock.utcnow()
    _run([lambda: chain_events(now, is_thorough=is_thorough), lambda: make_seal(now)])


def send_and_verify(config: Config) -> None:
    """Do the part of advance_audit_trail() that may take minutes, unless another process does."""
    now = clock.utcnow()
    with trying_to_be_sole() as is_sole:
        if is_sole:
            _run(
                [
                    lambda: send_seals(config, now),
                    lambda: forward_events(config, now),
                    lambda: verify_daily(now),
                ]
            )


def is_trail_waiting(config: Config) -> bool:
    """Whether send_and_verify() has something to do."""
    with reading() as session:
        if is_verification_due(session, clock.utcnow()):
            return True
        if config.audit.seal is not None:
            unsent = select(AuditSeal.id).where(AuditSeal.sent_at.is_(None)).limit(1)
            if session.scalar(unsent) is not None:
                return True
        if config.audit.forward is None:
            return False
        mark = select(AuditForward.position).where(
            AuditForward.receiver == str(config.audit.forward)
        )
        newest = select(AuditLink.position).order_by(AuditLink.position.desc()).limit(1)
        return (session.scalar(newest) or 0) > (session.scalar(mark) or 0)


def _run(parts: Sequence[Callable[[], object]]) -> None:
    for part in parts:
        try:
            part()
        except DATABASE_AWAY:
            raise
        except Exception:  # one part keeps no other from running
            log.exception("A part of the work on the audit log failed")
