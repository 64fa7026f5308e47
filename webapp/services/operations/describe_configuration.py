"""The configuration of the environment as people see it, without secrets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from webapp.config import PREFIX, BackupSettings, Config, SecuritySettings, SignOnSettings
from webapp.domain.attaching.limits import file_size


@dataclass(frozen=True, slots=True)
class ConfiguredValue:
    """An environment variable, its label and the value in effect."""

    variable: str
    label: str
    value: str


def describe_configuration(config: Config) -> list[ConfiguredValue]:
    """Every setting in the order of docs/configuration.md; of secrets, only that they are set."""
    keys = len(config.encryption_keys)
    rows = (
        ("DATA_DIR", "Data directory", str(config.data_dir)),
        ("DATABASE_URL", "Database", describe_database(config)),
        ("REDIS_URL", "Redis", describe_redis(config)),
        ("SECRET_KEY", "Key for cookies and forms", "Set"),
        ("ENCRYPTION_KEYS", "Keys for stored credentials", f"{keys} set"),
        ("PUBLIC_URL", "Public address", config.public_url or "Not set"),
        ("LOCAL_URL", "Address on this machine", config.local_url),
        ("TRUSTED_PROXIES", "Reverse proxies in front", str(config.trusted_proxies)),
        ("HUNTRESS_HOSTS", "Huntress hosts", ", ".join(config.huntress_hosts)),
        (
            "HUNTRESS_CALLS_PER_MINUTE",
            "Huntress calls per minute",
            str(config.huntress_calls_per_minute),
        ),
        ("HUNTRESS_PORTAL_URL", "Huntress portal", config.huntress_portal_url),
        ("EDITION", "Edition", config.edition.capitalize()),
        ("LEASE_SECONDS", "A poll counts as interrupted after", f"{config.lease_seconds} s"),
        ("OUTBOUND_HOSTS", "Hosts for notices besides public ones", _listed(config.outbound_hosts)),
        ("OUTBOUND_CA_FILE", "Certificates besides usual ones", config.outbound_ca_file or "None"),
        ("HEARTBEAT_URL", "Outside heartbeat", "Set" if config.heartbeat_url else "Not set"),
        ("METRICS_TOKEN", "Token for metrics", "Set" if config.metrics_token else "Not set"),
        *_security(config.security),
        *_sign_on(config.sign_on),
        ("LOG_FORMAT", "Form of the log", config.log_format.value),
        ("AUDIT_SEAL", "Seals of the audit log go to", str(config.audit.seal or "Nowhere")),
        ("AUDIT_FORWARD", "Events of it go to", str(config.audit.forward or "Nowhere")),
        *_backups(config.backups),
        ("ATTACHMENT_MB", "Largest file on a ticket", file_size(config.file_limits.file_bytes)),
        (
            "TICKET_ATTACHMENTS_MB",
            "Files of a ticket together",
            file_size(config.file_limits.ticket_bytes),
        ),
    )
    return [ConfiguredValue(PREFIX + name, label, value) for name, label, value in rows]


def _security(settings: SecuritySettings) -> Iterator[tuple[str, str, str]]:
    yield "SESSION_DAYS", "Sessions last at most", f"{settings.session_lifetime.days} days"
    hours = settings.idle_lifetime // timedelta(hours=1)
    yield "SESSION_IDLE_HOURS", "Sessions end without use after", f"{hours} hours"
    yield "SECOND_FACTOR", "Who needs a second factor", settings.second_factor.value
    grace = f"{settings.factor_grace.days} days"
    yield "SECOND_FACTOR_GRACE_DAYS", "Time until one is needed", grace
    breaches = settings.breached_passwords or "None"
    yield "BREACHED_PASSWORDS", "Passwords known from breaches", breaches


def _backups(settings: BackupSettings) -> Iterator[tuple[str, str, str]]:
    storage = settings.storage
    yield "BACKUP_DIR", "Backups go to the directory", str(settings.directory or "None")
    yield "BACKUP_S3_URL", "Backups go to the storage", str(storage or "None")
    if storage is not None:
        yield "BACKUP_S3_ACCESS_KEY", "Its access key", "Set"
        yield "BACKUP_S3_SECRET_KEY", "Its secret key", "Set"
        yield "BACKUP_S3_REGION", "Its region", storage.region or "Asked of the storage"
    yield "BACKUP_AT", "Backups are made at", str(settings.at)
    yield "BACKUP_KEEP", "Backups are kept", str(settings.keep)
    passphrase = "Set" if settings.passphrase else "Not set"
    yield "BACKUP_PASSPHRASE", "Passphrase of backups", passphrase
    yield "BACKUP_RECIPIENTS", "Public keys of backups", _listed(settings.recipients)
    yield "PG_BIN", "Programs of PostgreSQL", str(settings.postgres_bin or "Looked for")


def _sign_on(settings: SignOnSettings | None) -> Iterator[tuple[str, str, str]]:
    if settings is None:
        yield "OIDC_ISSUER", "Identity provider", "None"
        return
    yield "OIDC_ISSUER", "Identity provider", settings.issuer
    yield "OIDC_CLIENT_ID", "What it calls Triagedesk", settings.client_id
    yield "OIDC_CLIENT_SECRET", "Client secret", "Set"
    yield "OIDC_NAME", "What people call it", settings.name
    yield "OIDC_SCOPES", "Scopes that are asked for", " ".join(settings.scopes)
    yield "OIDC_ROLES_CLAIM", "Claim that gives roles", settings.roles_claim or "None"
    yield "OIDC_ADMIN_VALUES", "Makes somebody an admin", _listed(settings.admin_values)
    yield "OIDC_HELPDESK_VALUES", "Makes somebody helpdesk", _listed(settings.helpdesk_values)
    yield "OIDC_AUDITOR_VALUES", "Makes somebody an auditor", _listed(settings.auditor_values)
    yield "LOCAL_PASSWORDS", "Passwords", settings.local_passwords.value


def _listed(hosts: Sequence[str]) -> str:
    return ", ".join(hosts) or "None"


def describe_database(config: Config) -> str:
    """The kind and place of the database, without its user, password and options."""
    url = make_url(config.database_url)
    if config.uses_sqlite:
        return f"SQLite, {url.database}"
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL, {url.database} on {url.host or 'this machine'}{port}"


def describe_redis(config: Config) -> str:
    """The place of Redis, without its user, password and options."""
    if config.uses_embedded_redis:
        return "Embedded server"
    parts = urlsplit(config.redis_url)
    if parts.scheme == "unix":
        return f"Socket {parts.path}"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}, {'with' if parts.scheme == 'rediss' else 'without'} TLS"
