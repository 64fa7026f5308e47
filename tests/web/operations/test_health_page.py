"""Health: for admins with what to do, for load balancers without details."""

import shutil
import time
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.support.receivers.notices_data import add_policy, add_target
from tests.support.rows import add
from tests.web.pages import Browser, Page, words_of
from webapp.config import BackupSettings
from webapp.domain.notices.target_kinds import Kind
from webapp.extensions import db
from webapp.models import Alarm, Backup
from webapp.services.operations import read_health
from webapp.services.operations.read_health import check_disk
from webapp.services.watch.other_watchers import record_heartbeat, record_round
from webapp.task_queue import QueueStatus

SignIn = Callable[[tuple[str, str]], Browser]
Usage = namedtuple("Usage", "total used free")
GIGABYTE = 1024**3


@pytest.fixture
def queue_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    status = QueueStatus(True, has_worker=True, has_scheduler=True)
    monkeypatch.setattr(read_health, "read_queue_status", lambda: status)


@pytest.fixture(autouse=True)
def watched(app: Flask, fake_clock: FakeClock) -> None:
    """A watcher of this machine has just completed a round."""
    with app.app_context():
        record_round(fake_clock.now(), fake_clock.now())


def checks(page: Page) -> list[str]:
    return [words_of(item) for item in page.all("li", class_="check")]


def add_backup(app: Flask, clock: FakeClock) -> None:
    """Backups are scheduled, and there is one of this morning."""
    at = clock.now() - timedelta(hours=5)
    config = app.extensions["triagedesk_config"]
    settings = BackupSettings(directory=Path("/mnt/backups"), passphrase="x" * 20)
    app.extensions["triagedesk_config"] = replace(config, backups=settings)
    add(
        Backup(
            trigger="schedule",
            state="completed",
            place="/mnt/backups",
            file_name="x",
            started_at=at,
            verified_at=at,
            size=2048,
        )
    )


def test_all_is_well(app: Flask, admin: Browser, queue_is_up: None, fake_clock: FakeClock) -> None:
    assert "Nothing is wrong." in admin.get("/health").text, "messages are not in use"
    with app.app_context():
        add_policy("all", [(0, [add_target("hook", Kind.WEBHOOK)])])
        add_backup(app, fake_clock)
    page = admin.get("/health")
    found = checks(page)
    assert f"Everything works. {len(found)} checks passed." in page.text
    assert "Database works Reachable, at migration" in found[0]
    names = [one.split(" works")[0] for one in found]
    assert names == [
        "Database",
        "Encryption keys",
        *names[2:-15],
        "Redis",
        "Worker",
        "Scheduler",
        "Clock",
        "Connection 1 (Tallow & Reed Managed IT)",
        "Notifications",
        "Audit log",
        "Sign-ins",
        "Watcher",
        "Alarms",
        "Backups in /mnt/backups",
        "Keys",
        "Addresses",
        "Connections between machines",
        "Disk",
    ]
    assert "The newest one is 5 h old and 2 KB large." in page.text
    assert not page.all("div", role="alert")
    assert checks(admin.get("/health")) == found, "what is looked at rarely is told all the same"


def test_without_redis_it_answers_within_seconds_and_says_what_to_do(admin: Browser) -> None:
    began = time.monotonic()
    page = admin.get("/health")
    assert time.monotonic() - began < 10
    assert "One thing needs attention. Redis." in page.text
    first = checks(page)[0]
    assert first.startswith("Redis needs attention It cannot be used: Error")
    assert "What to do: Check that Redis runs, and TRIAGEDESK_REDIS_URL." in first
    assert "triagedesk up" in [words_of(one) for one in page.all("code")]


def test_without_a_worker(admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        read_health, "read_queue_status", lambda: QueueStatus(True, has_scheduler=True)
    )
    assert "Worker needs attention" in checks(admin.get("/health"))[0]


def test_what_is_wrong_stands_first(
    app: Flask, admin: Browser, queue_is_up: None, fake_clock: FakeClock
) -> None:
    attack = "<b>bold</b> `rm -rf`"
    with app.app_context():
        desk_data.add_connection(
            fake_clock.now(), name=attack, account_id=5, last_error=attack, board_id=None
        )
    page = admin.get("/health")
    first = checks(page)[0]
    assert first.startswith("Connection 2 (<b>bold</b> `rm -rf`) needs attention")
    assert "Last poll failed: <b>bold</b> `rm -rf`" in first
    assert "See Integrations → Huntress" in first
    assert not page.all("b")


@pytest.mark.parametrize(
    ("total", "free", "is_ok", "words"),
    [
        (100, 50, True, "50.0 GB of 100.0 GB free"),
        (100, 4.9, False, "Almost full: 4.9 GB of 100.0 GB free."),
        (2000, 199, False, "Almost full: 199.0 GB of 2.0 TB free."),
        (4, 0.3, False, "Almost full: 307.2 MB of 4.0 GB free."),
        (100, 10, True, "10.0 GB of 100.0 GB free"),
        (4, 0.6, True, "614.4 MB of 4.0 GB free"),
    ],
)
def test_the_disk(
    monkeypatch: pytest.MonkeyPatch, total: float, free: float, is_ok: bool, words: str
) -> None:
    usage = Usage(total * GIGABYTE, 0, free * GIGABYTE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    check = check_disk(Path("/data"))
    assert (check.is_ok, check.detail) == (is_ok, words)
    assert bool(check.hint) is not is_ok


def test_an_alarm_is_told_with_what_to_do(
    app: Flask, admin: Browser, queue_is_up: None, fake_clock: FakeClock
) -> None:
    with app.app_context():
        add(
            Alarm(
                kind="proof-unexplained",
                subject="connection:1",
                sentence="Acme <b>: the daily proof found 2 incidents without a ticket.",
                began_at=fake_clock.now(),
            )
        )
    first = checks(admin.get("/health"))[0]
    assert first.startswith("Alarm proof-unexplained needs attention Acme <b>: the daily proof")
    assert "Since 2026-06-09 12:00 UTC." in first
    assert "What to do: They were put into the inbox" in first


def test_a_watcher_that_fell_silent_is_told(
    admin: Browser, queue_is_up: None, fake_clock: FakeClock
) -> None:
    fake_clock.advance(seconds=61)
    assert "Watcher needs attention" in " ".join(checks(admin.get("/health")))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "Heartbeat is not in use Not called yet."),
        ("200 OK", "Heartbeat works The outside service answered 200 OK."),
        (
            "not reached (no answer in time)",
            "Heartbeat needs attention The outside service was",
        ),
        ("not called: Acme is late.", "What to do: It beats again once this is over."),
    ],
)
def test_what_became_of_the_outside_heartbeat(
    app: Flask, admin: Browser, fake_clock: FakeClock, answer: str | None, words: str
) -> None:
    config = replace(app.extensions["triagedesk_config"], heartbeat_url="https://hc-ping.com/x")
    app.extensions["triagedesk_config"] = config
    with app.app_context():
        if answer:
            record_heartbeat(answer, fake_clock.now())
    found = " ".join(checks(admin.get("/health")))
    assert words in found
    assert "hc-ping" not in found


def test_a_folder_that_is_not_needed(tmp_path: Path) -> None:
    assert check_disk(tmp_path / "nowhere").is_ok


def test_helpdesk_do_not_see_it(sign_in: SignIn, desk: Desk) -> None:
    assert sign_in(HELPDESK).client.get("/health").status_code == 403
    assert "Health" not in words_of(sign_in(HELPDESK).get("/").one("nav", aria_label="Main"))
    assert "Health" in words_of(sign_in(ADMIN).get("/").one("nav", aria_label="Main"))


def test_load_balancers_get_an_answer_without_signing_in(visitor: Browser) -> None:
    response = visitor.client.get("/healthz")
    assert (response.status_code, response.text, response.mimetype) == (200, "ok", "text/plain")
    assert "Set-Cookie" not in response.headers
    assert visitor.client.head("/healthz").status_code == 200
    assert visitor.client.post("/healthz").status_code in (400, 405)


def test_load_balancers_are_told_when_the_database_is_gone(app: Flask, visitor: Browser) -> None:
    with app.app_context():
        db.engine.dispose()
        path = Path(str(db.engine.url.database))
    path.rename(path.with_suffix(".away"))
    path.mkdir()
    response = visitor.client.get("/healthz")
    assert (response.status_code, response.text) == (503, "unavailable")
