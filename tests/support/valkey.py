"""A real Valkey server for tests, on a Unix socket of its own."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from redis import Redis

from webapp.config import Config
from webapp.runtime import embedded_valkey
from webapp.task_queue import connect


class ValkeyServer:
    """Started and stopped at will; its socket, and so its address, stays the same."""

    def __init__(self) -> None:
        # Not below tmp_path: a Unix socket's path must stay short.
        self.folder = Path(tempfile.mkdtemp(prefix="td-"))
        self.config = Config(
            data_dir=self.folder,
            database_url="sqlite://",
            redis_url=f"unix://{self.folder}/valkey/valkey.sock",
            secret_key="s" * 32,
            encryption_keys=(),
        )
        self.url = self.config.redis_url
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(self) -> "ValkeyServer":
        embedded_valkey.prepare(self.config)
        self._process = subprocess.Popen(
            embedded_valkey.build_command(self.config),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert embedded_valkey.wait_until_answering(self.config, 10)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def lose_files(self) -> None:
        """Delete what a stopped server has written down: it starts empty."""
        shutil.rmtree(self.folder / "valkey" / "appendonlydir")

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self) -> Redis:
        return connect(self.url)
