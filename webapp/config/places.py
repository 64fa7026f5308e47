"""Where things are: the data directory, the database, the queue."""

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir

from webapp.config.env import PREFIX, ConfigError, is_set, read_value, split_url

DATABASE_FILE = "triagedesk.db"
UNIX_SOCKET_LIMIT = 100
_POSTGRES_URL = re.compile(
    r"[a-z+]+://(?:[^/?#@]*@)?(?:\[[0-9a-f:]+\]|[^\s/?#@:]*)(?::\d{1,5})?/[^/?#]+(?:\?.*)?"
)


def read_data_dir(env: Mapping[str, str]) -> Path:
    """The absolute path of the data directory, which may not exist yet."""
    return Path(read_value(env, "DATA_DIR") or "data").expanduser().absolute()


def needs_data_dir(env: Mapping[str, str], *, signs: bool = True) -> bool:
    """Whether a part, which `signs` cookies or not, finds anything in the data directory."""
    given = ("DATABASE_URL", "REDIS_URL", "ENCRYPTION_KEYS", *(("SECRET_KEY",) if signs else ()))
    return not all(is_set(env, name) for name in given)


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


def read_database_url(env: Mapping[str, str], data_dir: Path) -> str:
    """The database URL in the form that SQLAlchemy takes; raises ConfigError."""
    url = read_value(env, "DATABASE_URL")
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


def read_redis_url(env: Mapping[str, str], data_dir: Path) -> str:
    """The address of the queue: the embedded server, or one that was given. Raises ConfigError."""
    url = read_value(env, "REDIS_URL")
    if url is None:
        return embedded_redis_url(data_dir)
    parts = split_url(url)
    is_server = parts is not None and parts.scheme in ("redis", "rediss")
    if not is_server and not url.startswith("unix://"):
        raise ConfigError(
            f"{PREFIX}REDIS_URL is not an address that starts with redis://, rediss:// or unix://.",
            "Use rediss://:password@host:6379/0 for a server on another machine.",
        )
    return url
