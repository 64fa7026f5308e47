"""All settings of one installation, read once and checked before anything starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from webapp.config.addresses import (
    read_ca_file,
    read_heartbeat_url,
    read_hosts,
    read_portal_url,
    read_public_url,
)
from webapp.config.attachments import read_file_limits
from webapp.config.audit import AuditSettings, read_audit_settings
from webapp.config.backups import BackupSettings, read_backups
from webapp.config.env import (
    FROM_ENVIRONMENT,
    PREFIX,
    ConfigError,
    ValueSource,
    read_number,
    read_value,
)
from webapp.config.keys import (
    find_encryption_source,
    read_encryption_keys,
    read_metrics_token,
    read_secret_key,
)
from webapp.config.logs import LogFormat, read_log_format
from webapp.config.places import (
    embedded_redis_url,
    read_data_dir,
    read_database_url,
    read_redis_url,
)
from webapp.config.security import SecuritySettings, read_security
from webapp.config.sign_on import SETTINGS, SignOnSettings, read_sign_on
from webapp.domain.attaching.limits import FileLimits
from webapp.domain.portal_link import DEFAULT_PORTAL_URL

VARIABLES = (
    "DATA_DIR",
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "ENCRYPTION_KEYS",
    "PUBLIC_URL",
    "LOCAL_URL",
    "TRUSTED_PROXIES",
    "HUNTRESS_HOSTS",
    "HUNTRESS_CALLS_PER_MINUTE",
    "HUNTRESS_PORTAL_URL",
    "EDITION",
    "LEASE_SECONDS",
    "ATTACHMENT_MB",
    "TICKET_ATTACHMENTS_MB",
    "OUTBOUND_HOSTS",
    "OUTBOUND_CA_FILE",
    "HEARTBEAT_URL",
    "METRICS_TOKEN",
    "DEMO_DATA_DIR",
    "SESSION_DAYS",
    "SESSION_IDLE_HOURS",
    "SECOND_FACTOR",
    "SECOND_FACTOR_GRACE_DAYS",
    "BREACHED_PASSWORDS",
    "AUDIT_SEAL",
    "AUDIT_FORWARD",
    "LOG_FORMAT",
    "OIDC_ISSUER",
    *SETTINGS,
    "LOCAL_PASSWORDS",
    "BACKUP_DIR",
    "BACKUP_S3_URL",
    "BACKUP_S3_ACCESS_KEY",
    "BACKUP_S3_SECRET_KEY",
    "BACKUP_S3_REGION",
    "BACKUP_AT",
    "BACKUP_KEEP",
    "BACKUP_PASSPHRASE",
    "BACKUP_RECIPIENTS",
    "PG_BIN",
)
EDITIONS = ("enterprise", "community")
DEMO_MARK = "this-is-a-demo"


@dataclass(frozen=True)
class Config:
    """The settings of one installation; secrets are left out of its repr."""

    data_dir: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    huntress_hosts: tuple[str, ...] = ("api.huntress.io",)
    outbound_hosts: tuple[str, ...] = ()
    huntress_calls_per_minute: int = 50
    huntress_portal_url: str = DEFAULT_PORTAL_URL
    edition: str = "enterprise"
    trusted_proxies: int = 0
    public_url: str | None = None
    local_url: str = "http://127.0.0.1:8000"
    lease_seconds: int = 120
    outbound_ca_file: str | None = None
    heartbeat_url: str | None = field(default=None, repr=False)
    metrics_token: str | None = field(default=None, repr=False)
    encryption_source: ValueSource = FROM_ENVIRONMENT
    security: SecuritySettings = field(default_factory=SecuritySettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    log_format: LogFormat = LogFormat.TEXT
    sign_on: SignOnSettings | None = None
    backups: BackupSettings = field(default_factory=BackupSettings)
    file_limits: FileLimits = field(default_factory=FileLimits)
    is_demo: bool = False

    @property
    def uses_sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.database_url.startswith("sqlite")

    @property
    def own_url(self) -> str:
        """The address in messages; without PUBLIC_URL it can be opened on this machine only."""
        return self.public_url or self.local_url

    @property
    def uses_embedded_redis(self) -> bool:
        """Whether `triagedesk up` runs the Redis server itself."""
        return self.redis_url == embedded_redis_url(self.data_dir)


def load_config(env: Mapping[str, str], *, signs: bool = True) -> Config:
    """Read and check the configuration; raises ConfigError with a hint.

    Reads the key files of an existing data directory and creates nothing. A part that `signs` no
    cookies has no SECRET_KEY.
    """
    data_dir = read_data_dir(env)
    database_url = read_database_url(env, data_dir)
    return Config(
        data_dir=data_dir,
        database_url=database_url,
        redis_url=read_redis_url(env, data_dir),
        secret_key=read_secret_key(env, data_dir) if signs else "",
        encryption_keys=read_encryption_keys(env, data_dir),
        huntress_hosts=read_hosts(env, "HUNTRESS_HOSTS", ("http", "https")) or ("api.huntress.io",),
        outbound_hosts=read_hosts(env, "OUTBOUND_HOSTS", ("http", "https", "smtp", "smtps")),
        huntress_calls_per_minute=read_number(env, "HUNTRESS_CALLS_PER_MINUTE", 50, 1, 100_000),
        huntress_portal_url=read_portal_url(env),
        edition=_edition(env),
        trusted_proxies=read_number(env, "TRUSTED_PROXIES", 0, 0, 10),
        public_url=read_public_url(env),
        local_url=read_value(env, "LOCAL_URL") or "http://127.0.0.1:8000",
        lease_seconds=read_number(env, "LEASE_SECONDS", 120, 1, 3600),
        outbound_ca_file=read_ca_file(env),
        heartbeat_url=read_heartbeat_url(env),
        metrics_token=read_metrics_token(env),
        encryption_source=find_encryption_source(env, data_dir),
        security=read_security(env),
        audit=read_audit_settings(env),
        log_format=read_log_format(env),
        sign_on=read_sign_on(env, read_public_url(env)) if signs else None,
        backups=read_backups(env),
        file_limits=read_file_limits(env),
        is_demo=os.path.exists(data_dir / DEMO_MARK),
    )


def find_unknown(env: Mapping[str, str]) -> list[str]:
    """The variables with our prefix that we do not know; most likely they are mistyped."""
    known = {PREFIX + name for name in VARIABLES}
    known |= {f"{name}_FILE" for name in known}
    return sorted(name for name in env if name.startswith(PREFIX) and name not in known)


def _edition(env: Mapping[str, str]) -> str:
    edition = (read_value(env, "EDITION") or EDITIONS[0]).lower()
    if edition not in EDITIONS:
        raise ConfigError(
            f"{PREFIX}EDITION is {edition!r}.", f"It is one of {', '.join(EDITIONS)}."
        )
    return edition
