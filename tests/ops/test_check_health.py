from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from tests.support.databases import both_databases
from tests.support.fake_clock import START
from tests.support.rows import add, fresh
from webapp import clock
from webapp.config import Config, ConfigError
from webapp.crypto import UnreadableText, cipher, generate_key
from webapp.domain.polling_health import Tone
from webapp.extensions import db
from webapp.models import Connection, InboxRow
from webapp.schema import migrations_dir
from webapp.services.operations.check_encryption import warn_of_unreadable_secrets
from webapp.services.operations.check_health import (
    Check,
    check_clock,
    check_connections,
    check_database,
    check_queue,
    describe_checks,
    refuse_newer_database,
    require_database,
)
from webapp.services.schedule.judge_polling import judge_connections
from webapp.services.transactions import transaction
from webapp.task_queue import PartStatus, QueueStatus

pytestmark = pytest.mark.usefixtures("app", "fake_clock")

MINUTE = timedelta(minutes=1)
ROUTED = {
    **{"board_id": 1, "fallback_board_id": 2, "fallback_client_id": 1},
    **{"critical_priority_id": 1, "high_priority_id": 2, "low_priority_id": 4},
}


def connect(**values: object) -> Connection:
    started = {"polling_started_at": START - timedelta(days=1), "last_poll_started_at": START}
    fixed = {"name": "Tallow", "base_url": "", "account_id": "1", "created_at": START}
    fixed |= {"api_key": "key", "api_secret": "secret", "last_success_at": START - MINUTE}
    return add(Connection(**{**fixed, **started, **ROUTED, **values}))


def the_check() -> Check:
    [check] = check_connections(judge_connections(), START)
    return check


def test_clocks_that_differ_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(huntress_skew_seconds=-30)
    assert check_clock(judge_connections()).is_ok
    connect(account_id="2", name="Reed", huntress_skew_seconds=-31)
    monkeypatch.setattr(clock.shared, "skew", lambda: timedelta(minutes=10))
    check = check_clock(judge_connections())
    assert not check.is_ok
    assert check.detail == (
        "This machine's clock is 10 min ahead of the database's."
        " The time here is 31 s behind Huntress's (connection Reed)."
    )
    assert check.hint.startswith("Set this machine's clock by NTP")


def add_inbox(connection: Connection, **values: object) -> None:
    fixed = {
        "external_key": "7",
        "payload": "{}",
        "content_hash": "",
        "fetched_at": START,
        "first_fetched_at": START,
    }
    add(InboxRow(connection_id=connection.id, **{**fixed, **values}))


class TestConnections:
    def test_one_that_is_polled_is_well(self) -> None:
        connect()
        assert the_check().kind is Tone.GOOD
        assert the_check().detail == "The last poll succeeded."
        assert "Tallow" in the_check().name

    @pytest.mark.parametrize(
        ("values", "detail", "kind"),
        [
            ({"disconnected_at": START, "last_error": "old"}, "Disconnected since", "deliberate"),
            (
                {"disconnected_at": START, "disconnect_acknowledged_at": START},
                "Disconnected since",
                "neutral",
            ),
            (
                {"paused_at": START, "last_poll_started_at": START - 99 * MINUTE},
                "Paused since Tuesday 12:00 UTC. Nothing has been looked at since.",
                "deliberate",
            ),
            ({"polling_started_at": None}, "Polling has not been started yet.", "neutral"),
            ({"board_id": None}, "Polling is paused until the routing is complete", "deliberate"),
        ],
    )
    def test_what_is_stopped_is_neither_wrong_nor_well(
        self, values: dict[str, object], detail: str, kind: str
    ) -> None:
        connect(**values)
        assert (the_check().is_ok, the_check().kind) == (True, kind)
        assert the_check().detail.startswith(detail)

    def test_a_pause_does_not_hide_what_is_in_quarantine(self) -> None:
        add_inbox(connect(paused_at=START), quarantined_at=START)
        assert not the_check().is_ok
        assert the_check().detail.endswith("since. 1 incident is in quarantine.")

    def test_a_failed_poll_is_told(self) -> None:
        connect(last_error="Huntress refused the key.")
        assert not the_check().is_ok
        assert the_check().detail == "Last poll failed: Huntress refused the key."
        assert the_check().hint

    @pytest.mark.parametrize(("minutes", "is_ok"), [(10, True), (11, False)])
    def test_a_poll_is_overdue_an_interval_after_its_time(self, minutes: int, is_ok: bool) -> None:
        begun = START - minutes * MINUTE
        connect(poll_interval_minutes=5, last_poll_started_at=begun, last_success_at=begun)
        assert the_check().is_ok is is_ok

    def test_the_first_poll_may_be_overdue_too(self) -> None:
        connect(last_poll_started_at=None, last_success_at=None)
        assert the_check().detail.startswith("A poll has been due since Monday 12:00 UTC")

    def test_a_long_poll_that_goes_on_is_not_overdue(self) -> None:
        lease = {"lease_token": "a" * 32, "lease_expires_at": START + MINUTE}
        connect(last_poll_started_at=START - 500 * MINUTE, **lease)
        assert the_check().is_ok

    def test_quarantined_incidents_are_counted(self) -> None:
        connection = connect()
        add_inbox(connection, external_key="1", quarantined_at=START)
        add_inbox(connection, external_key="2", quarantined_at=START)
        add_inbox(connection, external_key="3", quarantined_at=START, dismissed_at=START)
        assert the_check().detail == "2 incidents are in quarantine."

    def test_an_incident_that_waits_for_long_is_told(self) -> None:
        connection = connect()
        add_inbox(connection, external_key="1", first_fetched_at=START - 61 * MINUTE)
        add_inbox(connection, external_key="2", first_fetched_at=START)
        assert the_check().detail == "A report has been waiting to become a ticket for 61 minutes."

    @pytest.mark.parametrize("values", [{"paused_at": START}, {"low_priority_id": None}])
    def test_what_waits_while_polling_is_paused_is_no_problem(
        self, values: dict[str, object]
    ) -> None:
        add_inbox(connect(**values), first_fetched_at=START - 61 * MINUTE)
        assert the_check().is_ok

    def test_other_connections_incidents_do_not_count(self) -> None:
        sick = connect(account_id="2", name="A sick one")
        connect()
        add_inbox(sick, quarantined_at=START)
        checks = check_connections(judge_connections(), START)
        assert [check.is_ok for check in checks] == [False, True]


class TestDatabase:
    @both_databases
    def test_one_at_head_is_well(self) -> None:
        checks = check_database(migrations_dir())
        assert [check.name for check in checks] == ["database", "encryption keys"]
        assert all(check.is_ok for check in checks)

    def test_one_that_is_not_migrated_is_told(self, app: Flask) -> None:
        with transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        [check] = check_database(migrations_dir())
        assert not check.is_ok
        assert "0001" in check.detail
        assert check.hint == "Run `triagedesk migrate`."
        refuse_newer_database(migrations_dir())

    def test_a_process_does_not_start_on_one_that_is_not_migrated(self, app: Flask) -> None:
        require_database(migrations_dir())
        with transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        with pytest.raises(ConfigError, match=r"not ready\. It is at migration 0001") as caught:
            require_database(migrations_dir())
        assert "triagedesk migrate" in caught.value.hint

    def test_one_of_a_newer_version_is_told_and_not_to_be_migrated(self, app: Flask) -> None:
        with transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        [check] = check_database(migrations_dir())
        assert "migrate" not in check.hint
        assert "newer version" in check.hint
        with pytest.raises(ConfigError, match="9999"):
            refuse_newer_database(migrations_dir())

    def test_an_empty_one_is_told(self, app: Flask) -> None:
        with transaction() as session:
            session.execute(text("DROP TABLE alembic_version"))
        [check] = check_database(migrations_dir())
        assert check.detail.startswith("It is at migration none")

    def test_one_that_cannot_be_opened_is_told(self, app: Flask, config: Config) -> None:
        path = Path(config.database_url.removeprefix("sqlite:///"))
        db.engine.dispose()
        path.unlink()
        path.mkdir()
        [check] = check_database(migrations_dir())
        assert not check.is_ok
        assert check.detail == "It cannot be used: unable to open database file"
        with pytest.raises(ConfigError, match="unable to open database file"):
            require_database(migrations_dir())


class TestSecrets:
    @pytest.fixture
    def lose_key(self, config: Config) -> Callable[[], None]:
        def lose() -> None:
            cipher.configure([generate_key()])

        return lose

    @both_databases
    def test_a_key_that_fits_is_well(
        self, config: Config, caplog: pytest.LogCaptureFixture
    ) -> None:
        connect()
        cipher.configure([generate_key(), *config.encryption_keys])
        warn_of_unreadable_secrets()
        assert not caplog.messages

    @both_databases
    def test_a_lost_key_is_one_warning_and_rows_can_still_be_loaded(
        self, lose_key: Callable[[], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        connection = connect()
        lose_key()
        warn_of_unreadable_secrets()
        [message] = caplog.messages
        assert "connections.api_key, connections.api_secret" in message
        assert "enter the affected credentials again" in message
        assert "targets and the mail server under Notifications" in message
        assert isinstance(fresh(Connection, connection.id).api_key, UnreadableText)

    def test_a_lost_key_is_told(self, lose_key: Callable[[], None]) -> None:
        connect()
        lose_key()
        check = check_database(migrations_dir())[-1]
        assert not check.is_ok
        assert "connections.api_key" in check.detail

    def test_without_secrets_any_key_will_do(
        self, lose_key: Callable[[], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        connect(api_key=None, api_secret=None)
        lose_key()
        warn_of_unreadable_secrets()
        assert not caplog.messages


class TestQueue:
    def test_all_alive(self) -> None:
        checks = check_queue(QueueStatus(True, has_worker=True, has_scheduler=True))
        assert [(check.name, check.is_ok) for check in checks] == [
            ("redis", True),
            ("worker", True),
            ("scheduler", True),
        ]

    def test_nobody_alive(self) -> None:
        checks = check_queue(QueueStatus(True))
        assert [check.is_ok for check in checks] == [True, False, False]
        assert "`triagedesk worker`" in checks[1].hint

    def test_a_dead_machine_of_two_is_named(self) -> None:
        parts = (PartStatus("worker", "host-a", 2), PartStatus("worker", "host-b", 240))
        status = QueueStatus(True, has_worker=True, has_scheduler=True, parts=parts)
        ill = [check for check in check_queue(status) if not check.is_ok]
        assert [(check.name, check.detail) for check in ill] == [
            ("worker on host-b", "It has not reported for 4 minutes.")
        ]
        assert ill[0].hint.startswith("Start it there again")

    def test_nobody_is_told_to_start_what_is_being_started_again(self) -> None:
        parts = (
            PartStatus("scheduler", "host-a", 2, is_supervised=True),
            PartStatus("worker", "host-a", 20, is_supervised=True),
        )
        status = QueueStatus(True, has_scheduler=True, parts=parts)
        [ill] = [check for check in check_queue(status) if not check.is_ok]
        assert (ill.name, ill.detail) == (
            "worker on host-a",
            "It has not reported for 20 seconds.",
        )
        assert ill.hint.startswith("`triagedesk up` runs there and starts it again")

    def test_a_part_that_was_started_again_says_so(self) -> None:
        part = PartStatus("worker", "host-a", 2, "it hung and was started again at 2026-01-01")
        status = QueueStatus(True, has_worker=True, has_scheduler=True, parts=(part,))
        assert check_queue(status)[1].detail == (
            "alive; on host-a it hung and was started again at 2026-01-01"
        )

    def test_without_redis_nothing_else_can_be_told(self) -> None:
        [check] = check_queue(QueueStatus(False))
        assert (check.name, check.is_ok) == ("redis", False)

    def test_what_redis_said_is_told(self) -> None:
        [check] = check_queue(QueueStatus(False, redis_error="invalid username-password pair"))
        assert check.detail == "It cannot be used: invalid username-password pair"


def test_the_document() -> None:
    well, ill = Check("a", True, "fine"), Check("b", False, "bad", "do this")
    paused = Check("c", True, "paused", "resume", Tone.DELIBERATE)
    unused = Check("d", True, "gone", tone=Tone.NEUTRAL)
    assert describe_checks([well, unused])["ok"] is True
    stopped = describe_checks([well, paused])
    assert (stopped["ok"], stopped["stopped"]) == (False, True)
    assert describe_checks([well, ill, paused]) == {
        "ok": False,
        "stopped": False,
        "checks": [
            {"name": "a", "ok": True, "kind": "good", "detail": "fine", "hint": ""},
            {"name": "b", "ok": False, "kind": "bad", "detail": "bad", "hint": "do this"},
            {"name": "c", "ok": True, "kind": "deliberate", "detail": "paused", "hint": "resume"},
        ],
    }
