"""Poll history, quarantine and calls, read on both databases."""

import json
from datetime import timedelta

import pytest
from flask import Flask

from tests.support import administration_data, desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import change
from webapp.models import InboxRow
from webapp.services.connections.read_exchanges import CallOutcome, read_exchanges
from webapp.services.errors import NotFoundError
from webapp.services.operations.read_health import is_database_answering, read_health
from webapp.services.polling.read_poll_history import read_poll_history, read_poll_run
from webapp.services.polling.read_quarantine import (
    SHOWN_CHARACTERS,
    read_quarantine,
    read_quarantined_report,
)


@pytest.fixture
def connection_id(app: Flask, fake_clock: FakeClock) -> int:
    return desk_data.add_connection(fake_clock.now())


@both_databases
def test_history_in_pages(connection_id: int, fake_clock: FakeClock) -> None:
    runs = administration_data.add_polls(connection_id, fake_clock.now())
    twin = desk_data.add_run(
        connection_id, fake_clock.now(), started_at=fake_clock.now() - timedelta(minutes=10)
    )
    newest_first = [twin, *reversed(runs)]
    first = read_poll_history(connection_id, page_size=4)
    assert [run.id for run in first.runs.rows] == newest_first[:4]
    second = read_poll_history(connection_id, after=first.runs.next_mark, page_size=4)
    assert [run.id for run in second.runs.rows] == newest_first[4:]
    back = read_poll_history(connection_id, before=second.runs.previous_mark, page_size=4)
    assert [run.id for run in back.runs.rows] == newest_first[:4]
    failed = read_poll_history(connection_id, kind="failed").runs.rows
    assert [run.id for run in failed] == [runs[4], runs[3], runs[2]]
    skipped = read_poll_history(connection_id, kind="skipped").runs.rows
    assert [run.id for run in skipped] == [runs[1]]


@both_databases
def test_the_neighbours_of_a_poll(connection_id: int, fake_clock: FakeClock) -> None:
    runs = administration_data.add_polls(connection_id, fake_clock.now())
    detail = read_poll_run(connection_id, runs[2])
    assert (detail.earlier_id, detail.later_id) == (runs[1], runs[3])
    assert read_poll_run(connection_id, runs[0]).earlier_id is None
    assert read_poll_run(connection_id, runs[4]).later_id is None
    for wrong in ((connection_id, 99), (99, runs[0]), (2**40, 1)):
        with pytest.raises(NotFoundError):
            read_poll_run(*wrong)


@both_databases
def test_quarantine_in_pages(connection_id: int, fake_clock: FakeClock) -> None:
    ids = administration_data.add_reports(connection_id, fake_clock.now())
    first = read_quarantine(connection_id, page_size=2)
    assert [report.row.id for report in first.reports] == ids[:2]
    assert (first.waiting_count, first.dismissed_count) == (3, 1)
    second = read_quarantine(connection_id, after=first.next_mark, page_size=2)
    assert [report.row.id for report in second.reports] == [ids[2]]
    assert [report.is_due for report in (*first.reports, *second.reports)] == [False, False, True]
    dismissed = read_quarantine(connection_id, is_dismissed=True)
    assert [report.row.id for report in dismissed.reports] == [ids[3]]


@both_databases
def test_a_long_report_is_not_read_whole_for_a_glance(
    connection_id: int, fake_clock: FakeClock
) -> None:
    ids = administration_data.add_reports(connection_id, fake_clock.now())
    payload = json.dumps({"text": "ä" * 200_000}, ensure_ascii=False)
    change(InboxRow, ids[0], payload=payload)
    report = read_quarantine(connection_id).reports[0]
    assert (len(report.report), report.is_cut) == (SHOWN_CHARACTERS, True)
    assert len(read_quarantined_report(connection_id, ids[0])) > 200_000
    with pytest.raises(NotFoundError):
        read_quarantined_report(connection_id + 1, ids[0])


@both_databases
def test_calls_and_what_their_answers_mean(connection_id: int, fake_clock: FakeClock) -> None:
    administration_data.add_calls(connection_id, fake_clock.now())
    log = read_exchanges(connection_id)
    assert [one.outcome for one in log.exchanges] == [
        CallOutcome.RUNNING,
        CallOutcome.FAILED,
        CallOutcome.FAILED,
        CallOutcome.FAILED,
        CallOutcome.EXPECTED,
        CallOutcome.SUCCESS,
        CallOutcome.SUCCESS,
    ]
    assert (log.calls_last_minute, log.calls_per_minute, log.has_more) == (1, 60, False)
    fake_clock.advance(minutes=5)
    assert read_exchanges(connection_id).exchanges[0].outcome == CallOutcome.FAILED


@both_databases
def test_health_and_its_small_sister(connection_id: int) -> None:
    names = [check.name for check in read_health()]
    assert names[:2] == ["database", "encryption keys"]
    assert {"database writes", "redis", "disk"} < set(names)
    assert f"connection {connection_id} (Tallow & Reed Managed IT)" in names
    assert is_database_answering()
