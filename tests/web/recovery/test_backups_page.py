"""The page of backups: what is scheduled and there, one at once, going on after a restore."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, all_rows, change
from tests.web.pages import Browser
from webapp import task_queue
from webapp.config import BackupSettings, Config
from webapp.domain.recovery.keep import KeepRule
from webapp.models import AuditEvent, Backup, OutboxRow, Restore, UserSession

SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def config(config: Config, tmp_path: Path) -> Config:
    settings = BackupSettings(
        directory=tmp_path / "<backups>", passphrase="x" * 20, keep=KeepRule(7, 0, 0)
    )
    return replace(config, backups=settings)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A worker is running; the names of the jobs that are enqueued."""
    jobs: list[str] = []
    ready = task_queue.QueueStatus(True, has_worker=True)
    monkeypatch.setattr(task_queue, "read_queue_status", lambda: ready)
    monkeypatch.setattr(task_queue, "enqueue", lambda name, **_: not jobs.append(name))
    return jobs


def a_backup(app: Flask, config: Config, clock: FakeClock, **values: object) -> None:
    now = clock.now()
    with app.app_context():
        add(
            Backup(
                **{
                    "trigger": "schedule",
                    "state": "completed",
                    "place": config.backups.places[0],
                    "file_name": "triagedesk-20261103T020000Z-abcdef.tar.gz.age",
                    "started_at": now - timedelta(hours=5),
                    "finished_at": now - timedelta(hours=5),
                    "verified_at": now - timedelta(hours=5),
                    "size": 3_500_000,
                    **values,
                }
            )
        )


def test_what_is_scheduled_and_what_is_there(
    app: Flask, config: Config, admin: Browser, fake_clock: FakeClock
) -> None:
    page = admin.get("/backups")
    assert "There is no backup here yet." in page.text
    assert "Daily at 02:00 UTC" in page.text
    assert "Kept are 7 daily." in page.text
    a_backup(app, config, fake_clock)
    a_backup(app, config, fake_clock, removed_at=fake_clock.now())
    page = admin.get("/backups")
    assert "3.3 MB" in page.text
    assert "<backups>" in page.text
    assert "Deleted, as kept no longer" in page.text
    a_backup(
        app,
        config,
        fake_clock,
        state="failed",
        verified_at=None,
        started_at=fake_clock.now(),
        error="The disk <b>is</b> full.",
    )
    a_backup(app, config, fake_clock, state="running", verified_at=None, beat_at=fake_clock.now())
    page = admin.get("/backups")
    assert page.text.count("The disk <b>is</b> full.") == 2
    assert "Being made" in page.text
    health = admin.get("/health").text
    assert "The last one failed: The disk <b>is</b> full. The newest one is" in health
    fake_clock.advance(days=2)
    assert "Overdue" not in admin.get("/backups").text, "the failure says more"


def test_one_at_once(app: Flask, admin: Browser, jobs: list[str], sign_in: SignIn) -> None:
    response = admin.post("/backups", on="/backups")
    assert (response.status_code, response.location) == (303, "/backups")
    assert jobs == ["backup"]
    assert "The backup has begun" in admin.get("/backups").text
    with app.app_context():
        [event] = all_rows(AuditEvent, AuditEvent.action == "backup.requested")
        assert event.actor_id is not None
    assert sign_in(HELPDESK).client.get("/backups").status_code == 403


def test_without_a_worker_it_says_what_to_do(admin: Browser) -> None:
    admin.post("/backups", on="/backups")
    assert "No worker is running, so nothing was started." in admin.get("/backups").text


def test_whoever_has_been_away_is_asked_again(
    app: Flask, desk: Desk, sign_in: SignIn, jobs: list[str], fake_clock: FakeClock
) -> None:
    admin = sign_in(ADMIN)
    with app.app_context():
        for session in all_rows(UserSession):
            change(UserSession, session.id, present_at=fake_clock.now() - timedelta(hours=1))
    for path in ("/backups", "/backups/release"):
        assert admin.send(path, {}).status_code == 403
    assert jobs == []


def test_without_a_place_it_says_how(app: Flask, config: Config, admin: Browser) -> None:
    app.extensions["triagedesk_config"] = replace(config, backups=BackupSettings())
    page = admin.get("/backups")
    assert "No backup is made by itself" in page.text
    assert not [one for one in page.all("form") if one.get("action") == "/backups"]


def restored(app: Flask, clock: FakeClock) -> None:
    now = clock.now()
    with app.app_context():
        add(
            Restore(
                taken_at=now - timedelta(hours=9), restored_at=now, file_name="<desk>.tar.gz.age"
            )
        )
        add(
            OutboxRow(
                key="a",
                target_name="hook",
                event="ticket.created",
                facts={},
                created_at=now - timedelta(hours=10),
                due_at=now,
                next_try_at=now,
            )
        )


def test_after_a_restore_every_page_says_so_until_somebody_releases_it(
    app: Flask, admin: Browser, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    restored(app, fake_clock)
    helpdesk = sign_in(HELPDESK)
    for path in ("/", "/tickets", "/preferences"):
        assert "Messages are held, and polling is paused" in admin.get(path).text
        assert "tell an admin" in helpdesk.get(path).text
    page = admin.get("/backups")
    assert "restored on" in page.text
    assert "1 message." in page.text
    response = admin.post("/backups/release", on="/backups")
    assert (response.status_code, response.location) == (303, "/backups")
    page = admin.get("/backups")
    assert "Messages go out again; 1 that waited in the backup were dropped." in page.text
    assert "Messages are held" not in page.text
    with app.app_context():
        assert [row.state for row in all_rows(OutboxRow)] == ["dropped"]
        [restore] = all_rows(Restore)
        assert restore.released_by_id is not None
    admin.send("/backups/release", {})
    assert "there is nothing to release" in admin.get("/backups").text


def test_what_waited_is_sent_if_somebody_says_so(
    app: Flask, admin: Browser, fake_clock: FakeClock
) -> None:
    restored(app, fake_clock)
    admin.post("/backups/release", {"send_waiting": "yes"}, on="/backups")
    with app.app_context():
        assert [row.state for row in all_rows(OutboxRow)] == ["pending"]
