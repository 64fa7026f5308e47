"""Backups that cannot be restored: each with a sentence, and nothing half done."""

import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.recovery.places import (
    PASSPHRASE,
    RestorePlace,
    back_up,
    left_overs,
)
from webapp.config import BackupSettings, Config
from webapp.services.errors import RefusedError
from webapp.services.recovery import write_backup as writing
from webapp.services.recovery.check_backup import check_backup
from webapp.services.recovery.disk_room import LEAST_FREE
from webapp.services.recovery.encryption import Opener, Sealer
from webapp.services.recovery.scratch import BackupError
from webapp.services.recovery.write_backup import write_backup


@pytest.fixture
def file(app: Flask, config: Config, tmp_path: Path) -> Path:
    """A backup of a new desk."""
    back_up(config, tmp_path / "desk.age")
    return tmp_path / "desk.age"


def refusal(place: RestorePlace, file: Path, passphrase: str = PASSPHRASE) -> str:
    """Why the backup is not restored; the place is as empty as before."""
    with pytest.raises(RefusedError) as refused:
        place.restore(file, passphrase)
    assert place.is_untouched
    assert left_overs(place.data_dir) == []
    return str(refused.value)


@both_databases
@pytest.mark.parametrize("share", [0.0, 0.002, 0.01, 0.3, 0.6, 0.9, 0.9999])
def test_one_flipped_byte_anywhere(file: Path, place: RestorePlace, share: float) -> None:
    data = bytearray(file.read_bytes())
    data[int(share * len(data))] ^= 0x10
    file.write_bytes(data)
    assert refusal(place, file)


@both_databases
def test_a_file_that_was_cut_off(file: Path, place: RestorePlace) -> None:
    data = file.read_bytes()
    for length in (0, 10, 150, 500, len(data) // 2, len(data) - 1):
        file.write_bytes(data[:length])
        assert refusal(place, file)


def test_a_wrong_passphrase_and_a_missing_file(file: Path, place: RestorePlace) -> None:
    assert "does not fit" in refusal(place, file, "not this one, surely")
    assert "cannot be used (No such file or directory)" in refusal(place, file.with_name("none"))


@both_databases
def test_a_newer_version_and_another_kind_of_database(
    app: Flask, config: Config, place: RestorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = writing.Manifest

    def newer(**values: object) -> object:
        return make(**{**values, "schema": "9999", "product_version": "7.0.0"})  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(writing, "Manifest", newer)
        back_up(config, tmp_path / "newer.age")
    words = refusal(place, tmp_path / "newer.age")
    assert "made by Triagedesk 7.0.0 (migration 9999), which is newer" in words
    back_up(config, tmp_path / "desk.age")
    other = replace(place, database_url="postgresql://x@/y", server=place.server)
    if place.server is not None:
        other = RestorePlace(tmp_path / "sqlite")
        other.data_dir.mkdir()
        assert "holds a PostgreSQL database, and SQLite is" in refusal(other, tmp_path / "desk.age")


@both_databases
def test_rows_that_are_not_what_the_manifest_says(
    app: Flask, config: Config, place: RestorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = writing.Manifest

    def wrong(**values: object) -> object:
        counts = {**values["counts"], "boards": 77}  # type: ignore[dict-item]
        return make(**{**values, "counts": counts})  # type: ignore[arg-type]

    monkeypatch.setattr(writing, "Manifest", wrong)
    back_up(config, tmp_path / "desk.age")
    assert "boards: 3 rows instead of 77." in refusal(place, tmp_path / "desk.age")


def test_a_damaged_database_inside(
    app: Flask, config: Config, place: RestorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = writing.take_snapshot

    def damaged(*arguments: object) -> object:
        snapshot = take(*arguments)  # type: ignore[arg-type]
        data = bytearray(snapshot.file.read_bytes())
        data[20_000:21_000] = b"\xff" * 1_000
        snapshot.file.write_bytes(data)
        return snapshot

    monkeypatch.setattr(writing, "take_snapshot", damaged)
    back_up(config, tmp_path / "desk.age")
    assert "The database in the backup is damaged" in refusal(place, tmp_path / "desk.age")


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_missing_and_old_programs_of_postgresql(
    file: Path, config: Config, place: RestorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    monkeypatch.setattr(RestorePlace, "env", with_bin(place, empty))
    words = refusal(place, file)
    assert f"There is no pg_restore in {empty} (TRIAGEDESK_PG_BIN). Install PostgreSQL's" in words
    for name in ("pg_dump", "pg_restore"):
        script = empty / name
        script.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 9.6.24'\n")
        script.chmod(0o755)
    assert "is of version 9, and" in refusal(place, file)
    old = replace(config, backups=BackupSettings(postgres_bin=empty))
    with pytest.raises(BackupError, match=r"newest pg_dump .* is of version 9"):
        write_backup(old, {}, tmp_path / "other.age", Sealer(passphrase=PASSPHRASE))
    assert left_overs(tmp_path) == []


def with_bin(place: RestorePlace, folder: Path) -> dict[str, str]:
    return {**place.env, "TRIAGEDESK_PG_BIN": str(folder)}


@both_databases
def test_a_backup_leaves_room_for_those_who_write(
    app: Flask, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is almost full before it begins, or once the copy of the database is there."""
    usage = shutil.disk_usage(tmp_path)._replace(free=LEAST_FREE + 100_000)
    take = writing.take_snapshot

    def others_write(*arguments: object) -> object:
        nonlocal usage
        snapshot = take(*arguments)  # type: ignore[arg-type]
        usage = usage._replace(free=LEAST_FREE - 1)
        return snapshot

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    if config.uses_sqlite:
        with pytest.raises(BackupError, match=r"268,535,456 bytes free, and the backup needs \d"):
            back_up(config, tmp_path / "desk.age")
        usage = usage._replace(free=2 * LEAST_FREE)
    monkeypatch.setattr(writing, "take_snapshot", others_write)
    with pytest.raises(BackupError, match=r"has only 268,435,455 bytes free"):
        back_up(config, tmp_path / "desk.age")
    assert [one.name for one in tmp_path.iterdir() if "desk.age" in one.name] == []
    assert left_overs(tmp_path) == []


def test_a_check_leaves_room_as_well(
    file: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(config.data_dir)._replace(free=LEAST_FREE + 100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    opener = Opener(passphrase=PASSPHRASE)
    with (
        file.open("rb") as source,
        pytest.raises(BackupError, match="leaves 268,435,456 to others"),
    ):
        check_backup(source, opener, config.data_dir, config.backups.postgres_bin)


@both_databases
def test_a_full_disk(
    file: Path, place: RestorePlace, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 10

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _folder: Full)
        assert "has 10 bytes free, and the backup needs" in refusal(place, file)

    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", no_space)
    with pytest.raises(BackupError, match=r"The disk of .* is full"):
        back_up(config, tmp_path / "more.age")
    assert left_overs(tmp_path) == []
    assert not (tmp_path / "more.age").exists()


@both_databases
def test_whoever_has_a_private_key_opens_what_is_for_it(
    app: Flask, config: Config, tmp_path: Path
) -> None:
    mine, other = (pyrage.x25519.Identity.generate() for _ in range(2))
    sealer = Sealer(recipients=(str(mine.to_public()),))
    made = write_backup(config, {}, tmp_path / "desk.age", sealer)

    def check(opener: Opener) -> int:
        with (tmp_path / "desk.age").open("rb") as source:
            return check_backup(source, opener, tmp_path, config.backups.postgres_bin).rows

    assert check(made.opener) == check(Opener(identities=(str(mine),))) == made.manifest.rows
    with pytest.raises(RefusedError, match="None of the private keys opens this file"):
        check(Opener(identities=(str(other),)))
    with pytest.raises(RefusedError, match="opened by a private key: use --identity"):
        check(Opener(passphrase=PASSPHRASE))
    data = bytearray((tmp_path / "desk.age").read_bytes())
    for at in (len(data) // 2, len(data) - 1):
        flipped = bytearray(data)
        flipped[at] ^= 1
        (tmp_path / "desk.age").write_bytes(flipped)
        with pytest.raises(RefusedError, match="damaged or cut off"):
            check(Opener(identities=(str(mine),)))


def test_what_is_in_a_backup(app: Flask, config: Config, tmp_path: Path) -> None:
    """As the guide says: `age -d` and `tar -xzf`, nothing else."""
    import io
    import tarfile

    environment = {
        "TRIAGEDESK_DATABASE_URL": "postgresql://desk:geheim@db/desk",
        "TRIAGEDESK_SECRET_KEY": "a secret",
        "TRIAGEDESK_HEARTBEAT_URL": "https://hc-ping.com/uuid",
        "TRIAGEDESK_BACKUP_S3_SECRET_KEY": "key",
        "TRIAGEDESK_METRICS_TOKEN_FILE": "/etc/token",
        "TRIAGEDESK_SOMETHING_NEW": "unknown",
        "PATH": "/bin",
    }
    back_up(config, tmp_path / "desk.age", **environment)
    plain = pyrage.passphrase.decrypt((tmp_path / "desk.age").read_bytes(), PASSPHRASE)
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:gz") as archive:
        names = archive.getnames()
        contents = {name: archive.extractfile(name).read() for name in names}  # type: ignore[union-attr]
        assert {one.mode for one in archive.getmembers()} == {0o600}
    assert names[0] == "manifest.json"
    assert set(names[1:]) == {
        "database.sqlite3",
        "keys/secret.key",
        "keys/encryption.keys",
        "configuration.json",
    }
    assert contents["keys/secret.key"].decode().strip() == config.secret_key
    assert contents["keys/encryption.keys"].decode().split() == list(config.encryption_keys)
    told = json.loads(contents["configuration.json"])
    assert told == {
        "TRIAGEDESK_DATABASE_URL": "postgresql://db/desk",
        "TRIAGEDESK_SECRET_KEY": "(set, left out)",
        "TRIAGEDESK_HEARTBEAT_URL": "(set, left out)",
        "TRIAGEDESK_BACKUP_S3_SECRET_KEY": "(set, left out)",
        "TRIAGEDESK_METRICS_TOKEN_FILE": "/etc/token",
        "TRIAGEDESK_SOMETHING_NEW": "(set, left out)",
    }
    manifest = json.loads(contents["manifest.json"])
    assert config.secret_key not in contents["manifest.json"].decode()
    assert set(manifest["members"]) == set(names[1:])


def test_a_file_is_never_overwritten(file: Path, config: Config) -> None:
    before = file.read_bytes()
    with pytest.raises(BackupError, match="backups never overwrite one"):
        back_up(config, file)
    assert file.read_bytes() == before
    assert file.stat().st_mode & 0o777 == 0o600
