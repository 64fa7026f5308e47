"""What the audit log says that needs a look, as alarms."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.config import Config
from webapp.domain.watch.alarm_kinds import Trouble
from webapp.services.audit_trail.find_suspicious import (
    Suspicion,
    find_broken_chain,
    find_broken_glass,
    find_guessed_accounts,
    find_refused_addresses,
    find_unchained,
    find_unsent,
)
from webapp.services.watch.found import Found

MOST_SUBJECTS = 20
"""So many accounts or addresses are alarms of their own; a flood of them is no flood of alarms."""


def find_in_security(session: Session, config: Config, now: datetime) -> Iterator[Found]:
    """Yield what needs a look at `now` (UTC)."""
    yield from _each(Trouble.GUESSING, find_guessed_accounts(session, now))
    yield from _each(Trouble.REFUSALS, find_refused_addresses(session, now))
    yield from _each(Trouble.GLASS_BROKEN, find_broken_glass(session, now))
    yield from _each(Trouble.TAMPERED, find_broken_chain(session))
    yield from _each(Trouble.TRAIL, find_unchained(session, now))
    yield from _each(Trouble.TRAIL, find_unsent(session, config.audit, now))


def _each(kind: Trouble, suspicions: Iterable[Suspicion]) -> Iterator[Found]:
    for number, one in enumerate(suspicions):
        if number < MOST_SUBJECTS:
            yield Found(kind, one.about, one.sentence)
