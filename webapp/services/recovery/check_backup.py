"""Checking a backup: really decrypted, opened, looked through for damage, and its rows counted."""

import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from webapp.domain.recovery.manifest import Manifest, compare_counts
from webapp.services.recovery.age_stream import ByteSource
from webapp.services.recovery.disk_room import LEAST_FREE, require_room
from webapp.services.recovery.encryption import Opener
from webapp.services.recovery.open_backup import OpenedBackup, unpack_backup
from webapp.services.recovery.postgres_tools import find_program, running
from webapp.services.recovery.scratch import BackupError, scratch_place
from webapp.services.recovery.snapshot import VERSION_TABLE, read_sqlite_facts

INTACT = "ok"
STEPS = 1_000_000
"""SQLite asks after so many steps of its machine whether to go on."""

MOST_TABLES_NAMED = 3
_COPY = re.compile(rb'COPY (?:\S+\.)?"?(\w+)"? \(.*\) FROM stdin;\n')


@dataclass(frozen=True, slots=True)
class CheckedBackup:
    """A backup that was found to be whole: its manifest, and how many rows were really counted."""

    manifest: Manifest
    rows: int


def check_backup(
    source: ByteSource,
    opener: Opener,
    data_dir: Path,
    postgres_bin: Path | None,
    *,
    beat: Callable[[], object] = lambda: None,
) -> CheckedBackup:
    """Unpack a backup in a scratch place, look for damage, and compare its rows with the manifest.

    Raises BackupError and AgeFileError with what is wrong.
    """
    with scratch_place(data_dir) as folder:

        def accept(manifest: Manifest) -> None:
            require_room(data_dir, manifest.database_size, spare=LEAST_FREE)

        opened = unpack_backup(source, opener, folder, accept=accept, beat=beat)
        counts = check_database_copy(opened, postgres_bin, beat)
    return CheckedBackup(opened.manifest, sum(counts.values()))


def check_database_copy(
    opened: OpenedBackup, postgres_bin: Path | None, beat: Callable[[], object]
) -> dict[str, int]:
    """Look through the database of an unpacked backup; return its rows by table.

    Raises BackupError if it is damaged or not what the manifest says.
    """
    manifest = opened.manifest
    if manifest.database == "sqlite":
        schema, counts = _check_sqlite(opened.database, manifest.counts, beat)
    else:
        schema, counts = _read_dump(opened, postgres_bin, beat)
    problems = compare_counts(manifest.counts, counts)
    if problems:
        raise BackupError(f"The backup is not complete. {' '.join(problems[:MOST_TABLES_NAMED])}")
    if schema != manifest.schema:
        raise BackupError(f"The backup is at migration {schema}, not at {manifest.schema}.")
    return counts


def _check_sqlite(
    file: Path, tables: Iterable[str], beat: Callable[[], object]
) -> tuple[str, dict[str, int]]:
    def go_on() -> int:
        beat()
        return 0

    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as copy:
            copy.set_progress_handler(go_on, STEPS)
            found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != INTACT:
                raise BackupError(f"The database in the backup is damaged: {found}.")
            return read_sqlite_facts(copy, tables)
    except sqlite3.Error as error:
        beat()  # what it raised amid SQLite's work has only interrupted that
        raise BackupError(f"The database in the backup is damaged: {error}.") from error


def _read_dump(
    opened: OpenedBackup, postgres_bin: Path | None, beat: Callable[[], object]
) -> tuple[str, dict[str, int]]:
    """Let pg_restore write out all rows, and count them: no server is needed for it."""
    least = int(opened.manifest.dump_version or 0)
    program = find_program("pg_restore", postgres_bin, least)
    command = [str(program.path), "--data-only", "--file=-", str(opened.database)]
    with running(command, {}, opened.database.parent, has_output=True) as reader:
        schema, counts = _count_rows(reader.output, beat)
        reader.finish(beat, "pg_restore could not read the backup")
    return schema, {name: counts.get(name, 0) for name in opened.manifest.counts}


def _count_rows(lines: IO[bytes], beat: Callable[[], object]) -> tuple[str, dict[str, int]]:
    """Count the lines of each table in what pg_restore writes; return the migration as well."""
    counts: dict[str, int] = {}
    schema = table = ""
    for number, line in enumerate(lines):
        if number % 10_000 == 0:
            beat()
        if table and line == b"\\.\n":
            table = ""
        elif table:
            counts[table] += 1
            if table == VERSION_TABLE:
                schema = line.decode().strip()
        elif found := _COPY.fullmatch(line):
            table = found[1].decode()
            counts[table] = 0
    return schema, counts
