"""The keys and tokens of an installation."""

import re
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet

from webapp.config.env import PREFIX, ConfigError, read_file, read_value, read_words

SECRET_KEY_FILE = "secret.key"  # noqa: S105 - a file's name
ENCRYPTION_KEYS_FILE = "encryption.keys"


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
            Fernet(key)
        except ValueError as error:
            raise ConfigError(
                f"{PREFIX}ENCRYPTION_KEYS holds something that is no key.",
                "A key is 44 characters of base64; several are separated by commas.",
            ) from error
    return keys


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
