"""Recovery codes: ten that are shown once, and each stands in for a lost factor once."""

import secrets
from hashlib import sha256

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.security.recovery_code_text import (
    CODE_COUNT,
    RECOVERY_CODE_BYTES,
    read_recovery_code,
    write_recovery_code,
)
from webapp.models import RecoveryCode, User
from webapp.services.people.factors.stored_factors import (
    NoFactorError,
    count_factors,
    record_factor_event,
)
from webapp.services.transactions import NO_SYNC


def replace_recovery_codes(session: Session, user: User) -> list[str]:
    """Ten new codes of a locked user, in the caller's transaction; older ones stop working.

    Only their hashes are stored, so they are known only here. Raises NoFactorError.
    """
    if not count_factors(session, user.id):
        raise NoFactorError
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [
        write_recovery_code(secrets.token_bytes(RECOVERY_CODE_BYTES)) for _ in range(CODE_COUNT)
    ]
    now = clock.utcnow()
    session.add_all(
        RecoveryCode(user_id=user.id, code_hash=_hash(code), created_at=now) for code in codes
    )
    record_factor_event(session, user.id, "factor.recovery_codes_made", user.id, codes=CODE_COUNT)
    return codes


def take_recovery_code(session: Session, user_id: int, typed: str) -> bool:
    """Whether it is an unused code of this person, which is used up then.

    Of two requests with one code, one gets True. Runs within the caller's transaction.
    """
    code = read_recovery_code(typed)
    if code is None:
        return False
    used = session.scalars(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == _hash(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=clock.utcnow())
        .returning(RecoveryCode.id),
        execution_options=NO_SYNC,
    ).all()
    if used:
        unused = count_unused_codes(session, user_id)
        record_factor_event(session, user_id, "factor.recovery_code_used", user_id, unused=unused)
    return bool(used)


def count_unused_codes(session: Session, user_id: int) -> int:
    """How many recovery codes the person has left."""
    query = select(func.count()).where(
        RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None)
    )
    return session.scalar(query) or 0


def _hash(code: str) -> str:
    return sha256(code.encode()).hexdigest()
