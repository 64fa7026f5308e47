"""Which keys the audit log knows, compared with those that the key file holds.

A key file and the database cannot be changed in one step: a rotation that is killed between the two
leaves a key without its event. A file that was changed by hand has none either, nor has a key whose
event went by age: it is noted again.
"""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.crypto import alone_with, key_id, read_keys_in
from webapp.models import AuditEvent
from webapp.services.audit import record_event
from webapp.services.keys.read_keys import own_key_file
from webapp.services.transactions import transaction

MADE, FORGOTTEN = "key.rotated", "key.forgotten"
NOTICED, MISSED = "key.noticed", "key.missed"
_SAYS_IT_IS_THERE: Mapping[str, bool] = {MADE: True, NOTICED: True, FORGOTTEN: False, MISSED: False}


def note_keys() -> None:
    """Record an event for each key that came or went without one, or whose event went by age.

    Where keys come from elsewhere than the key file, do nothing. The first time, that is the key
    that the installation began with. Raises OSError where the key file cannot be read.
    """
    file = own_key_file()
    if file is not None:
        with alone_with(file), transaction() as session:
            _note(session, file)


def _note(session: Session, file: Path) -> None:
    there = {key_id(key) for key in read_keys_in(file) if key}
    known = _known(session)
    for action, keys in ((NOTICED, there - known), (MISSED, known - there)):
        for key in sorted(keys):
            record_event(session, action=action, subject_type="key", subject_id=key)


def _known(session: Session) -> set[str]:
    """Return the keys of which the newest event says that they are there."""
    rows = session.execute(
        select(AuditEvent.subject_id, AuditEvent.action)
        .where(AuditEvent.action.in_(_SAYS_IT_IS_THERE))
        .order_by(AuditEvent.id)
    )
    newest = {str(key): _SAYS_IT_IS_THERE[action] for key, action in rows}
    return {key for key, is_there in newest.items() if is_there}
