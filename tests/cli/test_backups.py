"""`triagedesk backup`, `restore`, `recovery` and `drill restore`, as from a shell."""

import json
from pathlib import Path

import pyrage
import pytest
from flask import Flask
from sqlalchemy import select

from tests.cli.conftest import Shell
from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.postgres import PostgresServer
from tests.support.receivers.certificates import Certificates
from tests.support.recovery.places import PASSPHRASE, QUICK_WORK, RestorePlace, left_overs
from tests.support.recovery.s3_server import ACCESS_KEY, SECRET_KEY, s3_server
from webapp.models import AuditEvent
from webapp.outbound.storage import object_storage
from webapp.runtime.data_dir import locked
from webapp.services.recovery import age_stream
from webapp.services.transactions import reading


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age_stream, "WORK_FACTOR", QUICK_WORK)


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    """The path of a file with the passphrase."""
    path = tmp_path / "passphrase"
    path.write_text(f"{PASSPHRASE}\nand a second line\n")
    return str(path)


@pytest.fixture
def shell(shell: Shell, postgres_here: PostgresServer | None) -> Shell:
    if postgres_here is not None:
        shell.env["TRIAGEDESK_PG_BIN"] = str(postgres_here.binaries)
    return shell


def actions() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


@both_databases
def test_the_worst_day_from_beginning_to_end(
    shell: Shell, place: RestorePlace, passphrase: str, tmp_path: Path
) -> None:
    connection_id = shell.connect()
    shell.route(connection_id)
    shell.simulator.account.add_incident(7, now=shell.clock.now(), id=1)
    shell.json("poll", connection_id)
    file = str(tmp_path / "desk.age")
    written = shell.json("backup", file, "--passphrase-file", passphrase)
    assert written["bytes"] == Path(file).stat().st_size
    assert actions()[-1] == "backup.written"
    verified = shell.json("backup", "verify", file, "--passphrase-file", passphrase)
    assert verified["counts"]["tickets"] == 1
    assert verified["rows"] == written["rows"]

    elsewhere = Shell(
        {**place.env, "TRIAGEDESK_HUNTRESS_HOSTS": shell.simulator.base_url},
        shell.simulator,
        shell.clock,
    )
    restored = elsewhere.json("restore", file, "--passphrase-file", passphrase)
    assert (restored["rows"], restored["unreadable"]) == (verified["rows"], [])
    assert restored["last_number"] == 101_000
    again = elsewhere.refused("restore", file, "--passphrase-file", passphrase)
    assert "empty" in again
    assert elsewhere.json("recovery", "status")["held"] is True
    doctor = {
        one["name"]: one for one in json.loads(elsewhere.run("doctor", "--json").stdout)["checks"]
    }
    assert doctor["restore"]["kind"] == "deliberate"
    assert "look, then resume" in str(doctor)
    assert "Messages go out again. 0 of" in elsewhere.ok("recovery", "release")
    assert "nothing to release" in elsewhere.refused("recovery", "release")
    assert elsewhere.json("recovery", "status") == {"held": False}
    assert elsewhere.ok("recovery", "status").strip() == "No restore holds messages."


def test_what_a_restore_says(
    shell: Shell, place: RestorePlace, passphrase: str, tmp_path: Path
) -> None:
    file = str(tmp_path / "desk.age")
    assert "bytes" in shell.ok("backup", file, "--passphrase-file", passphrase)
    assert "is whole" in shell.ok("backup", "verify", file, "--passphrase-file", passphrase)
    elsewhere = Shell(place.env, shell.simulator, shell.clock)
    words = elsewhere.ok("restore", file, "--passphrase-file", passphrase)
    assert words.startswith("Restored ")
    assert "`triagedesk recovery release`" in words
    assert "Restored from" in elsewhere.ok("recovery", "status")


def test_up_keeps_a_restore_away(
    shell: Shell, place: RestorePlace, passphrase: str, tmp_path: Path
) -> None:
    file = str(tmp_path / "desk.age")
    shell.ok("backup", file, "--passphrase-file", passphrase)
    elsewhere = Shell(place.env, shell.simulator, shell.clock)
    with locked(place.data_dir):
        result = elsewhere.run("restore", file, "--passphrase-file", passphrase)
    assert "Another `triagedesk up` is using" in str(result.exception)
    assert place.is_untouched


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["backup", "{file}"], "Say who can open the backup"),
        (["backup", "{file}", "--recipient", "ssh-rsa x"], "no public key of age"),
        (["backup", "{file}", "--passphrase-file", "{short}"], "fewer than 12 characters"),
        (["backup", "{file}", "--passphrase-file", "{none}"], "No such file or directory"),
        (["backup", "{file}", "--passphrase-file", "{empty}"], "holds no passphrase"),
        (["backup", "verify", "{file}"], "Say what opens the backup"),
        (["backup", "verify", "{none}", "--passphrase-file", "{short}"], "No such file"),
        (["restore", "{file}"], "Say what opens the backup"),
        (["restore", "{file}", "--identity", "{short}"], "no private key of age"),
        (["backup", "now"], "No place for backups is configured"),
        (["drill", "restore"], "No place for backups is configured"),
    ],
)
def test_what_is_missing_is_said(
    shell: Shell, tmp_path: Path, words: list[str], refusal: str
) -> None:
    for name, text in (("short", "too short"), ("empty", "\n")):
        (tmp_path / name).write_text(text)
    names = {name: str(tmp_path / name) for name in ("file", "short", "empty", "none")}
    result = shell.run(*(word.format(**names) for word in words))
    assert result.exit_code == 1
    assert refusal in f"{result.stderr}{result.exception}"
    assert not (tmp_path / "file").exists()


def test_a_backup_for_recipients(shell: Shell, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"# created: today\n{identity}\n")
    file = str(tmp_path / "desk.age")
    shell.ok("backup", file, "--recipient", str(identity.to_public()))
    assert "is whole" in shell.ok("backup", "verify", file, "--identity", str(tmp_path / "key.txt"))


def test_scheduled_backups_by_command(shell: Shell, tmp_path: Path, fake_clock: FakeClock) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    shell.env |= {
        "TRIAGEDESK_BACKUP_DIR": str(folder),
        "TRIAGEDESK_BACKUP_PASSPHRASE": PASSPHRASE,
    }
    assert "No backup is there." in shell.ok("backup", "list")
    [made] = shell.json("backup", "now")
    assert made["state"] == "completed"
    [listed] = shell.json("backup", "list")
    assert listed["name"] == made["file"]
    assert listed["name"] in shell.ok("backup", "list")
    fetched = str(tmp_path / "fetched.age")
    assert "bytes" in shell.ok("backup", "fetch", made["file"], fetched)
    assert "is whole" in shell.ok("backup", "verify", fetched)
    assert "No configured place has" in shell.refused("backup", "fetch", "other", fetched)
    shell.ok("backup", str(tmp_path / "as-configured.age"))
    folder.rename(tmp_path / "away")
    result = shell.run("backup", "now")
    assert result.exit_code == 1
    assert "is not there" in result.stdout


def test_a_storage_whose_certificate_is_of_an_authority_of_ones_own(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_storage, "BACKOFF_SECONDS", 0.01)
    certificates = Certificates(tmp_path)
    with s3_server(certificates.fitting()) as storage:
        shell.env |= {
            "TRIAGEDESK_BACKUP_S3_URL": f"{storage.url}/desk",
            "TRIAGEDESK_BACKUP_S3_ACCESS_KEY": ACCESS_KEY,
            "TRIAGEDESK_BACKUP_S3_SECRET_KEY": SECRET_KEY,
            "TRIAGEDESK_BACKUP_PASSPHRASE": PASSPHRASE,
            "TRIAGEDESK_OUTBOUND_CA_FILE": certificates.ca_file,
        }
        [made] = shell.json("backup", "now")
        assert made["state"] == "completed"
        [listed] = shell.json("backup", "list")
        fetched = str(tmp_path / "fetched.age")
        assert "bytes" in shell.ok("backup", "fetch", listed["name"], fetched)
        del shell.env["TRIAGEDESK_OUTBOUND_CA_FILE"]
        assert "certificate" in shell.refused("backup", "list")


@both_databases
def test_the_drill_restores_the_newest_backup_in_a_scratch_place(
    app: Flask, shell: Shell, tmp_path: Path, passphrase: str
) -> None:
    shell.connect()
    folder = tmp_path / "backups"
    folder.mkdir()
    file = str(tmp_path / "desk.age")
    shell.ok("backup", file, "--passphrase-file", passphrase)
    found = shell.json("drill", "restore", file, "--passphrase-file", passphrase)
    assert (found["success"], found["unreadable"], found["problem"]) == (True, [], None)
    assert actions()[-1] == "backup.drilled"
    shell.env |= {
        "TRIAGEDESK_BACKUP_DIR": str(folder),
        "TRIAGEDESK_BACKUP_PASSPHRASE": PASSPHRASE,
    }
    assert "There is no backup in the configured places" in shell.refused("drill", "restore")
    shell.ok("backup", "now")
    assert "every stored secret can be read" in shell.ok("drill", "restore")
    [newest] = folder.iterdir()
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)
    result = shell.run("drill", "restore", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problem"] == "The file is damaged or cut off."
    assert left_overs(tmp_path) == []
