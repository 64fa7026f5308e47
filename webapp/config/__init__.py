"""Configuration from environment variables.

Every variable starts with `TRIAGEDESK_`. A value may also come from a file that is named by the
same variable with `_FILE` added, or from systemd's credentials. docs/configuration.md describes
each variable.
"""

from webapp.config.backups import (
    BackupSettings,
    StorageSettings,
    read_backups,
    require_passphrase,
    require_recipient,
)
from webapp.config.config import (
    DEMO_MARK,
    EDITIONS,
    VARIABLES,
    Config,
    find_unknown,
    load_config,
)
from webapp.config.describe_variables import describe_variables
from webapp.config.env import PREFIX, ConfigError, SourceKind, ValueSource, is_set, without
from webapp.config.keys import (
    ENCRYPTION_KEYS_FILE,
    NOT_FOR_THE_SCHEDULER,
    NOT_WITHOUT_PAGES,
    SECRET_KEY_FILE,
    SECRETS,
    find_secret_files,
)
from webapp.config.places import (
    DATABASE_FILE,
    UNIX_SOCKET_LIMIT,
    embedded_redis_url,
    needs_data_dir,
    read_data_dir,
    read_database_url,
    read_redis_url,
)
from webapp.config.security import SecuritySettings
from webapp.config.sign_on import LocalPasswords, SignOnSettings
from webapp.domain.security.factor_rule import FactorRule

__all__ = [
    "DATABASE_FILE",
    "DEMO_MARK",
    "EDITIONS",
    "ENCRYPTION_KEYS_FILE",
    "NOT_FOR_THE_SCHEDULER",
    "NOT_WITHOUT_PAGES",
    "PREFIX",
    "SECRETS",
    "SECRET_KEY_FILE",
    "UNIX_SOCKET_LIMIT",
    "VARIABLES",
    "BackupSettings",
    "Config",
    "ConfigError",
    "FactorRule",
    "LocalPasswords",
    "SecuritySettings",
    "SignOnSettings",
    "SourceKind",
    "StorageSettings",
    "ValueSource",
    "describe_variables",
    "embedded_redis_url",
    "find_secret_files",
    "find_unknown",
    "is_set",
    "load_config",
    "needs_data_dir",
    "read_backups",
    "read_data_dir",
    "read_database_url",
    "read_redis_url",
    "require_passphrase",
    "require_recipient",
    "without",
]
