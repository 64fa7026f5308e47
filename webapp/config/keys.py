"""The keys and tokens of an installation."""

import re
from collections.abc import Mapping
from pathlib import Path

from webapp.config.env import (
    PREFIX,
    ConfigError,
    SourceKind,
    ValueSource,
    find_source,
    read_file,
    read_value,
    read_words,
)
from webapp.crypto import key_id

SECRET_KEY_FILE = "secret.key"  # noqa: S105 - a file's name
ENCRYPTION_KEYS_FILE = "encryption.keys"

SECRETS = (
    *("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS"),
    *("HEARTBEAT_URL", "METRICS_TOKEN", "OIDC_CLIENT_SECRET"),
    *("BACKUP_PASSPHRASE", "BACKUP_S3_ACCESS_KEY", "BACKUP_S3_SECRET_KEY"),
)
"""The variables whose values are secrets, or may hold a password."""

NOT_WITHOUT_PAGES = ("SECRET_KEY", "METRICS_TOKEN", "OIDC_CLIENT_SECRET")
"""What only the web server needs: it alone signs cookies, answers scrapers and signs people in."""

NOT_FOR_THE_SCHEDULER = tuple(name for name in SECRETS if name != "REDIS_URL")
"""It only puts jobs into the queue: it reads no database, signs nothing and decrypts nothing."""


def read_secret_key(env: Mapping[str, str], data_dir: Path) -> str:
    """The key that cookies are signed with; raises ConfigError."""
    key = read_value(env, "SECRET_KEY") or read_file(data_dir / SECRET_KEY_FILE)
    if key is None:
        raise _missing("SECRET_KEY", data_dir)
    if len(key) < 32:
        raise ConfigError(
            f"{PREFIX}SECRET_KEY is shorter than 32 characters.", "Use a long random text."
        )
    return key


def read_encryption_keys(env: Mapping[str, str], data_dir: Path) -> tuple[str, ...]:
    """The keys of encrypted columns, the newest first; raises ConfigError."""
    keys = read_words(env, "ENCRYPTION_KEYS")
    if not keys:
        keys = tuple((read_file(data_dir / ENCRYPTION_KEYS_FILE) or "").split())
    if not keys:
        raise _missing("ENCRYPTION_KEYS", data_dir)
    for key in keys:
        try:
            key_id(key)
        except ValueError as error:
            raise ConfigError(
                f"{PREFIX}ENCRYPTION_KEYS holds something that is no key.",
                "A key is 44 characters of base64; several are separated by commas.",
            ) from error
    return keys


def find_encryption_source(env: Mapping[str, str], data_dir: Path) -> ValueSource:
    """Where the keys of encrypted columns come from."""
    given = find_source(env, "ENCRYPTION_KEYS")
    return given or ValueSource(SourceKind.DATA_DIR, data_dir / ENCRYPTION_KEYS_FILE)


def find_secret_files(env: Mapping[str, str], data_dir: Path) -> tuple[Path, ...]:
    """The files that secrets are read from, as far as they exist."""
    sources = [find_source(env, name) for name in SECRETS]
    named = [source.path for source in sources if source is not None and source.path is not None]
    own = [data_dir / name for name in (SECRET_KEY_FILE, ENCRYPTION_KEYS_FILE)]
    return tuple(path for path in dict.fromkeys([*own, *named]) if path.exists())


def _missing(name: str, data_dir: Path) -> ConfigError:
    return ConfigError(
        f"{PREFIX}{name} is not set and {data_dir} holds none.",
        "`triagedesk up` and `triagedesk migrate` create one together with a new SQLite database;"
        " with PostgreSQL, or for an existing database, set it to the one that was used before."
        " Where that one is lost, a new one serves too; of encryption keys, the credentials of each"
        " connection, the secrets of targets and the mail password have to be entered again then.",
    )


def read_metrics_token(env: Mapping[str, str]) -> str | None:
    """The token that a scraper of metrics shows; raises ConfigError."""
    token = read_value(env, "METRICS_TOKEN")
    if token and not re.fullmatch(r"[\x21-\x7e]+", token):
        raise ConfigError(
            f"{PREFIX}METRICS_TOKEN has spaces or other characters that no header can carry.",
            "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return token
