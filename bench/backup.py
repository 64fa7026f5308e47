"""Backup and restore of a desk with 100,000 tickets: seconds, size, memory, who had to wait.

The commands run as processes of their own, as they do in use. Meanwhile somebody writes one row
after the other. Their longest write shows what the backup holds up, compared with the longest one
before it began.
"""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from sqlalchemy import update

from bench.accounts import filled_app
from bench.desk_data import fill_desk_database
from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY
from tests.support.postgres import PostgresServer
from webapp.config import Config
from webapp.models import TicketCounter
from webapp.services.transactions import transaction

BETWEEN_WRITES = 0.01
BEFORE_SECONDS = 5.0
MEGABYTE = 1024 * 1024


@dataclass
class Finished:
    """A command that has ended: its seconds, and the most memory that it had (bytes)."""

    seconds: float
    peak: int


class Writer(threading.Thread):
    """Writes until it is told to stop; `longest` is the longest write so far, in seconds."""

    def __init__(self, app: Flask) -> None:
        super().__init__(daemon=True)
        self._app = app
        self._stopping = threading.Event()
        self.longest = 0.0

    def run(self) -> None:
        """Write, and note how long it took."""
        with self._app.app_context():
            while not self._stopping.wait(BETWEEN_WRITES):
                began = time.perf_counter()
                with transaction() as session:
                    session.execute(
                        update(TicketCounter).values(last_number=TicketCounter.last_number + 1)
                    )
                self.longest = max(self.longest, time.perf_counter() - began)

    def stop(self) -> None:
        """Let it end."""
        self._stopping.set()
        self.join()


def measure_backup(kind: str) -> dict[str, float]:
    """Figures of `backup`, `backup verify` and `restore` (SQLite) on a database of `kind`."""
    with filled_app(kind, fill_desk_database) as app, TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "passphrase").write_text("a passphrase of the bench")
        env = _environment(app.extensions["triagedesk_config"], kind)
        writer = Writer(app)
        writer.start()
        time.sleep(BEFORE_SECONDS)
        before, writer.longest = writer.longest, 0.0
        file = folder / "desk.age"
        made = _run(env, folder, "backup", str(file))
        writer.stop()
        verified = _run(env, folder, "backup", "verify", str(file))
        figures = {
            "seconds": made.seconds,
            "size_mb": file.stat().st_size / MEGABYTE,
            "peak_mb": made.peak / MEGABYTE,
            "longest_write_ms": 1000 * writer.longest,
            "longest_before_ms": 1000 * before,
            "verify_seconds": verified.seconds,
            "verify_peak_mb": verified.peak / MEGABYTE,
        }
        if kind == "sqlite":
            elsewhere = {
                **{key: value for key, value in env.items() if "DATABASE" not in key},
                "TRIAGEDESK_DATA_DIR": str(folder / "elsewhere"),
            }
            restored = _run(elsewhere, folder, "restore", str(file))
            figures |= {
                "restore_seconds": restored.seconds,
                "restore_peak_mb": restored.peak / MEGABYTE,
            }
        return figures


def _environment(config: Config, kind: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if "TRIAGEDESK" not in name}
    env |= {
        "TRIAGEDESK_DATA_DIR": str(config.data_dir),
        "TRIAGEDESK_DATABASE_URL": config.database_url,
        "TRIAGEDESK_SECRET_KEY": SECRET_KEY,
        "TRIAGEDESK_ENCRYPTION_KEYS": ENCRYPTION_KEY,
    }
    if kind == "postgresql":
        env["TRIAGEDESK_PG_BIN"] = str(PostgresServer.find_programs())
    return env


def _run(env: dict[str, str], folder: Path, *words: str) -> Finished:
    """Run a command to its end; the memory is that of its own process, without pg_dump's."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "webapp", *words]
    process = subprocess.Popen(
        [*command, "--passphrase-file", str(folder / "passphrase")],
        env=env,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{words} failed")
    scale = 1 if sys.platform == "darwin" else 1024
    return Finished(seconds, usage.ru_maxrss * scale)
