"""A backup under load, restored on an empty machine, and the polls after it: counts are exact."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import add_bulk, report, ticketed_ids
from tests.support.recovery.places import RestorePlace, back_up, given_keys, left_overs
from webapp import clock
from webapp.config import Config
from webapp.config.env import SourceKind, ValueSource
from webapp.crypto import generate_key
from webapp.models import (
    Alert,
    AuditEvent,
    Connection,
    PasswordLink,
    PollRun,
    Restore,
    Ticket,
    UserSession,
)
from webapp.services.people.users import add_user
from webapp.services.polling.manage_polling import resume_polling
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.recovery import write_backup
from webapp.services.recovery.scratch import BackupError
from webapp.services.transactions import reading, transaction

PASSWORD = "a password that is long enough"


def elsewhere(desk: Desk) -> Desk:
    """The same desk, seen in the restored database."""
    other = Desk.__new__(Desk)
    other.__dict__.update(desk.__dict__)
    return other


@both_databases
def test_the_polls_after_a_restore_bring_what_the_backup_lacks_and_nothing_twice(
    desk: Desk, config: Config, place: RestorePlace, tmp_path: Path
) -> None:
    now = desk.clock.now()
    add_bulk(desk.account, 30, now - timedelta(hours=1), first_id=1)
    desk.poll()
    made = back_up(config, tmp_path / "desk.age")
    add_bulk(desk.account, 12, desk.clock.now() + timedelta(minutes=4), first_id=101)
    with desk.account.lock:  # one of the backup is closed meanwhile
        row = desk.account.incident_rows[3]
        row.update(status="closed", updated_at=desk.account.incident_rows[101]["updated_at"])
    desk.poll(minutes=6)
    assert len(ticketed_ids(desk)) == 42
    desk.clock.advance(hours=9)

    restored = place.restore(tmp_path / "desk.age")

    assert restored.manifest == made.manifest
    assert restored.rows == made.manifest.rows
    assert left_overs(place.data_dir) == []
    with place.opened(desk.simulator.base_url):
        after = elsewhere(desk)
        assert len(ticketed_ids(after)) == 30
        assert poll_connection(desk.connection_id, trigger="command").skip_reason == "paused"
        resume_polling(desk.connection_id)
        outcome = after.poll()
        assert outcome.run is not None
        assert (outcome.run.created, outcome.run.is_sweep) == (12, True)
        assert after.poll().run.created == 0  # type: ignore[union-attr]
        everybody = [str(one) for one in (*range(1, 31), *range(101, 113))]
        assert ticketed_ids(after) == sorted(everybody)
        assert after.alert(3).parsed_status == "closed"  # type: ignore[union-attr]
        with reading() as session:
            numbers = list(session.scalars(select(Ticket.number)))
            assert session.scalar(select(func.count()).select_from(Alert)) == 42
        assert len(set(numbers)) == 42
        new = after.ticket(101)
        assert new is not None
        assert new.number >= "TKT-101001"
        [_, note] = after.notes(101)
        assert "an earlier number. Look there for incident 101." in note
        assert len(after.notes(1)) == 1


@both_databases
def test_what_was_at_work_has_ended_and_nobody_is_signed_in(
    app: Flask, desk: Desk, config: Config, place: RestorePlace, tmp_path: Path
) -> None:
    now = desk.clock.now()
    user = add_user(email="ada@example.com", name="Ada", role="admin", password=PASSWORD)
    with transaction() as session:
        session.add_all(
            [
                UserSession(
                    token_hash="a" * 64,
                    user_id=user.id,
                    created_at=now,
                    expires_at=now + timedelta(days=14),
                ),
                PasswordLink(
                    token_hash="b" * 64,
                    user_id=user.id,
                    purpose="reset",
                    created_at=now,
                    expires_at=now + timedelta(days=1),
                ),
                PollRun(
                    connection_id=desk.connection_id,
                    lease_token="c" * 32,
                    trigger="schedule",
                    state="running",
                    started_at=now,
                    updated_at=now,
                ),
            ]
        )
    desk.set(
        lease_token="c" * 32,
        lease_holder="gone|x/y|1|2",
        lease_expires_at=now + timedelta(hours=5),
        paused_at=now,
        pause_reason="Maintenance",
        paused_until=now + timedelta(hours=1),
    )
    back_up(config, tmp_path / "desk.age")
    desk.clock.advance(minutes=30)
    place.restore(tmp_path / "desk.age")
    with place.opened(), reading() as session:
        connection = session.get_one(Connection, desk.connection_id)
        assert (connection.lease_token, connection.lease_holder) == (None, None)
        assert connection.is_walk_cut_off
        assert connection.paused_until is None
        assert connection.pause_reason == (
            f"Restored from {now:%A %H:%M} UTC ({now.day} {now:%B %Y}): look, then resume."
            " It was paused before: Maintenance"
        )
        assert session.scalars(select(PollRun.state)).one() == "interrupted"
        assert session.scalars(select(UserSession)).one().revoked_at is not None
        assert session.scalars(select(PasswordLink)).one().expires_at <= clock.utcnow()
        assert session.scalars(select(Restore)).one().released_at is None
        event = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "backup.restored")
        ).one()
        assert event.after is not None
        assert event.after["last_number"] == 100_000


@both_databases
def test_a_place_that_is_not_empty_is_left_as_it_is(
    desk: Desk, config: Config, place: RestorePlace, tmp_path: Path
) -> None:
    back_up(config, tmp_path / "desk.age")
    place.restore(tmp_path / "desk.age")
    with place.opened(), transaction() as session:
        session.execute(update(Connection).values(name="Mine"))
    with pytest.raises(BackupError, match="empty"):
        place.restore(tmp_path / "desk.age")
    with place.opened(), reading() as session:
        assert session.scalars(select(Connection.name)).one() == "Mine"


@both_databases
def test_keys_come_with_the_backup_and_those_that_differ_are_refused(
    desk: Desk, config: Config, place: RestorePlace, tmp_path: Path
) -> None:
    back_up(config, tmp_path / "desk.age")
    place.keys = {**given_keys(), "TRIAGEDESK_ENCRYPTION_KEYS": "A" * 43 + "="}
    with pytest.raises(BackupError, match="lacks keys that the backup needs"):
        place.restore(tmp_path / "desk.age")
    assert place.is_untouched
    place.keys = {"TRIAGEDESK_SECRET_KEY": "another secret, and one that is long enough"}
    [note] = place.restore(tmp_path / "desk.age").notes
    assert "TRIAGEDESK_SECRET_KEY is not that of the backup" in note
    key_file = place.data_dir / "encryption.keys"
    assert key_file.read_text().split() == list(config.encryption_keys)
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert not (place.data_dir / "secret.key").exists()
    with place.opened(), reading() as session:
        assert session.scalars(select(Connection)).one().api_key == "hk_test"


def test_given_keys_need_no_files(
    desk: Desk, config: Config, place: RestorePlace, tmp_path: Path
) -> None:
    back_up(config, tmp_path / "desk.age")
    place.keys = given_keys()
    assert place.restore(tmp_path / "desk.age").notes == ()
    assert [one.name for one in place.data_dir.iterdir()] == ["triagedesk.db"]


def test_a_connection_whose_polls_began_after_the_backup_may_have_had_tickets_as_well(
    desk: Desk, config: Config, place: RestorePlace, tmp_path: Path
) -> None:
    desk.set(polling_started_at=None)
    back_up(config, tmp_path / "desk.age")
    desk.clock.advance(hours=1)
    place.restore(tmp_path / "desk.age")
    with place.opened(desk.simulator.base_url):
        after = elsewhere(desk)
        after.set(polling_started_at=desk.clock.now())
        with desk.account.lock:
            desk.account.incident_rows[1] = report(1, desk.clock.now() - timedelta(minutes=30))
        after.poll()
        [_, note] = after.notes(1)
        assert "Look there for incident 1." in note


def test_tickets_of_connections_and_incidents_after_the_restore_have_no_note(
    desk: Desk, config: Config, place: RestorePlace, tmp_path: Path
) -> None:
    back_up(config, tmp_path / "desk.age")
    desk.clock.advance(hours=1)
    place.restore(tmp_path / "desk.age")
    with place.opened(desk.simulator.base_url):
        after = elsewhere(desk)
        resume_polling(desk.connection_id)
        desk.clock.advance(hours=1)
        at = desk.clock.now()
        with desk.account.lock:
            desk.account.incident_rows[1] = report(1, at)
        after.poll()
        assert len(after.notes(1)) == 1
        after.set(created_at=at)
        with desk.account.lock:
            desk.account.incident_rows[2] = report(2, at - timedelta(days=1), updated_at=None)
        after.poll()
        assert len(after.notes(2)) == 1


def test_a_backup_by_a_part_without_the_secret_key(
    desk: Desk, config: Config, place: RestorePlace, tmp_path: Path
) -> None:
    back_up(replace(config, secret_key=""), tmp_path / "desk.age")
    [note] = place.restore(tmp_path / "desk.age").notes
    assert "a new one was made" in note
    assert len((place.data_dir / "secret.key").read_text().strip()) > 32
    (config.data_dir / "secret.key").write_text("the key of cookies, which has a file\n")
    back_up(replace(config, secret_key=""), tmp_path / "with.age")
    other = RestorePlace(tmp_path / "third")
    other.data_dir.mkdir()
    assert other.restore(tmp_path / "with.age").notes == ()
    assert "which has a file" in (other.data_dir / "secret.key").read_text()


def test_keys_that_came_and_went_while_the_database_was_copied(
    desk: Desk,
    config: Config,
    place: RestorePlace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "encryption.keys"
    [old], new = config.encryption_keys, generate_key()
    file.write_text(f"{old}\n")
    take = write_backup.take_snapshot

    def rotating(*arguments: object) -> object:
        snapshot = take(*arguments)  # type: ignore[arg-type]
        file.write_text(f"{new}\n")
        return snapshot

    monkeypatch.setattr(write_backup, "take_snapshot", rotating)
    source = ValueSource(SourceKind.DATA_DIR, file)
    back_up(replace(config, encryption_source=source), tmp_path / "desk.age")
    place.restore(tmp_path / "desk.age")
    assert (place.data_dir / "encryption.keys").read_text().split() == [new, old]
    with place.opened(), reading() as session:
        assert session.scalars(select(Connection)).one().api_key == "hk_test"
