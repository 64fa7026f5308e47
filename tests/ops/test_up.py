import html
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests

from tests.ops.conftest import StartUp
from tests.support.processes import Command, Up, all_ended, clean_environment, run_triagedesk
from tests.support.waiting import wait_until
from webapp.crypto import generate_key
from webapp.runtime.network import find_free_port
from webapp.services.operations.read_demo_mail import mail_folder

MAIL_SECONDS = 60
"""Longer than a poll, a tick and a mail take; what comes within that time arrives sooner."""

PARTS = ("web", "worker", "scheduler", "watch")


def doctor(up: Up) -> tuple[int, dict[str, bool]]:
    done = run_triagedesk("doctor", "--json", TRIAGEDESK_DATA_DIR=str(up.data_dir))
    document = json.loads(done.stdout)
    checks = {check["name"]: check["ok"] for check in document["checks"]}
    assert document["ok"] is all(checks.values())
    return done.returncode, checks


def test_one_command_runs_everything_and_one_signal_ends_it(start_up: StartUp) -> None:
    up = start_up()
    assert up.is_ready, up.output
    assert re.search(r"Set-up token .*: \w{26}\n", up.output)

    assert stat.S_IMODE(up.data_dir.stat().st_mode) == 0o700
    for name in ("secret.key", "encryption.keys", "triagedesk.db"):
        assert stat.S_IMODE((up.data_dir / name).stat().st_mode) == 0o600
    assert requests.get(up.url, timeout=30).status_code < 500

    def is_well() -> bool:
        code, checks = doctor(up)
        return code == 0 and all(checks.values())

    assert wait_until(is_well, 20), doctor(up)
    assert {"configuration", "database", "redis", "worker", "scheduler"} <= doctor(up)[1].keys()

    second = run_triagedesk(
        "up", "--port", str(find_free_port()), TRIAGEDESK_DATA_DIR=str(up.data_dir)
    )
    assert second.returncode == 1
    assert "Another `triagedesk up` is using" in second.stderr

    family = up.family()
    for part in PARTS:
        assert up.part(part)
    before = time.monotonic()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    assert time.monotonic() - before < 20
    assert all_ended(family, 1)
    assert "Traceback" not in up.output
    assert doctor(up)[0] == 1  # nobody is alive


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children")
def test_what_is_killed_comes_back_and_nothing_outlives_a_killed_up(start_up: StartUp) -> None:
    up = start_up()
    assert up.is_ready, up.output
    assert wait_until(lambda: doctor(up)[0] == 0, 20)
    killed = [up.part(part) for part in PARTS]
    killed.append(next(c for c in up.family() if "valkey-server" in " ".join(c.cmdline())))
    for process in killed:
        process.kill()
    assert all_ended(killed, 5)

    def are_back() -> bool:
        children = psutil.Process(up.process.pid).children()
        return len(children) == len(killed) and not {child.pid for child in children} & {
            process.pid for process in killed
        }

    assert wait_until(are_back, 15)
    assert wait_until(lambda: doctor(up)[0] == 0, 20), doctor(up)
    assert requests.get(up.url, timeout=30).status_code < 500

    family = up.family()
    up.process.kill()
    up.process.wait()
    assert all_ended(family, 12)

    again = start_up()
    assert again.is_ready, again.output


def test_a_port_in_use_is_told_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        done = run_triagedesk("up", "--port", str(port), TRIAGEDESK_DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("valkey*"))


def open_as_admin(up: Up, password: str, path: str) -> str:
    """Sign in as the demo's admin and return a page."""
    with requests.Session() as browser:
        browser.headers["Sec-Fetch-Site"] = "same-origin"
        form = browser.get(f"{up.url}/sign-in", timeout=30).text
        [token] = re.findall(r'name="csrf_token" value="([^"]+)"', form)
        typed = {"email": "admin@example.com", "password": password, "csrf_token": token}
        browser.post(f"{up.url}/sign-in", data=typed, timeout=30).raise_for_status()
        answer = browser.get(f"{up.url}{path}", timeout=30, allow_redirects=False)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def test_demo_shows_tickets_soon(start_up: StartUp) -> None:
    # What is set for the real desk is of no consequence to the demo.
    up = start_up("--demo", TRIAGEDESK_DATABASE_URL="postgresql://nobody:x@127.0.0.1:1/none")
    assert up.is_ready, up.output
    assert up.says("helpdesk:")
    assert "Set-up token" not in up.output
    passwords = re.findall(r"(admin|helpdesk)@example\.com  password (\S{12,})", up.output)
    assert [name for name, _ in passwords] == ["admin", "helpdesk"]
    assert passwords[0][1] != passwords[1][1]

    def tickets(wanted: str = "id") -> int:
        with sqlite3.connect(up.folder / "demo" / "triagedesk.db") as database:
            return database.execute(f"SELECT count(DISTINCT {wanted}) FROM tickets").fetchone()[0]

    assert tickets("close_reason") == 2, "closed with a reason, and as a duplicate"
    assert wait_until(lambda: tickets() > 10, 45)
    assert not up.data_dir.exists()
    mails = mail_folder(up.folder / "demo") / "new"
    assert wait_until(lambda: mails.is_dir() and any(mails.iterdir()), MAIL_SECONDS), up.output
    page = open_as_admin(up, passwords[0][1], "/demo/mail")
    assert "Mails of the demo" in page
    assert "To soc@example.com" in page or "To admin@example.com" in page
    assert f"{up.url}/tickets" in page
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(60) == 0

    mark = up.folder / "demo" / "old"
    mark.touch()
    again = start_up("--demo")
    assert again.is_ready
    assert not mark.exists()  # anew each time


@pytest.mark.parametrize(
    ("words", "variables", "sentence"),
    [
        (["up", "--host", "0.0.0.0"], {}, "needs TRIAGEDESK_PUBLIC_URL to be an https address"),
        (["up", "--demo", "--host", "0.0.0.0"], {}, "The demo is for this machine only."),
        (["up"], {"TRIAGEDESK_EDITION": "gold"}, "TRIAGEDESK_EDITION is 'gold'."),
        (["up"], {"TRIAGEDESK_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d"}, "is not set"),
        (["web"], {}, "There is no data directory"),
        (["worker"], {}, "There is no data directory"),
        (["scheduler"], {}, "There is no data directory"),
    ],
)
def test_refusals_are_sentences(
    tmp_path: Path, words: list[str], variables: dict[str, str], sentence: str
) -> None:
    done = run_triagedesk(*words, **{"TRIAGEDESK_DATA_DIR": str(tmp_path / "none"), **variables})
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_demo_does_not_empty_a_directory_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    done = run_triagedesk("up", "--demo", TRIAGEDESK_DEMO_DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "was not made by the demo" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "precious"


class TestMigrate:
    def test_creates_everything_and_can_be_repeated(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        for _ in range(2):
            done = run_triagedesk("migrate", TRIAGEDESK_DATA_DIR=str(data))
            assert (done.returncode, done.stderr) == (0, "")
            assert "Set-up token" in done.stdout
        assert {"triagedesk.db", "secret.key", "encryption.keys"} <= set(os.listdir(data))

    def test_with_a_lost_key_everything_starts_and_says_so(self, tmp_path: Path) -> None:
        variables = {"TRIAGEDESK_DATA_DIR": str(tmp_path)}
        assert run_triagedesk("migrate", **variables).returncode == 0
        with sqlite3.connect(tmp_path / "triagedesk.db") as database:
            database.execute(
                "INSERT INTO connections"
                " (provider, name, base_url, account_id, created_at, api_key) VALUES"
                " ('huntress', 'x', '', '1', '2026-01-01', 'written with another key')"
            )
        (tmp_path / "encryption.keys").write_text(generate_key())
        done = run_triagedesk("migrate", **variables)
        assert done.returncode == 0
        assert "The configured keys cannot decrypt connections.api_key." in done.stderr
        assert "Traceback" not in done.stderr
        words = ("-m", "webapp", "web", "--port", str(find_free_port()))
        web = Command(words, tmp_path / "log", clean_environment(**variables))
        try:
            assert web.says("Serving on"), web.output
            assert "The configured keys cannot decrypt connections.api_key." in web.output
        finally:
            web.close()

    def test_a_deleted_key_is_not_replaced(self, tmp_path: Path) -> None:
        variables = {"TRIAGEDESK_DATA_DIR": str(tmp_path)}
        run_triagedesk("migrate", **variables)
        (tmp_path / "encryption.keys").unlink()
        done = run_triagedesk("up", **variables)
        assert done.returncode == 1
        assert "TRIAGEDESK_ENCRYPTION_KEYS is not set" in done.stderr
        assert not (tmp_path / "encryption.keys").exists()

    def test_a_database_that_cannot_be_used_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "triagedesk.db").write_text("this is no database, but it is long enough" * 99)
        done = run_triagedesk(
            "migrate",
            TRIAGEDESK_DATA_DIR=str(tmp_path),
            TRIAGEDESK_SECRET_KEY="s" * 32,
            TRIAGEDESK_ENCRYPTION_KEYS=generate_key(),
        )
        assert done.returncode == 1
        assert "The database cannot be used" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_missing_installation_is_one_document_of_any_command(tmp_path: Path) -> None:
    done = run_triagedesk("tickets", "--json", TRIAGEDESK_DATA_DIR=str(tmp_path / "none"))
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["success"] is False
    assert "no data directory" in document["error"]
    assert "no data directory" in done.stderr


class TestDoctor:
    def test_a_missing_installation_is_one_document(self, tmp_path: Path) -> None:
        done = run_triagedesk("doctor", "--json", TRIAGEDESK_DATA_DIR=str(tmp_path / "none"))
        assert done.returncode == 1
        [check] = json.loads(done.stdout)["checks"]
        assert check["name"] == "configuration"
        assert "no data directory" in check["detail"]
        assert not (tmp_path / "none").exists()

    def test_words_for_people(self, tmp_path: Path) -> None:
        run_triagedesk("migrate", TRIAGEDESK_DATA_DIR=str(tmp_path))
        tmp_path.chmod(0o755)
        done = run_triagedesk("doctor", TRIAGEDESK_DATA_DIR=str(tmp_path))
        assert done.returncode == 1
        assert "ok    database: reachable" in done.stdout
        assert "FAIL  redis: It cannot be used: " in done.stdout
        assert f"FAIL  data directory: Other users can look into {tmp_path}." in done.stdout
        assert f"chmod 700 {tmp_path}" in done.stdout


def test_help_needs_no_installation(tmp_path: Path) -> None:
    for words in (["--help"], ["doctor", "--help"], ["connection", "--help"]):
        done = run_triagedesk(*words, TRIAGEDESK_DATA_DIR=str(tmp_path / "none"))
        assert (done.returncode, done.stderr) == (0, "")
        assert "Usage: triagedesk" in done.stdout
