from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from tests.support.databases import both_databases
from tests.support.desk_data import fill_desk
from tests.support.fake_clock import START, FakeClock
from tests.support.rows import add, all_rows
from webapp.extensions import Base
from webapp.models import (
    Alarm,
    ApiExchange,
    BulkChange,
    Connection,
    CsvUpload,
    Drill,
    OnCallOverride,
    PasswordLink,
    PollRun,
    Proof,
    SetupToken,
    Ticket,
    User,
    UserSession,
)
from webapp.services.operations.housekeeping import refresh_statistics
from webapp.services.retention import batches
from webapp.services.retention.delete_old_records import delete_old_records
from webapp.services.transactions import reading

pytestmark = pytest.mark.usefixtures("app")

SECOND = timedelta(seconds=1)
MIDNIGHT = START.replace(hour=0)
OLD_EXCHANGE = MIDNIGHT - timedelta(days=7) - SECOND
OLD_RUN = MIDNIGHT - timedelta(days=90) - SECOND


@pytest.fixture
def connection(app: Flask) -> Connection:
    return add_connection("1")


def add_connection(account_id: str) -> Connection:
    return add(Connection(name=account_id, base_url="", account_id=account_id, created_at=START))


def add_exchanges(connection: Connection, *times: Any) -> list[int]:
    return [
        add(
            ApiExchange(
                connection_id=connection.id, slot=slot, reserved_at=at, method="GET", path="/"
            )
        ).id
        for slot, at in enumerate(times)
    ]


def add_run(connection: Connection, at: Any, state: str = "completed") -> int:
    run = PollRun(
        connection_id=connection.id, trigger="schedule", state=state, started_at=at, updated_at=at
    )
    return add(run).id


def ids(model: type[Base]) -> list[int]:
    return [row.id for row in all_rows(model)]


@both_databases
def test_deletes_what_is_too_old_and_nothing_else(connection: Connection) -> None:
    _, _, kept_exchange, newest = add_exchanges(
        connection, OLD_EXCHANGE, OLD_EXCHANGE, MIDNIGHT - timedelta(days=7), START
    )
    add_run(connection, OLD_RUN)
    kept_run, newest_run = (
        add_run(connection, MIDNIGHT - timedelta(days=90)),
        add_run(connection, START),
    )
    user = add(
        User(email="a@b.example", name="A", password_hash="", role="admin", created_at=START)
    )
    for token, expires in (("old", START - SECOND), ("new", START + SECOND)):
        add(UserSession(token_hash=token, user_id=user.id, created_at=START, expires_at=expires))
        add(SetupToken(token_hash=token, created_at=START, expires_at=expires))
        add(
            PasswordLink(
                token_hash=token,
                user_id=user.id,
                purpose="reset",
                created_at=START,
                expires_at=expires,
            )
        )
    for days in (0, 2, 8):
        made = START - timedelta(days=days)
        add(
            CsvUpload(
                kind="clients", owner_id=user.id, filename="a.csv", content="", created_at=made
            )
        )
        add(BulkChange(actor_id=user.id, summary="a", changes=[], created_at=made))
    for ends in (OLD_RUN, OLD_RUN + SECOND):
        add(
            OnCallOverride(
                user_id=user.id,
                starts_at=ends - SECOND,
                ends_at=ends,
                created_at=ends - SECOND,
            )
        )

    deleted = delete_old_records(START)
    assert {table: count for table, count in deleted.items() if count} == {
        "api_exchanges": 2,
        "poll_runs": 1,
        "sessions": 1,
        "setup_tokens": 1,
        "password_links": 1,
        "csv_uploads": 2,
        "bulk_changes": 1,
        "on_call_overrides": 1,
    }
    assert ids(ApiExchange) == [kept_exchange, newest]
    assert ids(PollRun) == [kept_run, newest_run]
    assert [row.token_hash for row in all_rows(UserSession)] == ["new"]
    assert [row.token_hash for row in all_rows(SetupToken)] == ["new"]
    assert set(delete_old_records(START).values()) == {0}


def test_each_connection_keeps_its_newest_exchange_and_run(connection: Connection) -> None:
    other = add_connection("2")
    expected_exchanges = [
        add_exchanges(one, OLD_EXCHANGE, OLD_EXCHANGE)[-1] for one in (connection, other)
    ]
    expected_runs = []
    for one in (connection, other):
        add_run(one, OLD_RUN)
        expected_runs.append(add_run(one, OLD_RUN))
    delete_old_records(START)
    assert ids(ApiExchange) == expected_exchanges
    assert ids(PollRun) == expected_runs


@both_databases
def test_what_watching_found_is_kept_for_a_while(connection: Connection) -> None:
    year, quarter = timedelta(days=365), timedelta(days=90)
    for number, ended_at in enumerate((MIDNIGHT - quarter - SECOND, MIDNIGHT - quarter, None)):
        add(
            Alarm(
                kind="disk-low",
                subject=str(number),
                sentence="Full.",
                began_at=START - 9 * year,
                ended_at=ended_at,
            )
        )
    other = add_connection("2")
    for one, age in (
        (connection, year + 2 * SECOND),
        (connection, year + SECOND),
        (connection, year),
        (other, year + SECOND),
    ):
        started_at = MIDNIGHT - age
        add(Proof(connection_id=one.id, day=started_at.date(), days=30, started_at=started_at))
    for number, age in enumerate((year + SECOND, year)):
        drill = Drill(
            connection_id=connection.id, external_key=str(number), started_at=MIDNIGHT - age
        )
        add(drill)
    deleted = delete_old_records(START)
    assert (deleted["alarms"], deleted["proofs"], deleted["drills"]) == (1, 2, 1)
    assert [alarm.subject for alarm in all_rows(Alarm)] == ["1", "2"]
    assert len({proof.connection_id for proof in all_rows(Proof)}) == 2, "each keeps its newest"
    assert [drill.external_key for drill in all_rows(Drill)] == ["1"]


def test_a_drill_stays_with_its_ticket_so_that_this_counts_nowhere(
    app: Flask, fake_clock: FakeClock
) -> None:
    desk = fill_desk(fake_clock.now(), tickets=12)
    drill = Drill(
        connection_id=desk.connection_id,
        external_key="drill-1",
        ticket_id=all_rows(Ticket)[0].id,
        started_at=fake_clock.now() - timedelta(days=999),
    )
    add(drill)
    assert delete_old_records(fake_clock.now())["drills"] == 0


def test_a_run_that_goes_on_is_kept(connection: Connection) -> None:
    running = add_run(connection, OLD_RUN, "running")
    newest = add_run(connection, START)
    delete_old_records(START)
    assert ids(PollRun) == [running, newest]


def test_deletes_in_batches(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 3)
    add_exchanges(connection, *[OLD_EXCHANGE] * 8)
    assert delete_old_records(START)["api_exchanges"] == 7
    assert len(ids(ApiExchange)) == 1


@both_databases
def test_statistics_are_refreshed(database_kind: str) -> None:
    refresh_statistics()
    if database_kind == "sqlite":
        with reading() as session:
            known = session.execute(text("SELECT DISTINCT tbl FROM sqlite_stat1")).scalars().all()
        assert "priorities" in known
