"""Rotation: a new key, then everything that is stored encrypted with it; and forgetting old keys.

The new key is on the disk before anything is encrypted with it, and old keys stay until somebody
forgets them: whatever moment this is cut off at, every value has its key. An event that is missing
then is recorded by housekeeping (`note_keys`). Running processes notice the changed file by
themselves (`webapp.crypto.cipher`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from webapp.crypto import (
    alone_with,
    cipher,
    generate_key,
    key_id,
    read_keys_in,
    write_key_file,
)
from webapp.extensions import db
from webapp.models.encrypted import encrypted_columns
from webapp.services.audit import record_event
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.keys.note_keys import FORGOTTEN, MADE
from webapp.services.keys.read_keys import count_uses, describe_source, own_key_file
from webapp.services.keys.reencrypt import OnRewritten, Reencryption, reencrypt_values
from webapp.services.transactions import reading, transaction


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """What a rotation did: the key that everything has now, whether it is new, what was written.

    `older` are the keys that nothing needs any more.
    """

    key: str
    is_new: bool
    done: Reencryption
    older: tuple[str, ...]


def rotate_keys(on_rewritten: OnRewritten = lambda _count: None) -> KeyRotation:
    """Make a new key and encrypt every stored value with it.

    Where values still have older keys, a rotation was interrupted or a key was set by hand: then no
    further key is made, and these values get the newest there is. Nor is one made where the keys do
    not stand in the data directory. Raises RefusedError where the key file cannot be written.
    """
    file = own_key_file()
    is_new = file is not None and _add_key(file)
    done = reencrypt_values(on_rewritten)
    with reading() as session:
        uses, _ = count_uses(session)
    newest, *older = dict.fromkeys(cipher.key_ids)
    return KeyRotation(newest, is_new, done, tuple(one for one in older if not uses[one]))


def forget_key(wanted: str) -> None:
    """Take a key out of the key file; nothing that is stored may need it.

    Raises NotFoundError for a key that is not configured, and RefusedError for the newest one, for
    one that is in use, and where the keys do not stand in the data directory.
    """
    if wanted not in cipher.key_ids:
        raise NotFoundError(
            f"No configured key is named {wanted}; `triagedesk keys list` names them."
        )
    if wanted == cipher.key_ids[0]:
        raise RefusedError(
            f"{wanted} is the newest key, with which everything new is encrypted: run"
            " `triagedesk keys rotate` first, and forget it then."
        )
    file = own_key_file()
    if file is None:
        with reading() as session:
            _require_unused(session, wanted)
        raise RefusedError(
            f"Nothing uses {wanted} any more, but the keys come from {describe_source()}: take it"
            " out there, on every machine, and start Triagedesk again."
        )
    with _alone_with(file), transaction() as session:
        _keep_writers_out(session)
        _require_unused(session, wanted)
        _write(file, [key for key in read_keys_in(file) if key_id(key) != wanted])
        _record(session, FORGOTTEN, wanted)


def _add_key(file: Path) -> bool:
    """Put a new key before the others; False where values still wait for the newest there is."""
    with _alone_with(file), transaction() as session:
        uses, _ = count_uses(session)
        if any(uses[one] for one in cipher.key_ids[1:]):
            return False
        fresh = generate_key()
        _record(session, MADE, key_id(fresh))
        session.flush()
        _write(file, [fresh, *read_keys_in(file)])
        return True


def _require_unused(session: Session, wanted: str) -> None:
    uses, _ = count_uses(session)
    if count := uses[wanted]:
        values = "1 stored secret needs" if count == 1 else f"{count} stored secrets need"
        raise RefusedError(
            f"{values} the key {wanted}. Run `triagedesk keys rotate`: it encrypts them anew."
        )


def _keep_writers_out(session: Session) -> None:
    """Nobody stores a secret until the transaction ends; in SQLite nobody can in any case."""
    if session.get_bind().dialect.name == "postgresql":
        tables = dict.fromkeys(column.table.name for column in encrypted_columns(db.metadata))
        session.execute(text(f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE"))


@contextmanager
def _alone_with(file: Path) -> Iterator[None]:
    """Hold the key file for this command alone; raises RefusedError."""
    try:
        with alone_with(file):
            yield
    except OSError as error:
        raise RefusedError(
            f"The key file {file} cannot be written ({error.strerror}): nothing was changed. Check"
            " its permissions, and that the disk is neither full nor mounted read-only."
        ) from error


def _write(file: Path, keys: Sequence[str]) -> None:
    write_key_file(file, "".join(f"{key}\n" for key in keys))


def _record(session: Session, action: str, key: str) -> None:
    record_event(session, action=action, subject_type="key", subject_id=key)
