"""The product as it is started makes its backup by itself, and a restore of it starts again."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.processes import Up, run_triagedesk
from tests.support.recovery.places import PASSPHRASE
from tests.support.waiting import wait_until

WITHIN_SECONDS = 120
"""The scheduler looks for the first time after half a minute."""


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


@pytest.fixture
def up(tmp_path: Path, backups: Path) -> Iterator[Up]:
    up = Up(
        tmp_path,
        TRIAGEDESK_BACKUP_DIR=str(backups),
        TRIAGEDESK_BACKUP_PASSPHRASE=PASSPHRASE,
    )
    yield up
    up.close()


def count_verified(up: Up) -> int:
    """A backup that is cut off before it was read back is deleted."""
    with closing(sqlite3.connect(up.data_dir / "triagedesk.db")) as database:
        query = "SELECT count(*) FROM backups WHERE verified_at IS NOT NULL"
        [[count]] = database.execute(query).fetchall()
        return int(count)


@pytest.mark.soak
def test_a_backup_appears_by_itself_and_can_be_restored(
    up: Up, backups: Path, tmp_path: Path
) -> None:
    assert up.is_ready, up.output
    assert wait_until(lambda: count_verified(up) == 1, WITHIN_SECONDS), up.output
    [file] = backups.glob("*.age")
    up.close()
    elsewhere = {
        "TRIAGEDESK_DATA_DIR": str(tmp_path / "elsewhere"),
        "TRIAGEDESK_BACKUP_PASSPHRASE": PASSPHRASE,
    }
    restored = run_triagedesk("restore", str(file), **elsewhere)
    assert restored.returncode == 0, restored.stderr
    assert "a new one was made" not in restored.stdout, "the secret key is in it"
    for name in ("secret.key", "encryption.keys"):
        assert (tmp_path / "elsewhere" / name).read_text() == (up.data_dir / name).read_text()
    assert PASSPHRASE not in up.output
