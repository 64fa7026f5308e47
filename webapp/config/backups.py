"""Backups that are made by themselves: where to, when, how many are kept, who can open them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from webapp.config.addresses import read_ca_file
from webapp.config.env import PREFIX, ConfigError, read_value, read_words, split_url
from webapp.domain.recovery.due import DailyTime, parse_daily_time
from webapp.domain.recovery.keep import KeepRule, parse_keep

LEAST_PASSPHRASE = 12
"""A backup leaves the house, and whoever has it can guess for as long as they like."""

_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_BUCKET = re.compile(r"/[a-z0-9][a-z0-9.-]{1,62}(/[\w!.*'()/-]*)?", re.ASCII)
_NO_READER = (
    "Set TRIAGEDESK_BACKUP_PASSPHRASE_FILE to a file with a passphrase, which you also keep"
    " elsewhere, or TRIAGEDESK_BACKUP_RECIPIENTS to the public keys of age."
)


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Storage that speaks S3: its server (`https://host`), bucket, prefix and credentials.

    `ca_file` has more authorities that its certificate may be of.
    """

    server: str
    bucket: str
    prefix: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    region: str | None = None
    ca_file: str | None = None

    def __str__(self) -> str:
        return f"{self.server}/{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """Where backups go (nowhere by themselves, without a place), when, and what opens them."""

    directory: Path | None = None
    storage: StorageSettings | None = None
    at: DailyTime = field(default_factory=DailyTime)
    keep: KeepRule = field(default_factory=KeepRule)
    passphrase: str | None = field(default=None, repr=False)
    recipients: tuple[str, ...] = ()
    postgres_bin: Path | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """Where backups go by themselves, in words: the directory first."""
        return tuple(str(place) for place in (self.directory, self.storage) if place is not None)

    @property
    def are_scheduled(self) -> bool:
        """Whether backups are made by themselves."""
        return bool(self.places)


def read_backups(env: Mapping[str, str]) -> BackupSettings:
    """Read and check the settings; raises ConfigError with a hint.

    A place for backups without anything that would encrypt them is refused.
    """
    settings = BackupSettings(
        directory=_directory(env, "BACKUP_DIR"),
        storage=_storage(env),
        at=_at(env),
        keep=_keep(env),
        passphrase=_passphrase(env),
        recipients=_recipients(env),
        postgres_bin=_directory(env, "PG_BIN"),
    )
    if settings.passphrase and settings.recipients:
        raise ConfigError(
            f"{PREFIX}BACKUP_PASSPHRASE and {PREFIX}BACKUP_RECIPIENTS are both set.",
            "The age format takes one of them: leave the other one out.",
        )
    if settings.are_scheduled and not (settings.passphrase or settings.recipients):
        raise ConfigError("Backups have a place to go to, but nothing encrypts them.", _NO_READER)
    return settings


def _directory(env: Mapping[str, str], name: str) -> Path | None:
    text = read_value(env, name)
    if text is None:
        return None
    if not Path(text).is_absolute():
        raise ConfigError(
            f"{PREFIX}{name} is {text!r}.", "Give the whole path, such as /mnt/backups."
        )
    return Path(text)


def _storage(env: Mapping[str, str]) -> StorageSettings | None:
    url = read_value(env, "BACKUP_S3_URL")
    if url is None:
        return None
    parts = split_url(url)
    is_place = parts is not None and parts.scheme in ("https", "http") and "@" not in parts.netloc
    if parts is None or not is_place or not _BUCKET.fullmatch(parts.path):
        raise ConfigError(
            f"{PREFIX}BACKUP_S3_URL is not the address of a bucket.",
            "It takes https://host/bucket or https://host/bucket/prefix, without keys in it.",
        )
    keys = {name: read_value(env, f"BACKUP_S3_{name}") for name in ("ACCESS_KEY", "SECRET_KEY")}
    for name, value in keys.items():
        if value is None:
            raise ConfigError(
                f"{PREFIX}BACKUP_S3_{name} is not set.", f"{PREFIX}BACKUP_S3_URL needs it."
            )
    bucket, _, prefix = parts.path.strip("/").partition("/")
    return StorageSettings(
        server=f"{parts.scheme}://{parts.netloc}",
        bucket=bucket,
        prefix=prefix.strip("/"),
        access_key=keys["ACCESS_KEY"] or "",
        secret_key=keys["SECRET_KEY"] or "",
        region=read_value(env, "BACKUP_S3_REGION"),
        ca_file=read_ca_file(env),
    )


def _at(env: Mapping[str, str]) -> DailyTime:
    text = read_value(env, "BACKUP_AT")
    if text is None:
        return DailyTime()
    at = parse_daily_time(text)
    if at is None:
        raise ConfigError(
            f"{PREFIX}BACKUP_AT is {text!r}.",
            "It takes a time of day, such as 02:00 (UTC) or 02:00 Europe/Berlin.",
        )
    return at


def _keep(env: Mapping[str, str]) -> KeepRule:
    text = read_value(env, "BACKUP_KEEP")
    if text is None:
        return KeepRule()
    rule = parse_keep(text)
    if rule is None:
        raise ConfigError(
            f"{PREFIX}BACKUP_KEEP is {text!r}.", "It takes for instance: 7 daily, 4 weekly"
        )
    return rule


def _passphrase(env: Mapping[str, str]) -> str | None:
    text = read_value(env, "BACKUP_PASSPHRASE")
    if text is not None:
        require_passphrase(text, f"{PREFIX}BACKUP_PASSPHRASE")
    return text


def require_passphrase(text: str, name: str) -> None:
    """Raise ConfigError if `text` is too short for a file that leaves the house."""
    if len(text) < LEAST_PASSPHRASE:
        raise ConfigError(
            f"{name} holds fewer than {LEAST_PASSPHRASE} characters.",
            "Make one: openssl rand -base64 24",
        )


def _recipients(env: Mapping[str, str]) -> tuple[str, ...]:
    recipients = read_words(env, "BACKUP_RECIPIENTS")
    for one in recipients:
        require_recipient(one, f"{PREFIX}BACKUP_RECIPIENTS")
    return recipients


def require_recipient(text: str, name: str) -> None:
    """Raise ConfigError if `text` does not look like a public key of age."""
    if not _RECIPIENT.fullmatch(text):
        raise ConfigError(
            f"{name} holds something that is no public key of age.",
            "It begins with age1: `age-keygen` makes it, together with the private one.",
        )
