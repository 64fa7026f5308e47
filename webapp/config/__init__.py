"""Configuration from environment variables.

Every variable starts with `TRIAGEDESK_`. A value may also come from a file that is named by the
same variable with `_FILE` added, or from systemd's credentials. docs/configuration.md describes
each variable.
"""

from webapp.config.backups import (
    BackupSettings,
    StorageSettings,
    describe_variables,
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
from webapp.config.env import PREFIX, ConfigError, is_set
from webapp.config.keys import ENCRYPTION_KEYS_FILE, SECRET_KEY_FILE
from webapp.config.places import (
    DATABASE_FILE,
    UNIX_SOCKET_LIMIT,
    embedded_redis_url,
    needs_data_dir,
    read_data_dir,
    read_database_url,
)
from webapp.config.security import FactorRule, SecuritySettings

__all__ = [
    "DATABASE_FILE",
    "DEMO_MARK",
    "EDITIONS",
    "ENCRYPTION_KEYS_FILE",
    "PREFIX",
    "SECRET_KEY_FILE",
    "UNIX_SOCKET_LIMIT",
    "VARIABLES",
    "BackupSettings",
    "Config",
    "ConfigError",
    "FactorRule",
    "SecuritySettings",
    "StorageSettings",
    "describe_variables",
    "embedded_redis_url",
    "find_unknown",
    "is_set",
    "load_config",
    "needs_data_dir",
    "read_backups",
    "read_data_dir",
    "read_database_url",
    "require_passphrase",
    "require_recipient",
]
