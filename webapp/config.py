"""Configuration from environment variables, read once and checked before anything starts.

Every variable starts with `TRIAGEDESK_`. A value may also come from a file that is named by the
same variable with `_FILE` added. docs/configuration.md describes each variable.
"""

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import SplitResult, urlsplit

from cryptography.fernet import Fernet

from webapp.domain.portal_link import DEFAULT_PORTAL_URL

PREFIX = "TRIAGEDESK_"
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
    "OUTBOUND_HOSTS",
    "OUTBOUND_CA_FILE",
    "HEARTBEAT_URL",
    "METRICS_TOKEN",
    "DEMO_DATA_DIR",
)
EDITIONS = ("enterprise", "community")
SECRET_KEY_FILE = "secret.key"  # noqa: S105 - a file's name
ENCRYPTION_KEYS_FILE = "encryption.keys"
DATABASE_FILE = "triagedesk.db"
DEMO_MARK = "this-is-a-demo"
UNIX_SOCKET_LIMIT = 100
_HOST = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+"


class ConfigError(Exception):
    """The configuration cannot be used; `hint` says what to do about it."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"{problem} {hint}")
        self.problem = problem
        self.hint = hint


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


def load_config(env: Mapping[str, str]) -> Config:
    """Read and check the configuration; raises ConfigError with a hint.

    Reads the key files of an existing data directory and creates nothing.
    """
    data_dir = read_data_dir(env)
    database_url = read_database_url(env, data_dir)
    return Config(
        data_dir=data_dir,
        database_url=database_url,
        redis_url=_redis_url(env, data_dir),
        secret_key=_secret_key(env, data_dir),
        encryption_keys=_encryption_keys(env, data_dir),
        huntress_hosts=_hosts(env, "HUNTRESS_HOSTS", ("http", "https")) or ("api.huntress.io",),
        outbound_hosts=_hosts(env, "OUTBOUND_HOSTS", ("http", "https", "smtp", "smtps")),
        huntress_calls_per_minute=_number(env, "HUNTRESS_CALLS_PER_MINUTE", 50, 1, 100_000),
        huntress_portal_url=_portal_url(env),
        edition=_edition(env),
        trusted_proxies=_number(env, "TRUSTED_PROXIES", 0, 0, 10),
        public_url=_public_url(env),
        local_url=_text(env, "LOCAL_URL") or "http://127.0.0.1:8000",
        lease_seconds=_number(env, "LEASE_SECONDS", 120, 1, 3600),
        outbound_ca_file=_ca_file(env),
        heartbeat_url=_heartbeat_url(env),
        metrics_token=_metrics_token(env),
        is_demo=os.path.exists(data_dir / DEMO_MARK),
    )


def _ca_file(env: Mapping[str, str]) -> str | None:
    path = _text(env, "OUTBOUND_CA_FILE")
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        name, hint = f"{PREFIX}OUTBOUND_CA_FILE", "It names a file with certificates in PEM form."
        raise ConfigError(f"{name} cannot be read: {error.strerror or 'no PEM'}.", hint) from error
    return path


def read_data_dir(env: Mapping[str, str]) -> Path:
    """The absolute path of the data directory, which may not exist yet."""
    return Path(_text(env, "DATA_DIR") or "data").expanduser().absolute()


def needs_data_dir(env: Mapping[str, str]) -> bool:
    """Whether this installation keeps anything in the data directory."""
    given = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS")
    return not all(is_set(env, name) for name in given)


def is_set(env: Mapping[str, str], name: str) -> bool:
    """Whether `TRIAGEDESK_<name>` or its `_FILE` variant gives a value."""
    return _text(env, name) is not None


def find_unknown(env: Mapping[str, str]) -> list[str]:
    """The variables with our prefix that we do not know; most likely they are mistyped."""
    known = {PREFIX + name for name in VARIABLES}
    known |= {f"{name}_FILE" for name in known}
    return sorted(name for name in env if name.startswith(PREFIX) and name not in known)


def embedded_redis_url(data_dir: Path) -> str:
    """The URL of the embedded server's socket.

    If the data directory's path is too long for a socket, the socket is below the directory for
    temporary files.
    """
    socket = data_dir / "valkey" / "valkey.sock"
    if len(str(socket)) > UNIX_SOCKET_LIMIT:
        name = sha256(str(data_dir).encode()).hexdigest()[:16]
        socket = Path(gettempdir()) / f"triagedesk-{name}" / "valkey.sock"
    return f"unix://{socket}"


def _text(env: Mapping[str, str], name: str) -> str | None:
    """The variable's value, or the content of the file that its `_FILE` variant names."""
    value = env.get(PREFIX + name, "").strip()
    path = env.get(f"{PREFIX}{name}_FILE", "").strip()
    if value or not path:
        return value or None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise ConfigError(
            f"{PREFIX}{name}_FILE names {path}, which cannot be read ({error.strerror}).",
            "Check the path and that this user may read it.",
        ) from error


def _words(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[\s,]+", _text(env, name) or "") if word)


def _split(url: str) -> SplitResult | None:
    """The parts of a URL with a host and a valid port, otherwise None. Never raises."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if has_host and not re.search(r"[\s\x00-\x1f]", url) else None


def _hosts(env: Mapping[str, str], name: str, schemes: Sequence[str]) -> tuple[str, ...]:
    """Host names, or whole origins with one of `schemes` (`http://127.0.0.1:8081`)."""
    hosts = _words(env, name)
    for host in hosts:
        is_host = re.fullmatch(_HOST, host.lower())
        if not (_is_origin(host, schemes) if "://" in host else is_host):
            raise ConfigError(
                f"{PREFIX}{name} holds {host[:100]!r}, which is not a host.",
                "It takes host names without scheme and path, such as api.huntress.io or ntfy.lan,"
                f" and whole origins ({', '.join(schemes)}), such as http://127.0.0.1:8081",
            )
    return hosts


def _is_origin(url: str, schemes: Sequence[str]) -> bool:
    """Whether `url` is only a scheme, a host and perhaps a port."""
    parts = _split(url)
    if parts is None or parts.scheme not in schemes or "@" in parts.netloc:
        return False
    is_bare = parts.path in ("", "/") and not parts.query and not parts.fragment
    return is_bare and re.fullmatch(_HOST, parts.hostname or "") is not None


def _number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = _text(env, name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise ConfigError(
            f"{PREFIX}{name} is {text!r}.", f"It takes a whole number from {least} to {most}."
        )
    return int(text)


_POSTGRES_URL = re.compile(
    r"[a-z+]+://(?:[^/?#@]*@)?(?:\[[0-9a-f:]+\]|[^\s/?#@:]*)(?::\d{1,5})?/[^/?#]+(?:\?.*)?"
)


def read_database_url(env: Mapping[str, str], data_dir: Path) -> str:
    """The database URL in the form that SQLAlchemy takes; raises ConfigError."""
    url = _text(env, "DATABASE_URL")
    if url is None:
        return f"sqlite:///{data_dir / DATABASE_FILE}"
    if url.startswith("postgres://"):
        url = "postgresql" + url.removeprefix("postgres")
    if url.startswith("sqlite:///"):
        return _sqlite_url(url)
    if not url.startswith(("postgresql://", "postgresql+psycopg://")):
        raise _no_database("does not name a database Triagedesk can use.")
    if not _POSTGRES_URL.fullmatch(url):
        raise _no_database("cannot be read, or names no database.")  # the URL may hold a password
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _sqlite_url(url: str) -> str:
    """Return a URL with an absolute path; raises ConfigError for a relative one.

    A relative path would name another file in each folder that a command is started in.
    """
    path = url.removeprefix("sqlite:///").partition("?")[0]
    if not Path(path).is_absolute():
        raise ConfigError(
            f"{PREFIX}DATABASE_URL names a SQLite file without its whole path.",
            "Use sqlite:////the/whole/path/triagedesk.db, or leave it out for the data directory.",
        )
    return url


def _no_database(problem: str) -> ConfigError:
    return ConfigError(
        f"{PREFIX}DATABASE_URL {problem}",
        "Use postgresql://user:password@host/database, or leave it out for SQLite. In user and"
        " password @ : / ? # are written as %40 %3A %2F %3F %23.",
    )


def _redis_url(env: Mapping[str, str], data_dir: Path) -> str:
    url = _text(env, "REDIS_URL")
    if url is None:
        return embedded_redis_url(data_dir)
    parts = _split(url)
    is_server = parts is not None and parts.scheme in ("redis", "rediss")
    if not is_server and not url.startswith("unix://"):
        raise ConfigError(
            f"{PREFIX}REDIS_URL is not an address that starts with redis://, rediss:// or unix://.",
            "Use rediss://:password@host:6379/0 for a server on another machine.",
        )
    return url


def _secret_key(env: Mapping[str, str], data_dir: Path) -> str:
    key = _text(env, "SECRET_KEY") or _file(data_dir / SECRET_KEY_FILE)
    if key is None:
        raise _missing("SECRET_KEY", data_dir)
    if len(key) < 32:
        raise ConfigError(
            f"{PREFIX}SECRET_KEY is shorter than 32 characters.", "Use a long random text."
        )
    return key


def _encryption_keys(env: Mapping[str, str], data_dir: Path) -> tuple[str, ...]:
    keys = _words(env, "ENCRYPTION_KEYS")
    if not keys:
        keys = tuple((_file(data_dir / ENCRYPTION_KEYS_FILE) or "").split())
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


def _file(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}).", "Run this as the user who owns it."
        ) from error


def _portal_url(env: Mapping[str, str]) -> str:
    url = _text(env, "HUNTRESS_PORTAL_URL") or DEFAULT_PORTAL_URL
    parts = _split(url)
    is_https = parts is not None and parts.scheme == "https"
    if not is_https or "{incident_id}" not in url or re.search(r"[\s<>()]", url):
        raise ConfigError(
            f"{PREFIX}HUNTRESS_PORTAL_URL is not an https address with {{incident_id}} in it.",
            f"The default is {DEFAULT_PORTAL_URL}",
        )
    return url


def _edition(env: Mapping[str, str]) -> str:
    edition = (_text(env, "EDITION") or EDITIONS[0]).lower()
    if edition not in EDITIONS:
        raise ConfigError(
            f"{PREFIX}EDITION is {edition!r}.", f"It is one of {', '.join(EDITIONS)}."
        )
    return edition


def _heartbeat_url(env: Mapping[str, str]) -> str | None:
    """The address of the outside service; it is as secret as a password, and never repeated."""
    url = _text(env, "HEARTBEAT_URL")
    parts = _split(url) if url else None
    if url and (parts is None or parts.scheme not in ("http", "https")):
        raise ConfigError(
            f"{PREFIX}HEARTBEAT_URL is not an address that starts with https:// or http://.",
            "Copy the whole ping address from healthchecks.io, Uptime Kuma or your monitor.",
        )
    return url


def _metrics_token(env: Mapping[str, str]) -> str | None:
    token = _text(env, "METRICS_TOKEN")
    if token and not re.fullmatch(r"[\x21-\x7e]+", token):
        raise ConfigError(
            f"{PREFIX}METRICS_TOKEN has spaces or other characters that no header can carry.",
            "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return token


def _public_url(env: Mapping[str, str]) -> str | None:
    url = _text(env, "PUBLIC_URL")
    if url is None:
        return None
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https"):
        raise ConfigError(
            f"{PREFIX}PUBLIC_URL is {url!r}.", "It is an address such as https://desk.example.com"
        )
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigError(
            f"{PREFIX}PUBLIC_URL has something behind the host: {url!r}.",
            "Triagedesk needs a host name of its own, such as https://desk.example.com",
        )
    return url.rstrip("/")
