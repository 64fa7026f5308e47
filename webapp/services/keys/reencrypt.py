"""Bringing stored values to today's form and the newest key, while everything runs.

Each value is written by itself, and only where what was read is still stored: what a person enters
meanwhile is never overwritten, nobody waits, and wherever this is cut off, every value is either as
it was or as it should be. Running it again does what is left.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from webapp.crypto import DecryptionError, cipher
from webapp.services.audit import record_event
from webapp.services.keys.note_misplaced import note_misplaced
from webapp.services.keys.stored_values import StoredValue, iterate_values, replace_value
from webapp.services.transactions import transaction

logger = logging.getLogger(__name__)

OnRewritten = Callable[[int], None]
"""Is told how many values have been written so far."""


@dataclass(frozen=True, slots=True)
class Reencryption:
    """How many values were written, and how many could not be read, so that they stay."""

    rewritten: int
    unreadable: int


def reencrypt_values(on_rewritten: OnRewritten = lambda _count: None) -> Reencryption:
    """Encrypt anew whatever has an older form or an older key."""
    rewritten = unreadable = 0
    for batch in iterate_values():
        for value in batch:
            if cipher.is_up_to_date(value.stored):
                continue
            try:
                text = cipher.decrypt(value.stored, value.place)
            except DecryptionError:
                unreadable += 1
                continue
            rewritten += _rewrite(value, text)
        on_rewritten(rewritten)
    if rewritten:
        with transaction() as session:
            record_event(
                session,
                action="key.reencrypted",
                subject_type="key",
                subject_id=cipher.key_ids[0],
                after={"values": rewritten},
            )
    return Reencryption(rewritten, unreadable)


def finish_reencryption() -> None:
    """Do what an interrupted rotation, or an older version, has left; the log says how much.

    Values that are not their place's own are noted in the audit log, each once.
    """
    done = reencrypt_values()
    if done.rewritten:
        logger.info("Encrypted %s stored secrets anew", done.rewritten)
    note_misplaced()


def _rewrite(value: StoredValue, text: str) -> bool:
    """Write a value anew; False if another one was stored meanwhile, which is new in any case."""
    with transaction() as session:
        return replace_value(session, value, cipher.encrypt(text, value.place))
