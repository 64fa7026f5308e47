"""Where the chain of the audit log ends, and the lock under which it is written."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from webapp.domain.security.chain import ChainEnd
from webapp.models import AuditLink, AuditPruning

CHAIN_LOCK = 7_042_016
"""The number of the chain's lock among PostgreSQL's advisory locks."""


def read_chain_end(session: Session) -> ChainEnd:
    """Return the newest link, else the place up to which all links were deleted by retention."""
    for model in (AuditLink, AuditPruning):
        row = session.execute(
            select(model.position, model.hash).order_by(model.position.desc()).limit(1)
        ).one_or_none()
        if row is not None:
            return ChainEnd(*row)
    return ChainEnd()


def read_pruned_end(session: Session) -> ChainEnd:
    """Return the last link that retention has deleted, or the beginning of the chain."""
    row = session.execute(
        select(AuditPruning.position, AuditPruning.hash)
        .order_by(AuditPruning.position.desc())
        .limit(1)
    ).one_or_none()
    return ChainEnd() if row is None else ChainEnd(*row)


def try_chain_lock(session: Session) -> bool:
    """Take the chain's lock until the transaction ends; return False if another process has it.

    SQLite has one writer at a time, so every write transaction has the lock there.
    """
    if session.get_bind().dialect.name == "sqlite":
        return True
    statement = text("SELECT pg_try_advisory_xact_lock(:key)")
    return bool(session.scalar(statement, {"key": CHAIN_LOCK}))


def take_chain_lock(session: Session) -> None:
    """Wait for the chain's lock and hold it until the transaction ends."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CHAIN_LOCK})
