"""The keys of a restored installation: those of the backup, unless the configuration gives them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from webapp.config import (
    ENCRYPTION_KEYS_FILE,
    PREFIX,
    SECRET_KEY_FILE,
    is_set,
)
from webapp.config.keys import read_encryption_keys, read_secret_key
from webapp.services.recovery.open_backup import OpenedBackup
from webapp.services.recovery.scratch import BackupError
from webapp.services.recovery.write_backup import key_fingerprint, new_file

MADE_ANEW = (
    "The backup holds no TRIAGEDESK_SECRET_KEY, since only the web server had it; a new one was"
    " made. With several web servers, set the same one on each."
)


@dataclass(frozen=True, slots=True)
class RestoredKeys:
    """What a restore does about keys.

    `environment` is the configuration with them, `files` are those to be written, and `notes` are
    sentences for whoever restores.
    """

    environment: Mapping[str, str] = field(repr=False)
    files: Mapping[Path, str] = field(repr=False)
    notes: tuple[str, ...] = ()


def choose_keys(env: Mapping[str, str], data_dir: Path, opened: OpenedBackup) -> RestoredKeys:
    """Decide which keys the restored installation has.

    Raises BackupError where the configured encryption keys are not those of the backup: what is
    stored encrypted could not be read with them.
    """
    given: dict[str, str] = {}
    files: dict[Path, str] = {}
    notes = []
    encryption = _configured_encryption(env, data_dir)
    missing = [key for key in opened.encryption_keys if key not in encryption]
    if not encryption:
        files[data_dir / ENCRYPTION_KEYS_FILE] = "\n".join(opened.encryption_keys) + "\n"
        given[f"{PREFIX}ENCRYPTION_KEYS"] = ",".join(opened.encryption_keys)
    elif missing:
        raise BackupError(_other_keys(env, data_dir, missing))
    secret = _configured_secret(env, data_dir)
    if secret is None:
        secret = opened.secret_key or secrets.token_urlsafe(48)
        files[data_dir / SECRET_KEY_FILE] = f"{secret}\n"
        given[f"{PREFIX}SECRET_KEY"] = secret
        if opened.secret_key is None:
            notes.append(MADE_ANEW)
    elif opened.secret_key not in (None, secret):
        notes.append(
            f"The configured {PREFIX}SECRET_KEY is not that of the backup; that does no harm, since"
            " everybody has to sign in again anyway."
        )
    return RestoredKeys({**env, **given}, files, tuple(notes))


def write_keys(keys: RestoredKeys) -> None:
    """Write the key files, mode 0600; one that is there was found to hold the same."""
    for path, text in keys.files.items():
        if not path.exists() or not path.read_text(encoding="utf-8").strip():
            path.unlink(missing_ok=True)
            with new_file(path) as target:
                target.write(text.encode())


def _configured_encryption(env: Mapping[str, str], data_dir: Path) -> tuple[str, ...]:
    has_file = (data_dir / ENCRYPTION_KEYS_FILE).exists()
    if not is_set(env, "ENCRYPTION_KEYS") and not has_file:
        return ()
    return read_encryption_keys(env, data_dir)


def _configured_secret(env: Mapping[str, str], data_dir: Path) -> str | None:
    has_file = (data_dir / SECRET_KEY_FILE).exists()
    if not is_set(env, "SECRET_KEY") and not has_file:
        return None
    return read_secret_key(env, data_dir)


def _other_keys(env: Mapping[str, str], data_dir: Path, missing: list[str]) -> str:
    named = ", ".join(key_fingerprint(key) for key in missing)
    if is_set(env, "ENCRYPTION_KEYS"):
        where, what = f"{PREFIX}ENCRYPTION_KEYS", "leave it out"
    else:
        where, what = str(data_dir / ENCRYPTION_KEYS_FILE), "move that file away"
    return (
        f"{where} lacks keys that the backup needs (fingerprints {named}), so what is stored"
        f" encrypted could not be read. For the restore, {what}: the keys of the backup are put in"
        " place. Or add those keys to it."
    )
