"""Collecting: the newest payload of each incident waits in the inbox, once."""

import json
from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import (
    break_reports,
    on_list_calls,
    page_answer,
    report,
    set_faults,
    ticketed_ids,
)
from webapp.models import InboxRow
from webapp.services.polling import poll_connection as module
from webapp.services.polling import write_incidents


@pytest.fixture
def unprocessed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls collect and process nothing."""
    monkeypatch.setattr(module, "process_inbox", lambda _cycle: None)
    monkeypatch.setattr(module, "is_sweep_due", lambda *_a, **_k: False)


def serve(desk: Desk, *pages: list[object]) -> None:
    """The next walk gets these pages."""
    answers = {
        number: page_answer(rows, f"t{number}" if number < len(pages) else None)
        for number, rows in enumerate(pages, 1)
    }
    set_faults(desk, on_request=on_list_calls(answers.get))


def summaries(desk: Desk) -> dict[str, str]:
    return {row.external_key: json.loads(row.payload)["summary"] for row in desk.inbox()}


@both_databases
@pytest.mark.usefixtures("unprocessed")
def test_of_several_payloads_the_newest_by_its_own_time_is_kept(desk: Desk) -> None:
    now = desk.clock.now()
    old, new = now - timedelta(minutes=2), now - timedelta(minutes=1)
    serve(
        desk,
        [report(1, new, summary="new"), report(1, old, summary="old"), report(2, new, summary="a")],
        [
            report(1, old, summary="old again"),
            report(2, new, summary="b"),
            report(3, old, summary="c"),
        ],
    )
    outcome = desk.poll(minutes=0)
    assert summaries(desk) == {"1": "new", "2": "b", "3": "c"}
    assert outcome.run.collected == 4, "two new, then one replaced and one new"


@pytest.mark.usefixtures("unprocessed")
def test_where_a_time_is_missing_what_was_fetched_later_is_newer(desk: Desk) -> None:
    now = desk.clock.now()
    serve(
        desk, [report(1, now, summary="timed")], [report(1, now, updated_at=None, summary="late")]
    )
    desk.poll(minutes=0)
    assert summaries(desk) == {"1": "late"}
    [row] = desk.inbox()
    assert (row.updated_at, row.version) == (None, 2)
    serve(desk, [report(1, now, summary="timed")])
    desk.poll()
    assert summaries(desk) == {"1": "timed"}


@pytest.mark.usefixtures("unprocessed")
def test_the_same_payload_again_changes_nothing(desk: Desk) -> None:
    now = desk.clock.now()
    serve(desk, [report(1, now, summary="same")])
    desk.poll()
    [before] = desk.inbox()
    serve(desk, [report(1, now, summary="same")])
    outcome = desk.poll()
    [after] = desk.inbox()
    assert outcome.run.collected == 0
    assert (after.version, after.fetched_at) == (before.version, before.fetched_at)
    assert after.first_fetched_at == before.first_fetched_at


@pytest.mark.usefixtures("unprocessed")
def test_a_replaced_row_keeps_when_it_was_first_seen(desk: Desk) -> None:
    first = desk.clock.now()
    serve(desk, [report(1, first, summary="a")])
    desk.poll(minutes=0)
    serve(desk, [report(1, first + timedelta(minutes=1), summary="b")])
    desk.poll()
    [row] = desk.inbox()
    assert (row.first_fetched_at, row.fetched_at) == (first, desk.clock.now())
    assert row.next_try_at == desk.clock.now()


def test_what_is_recorded_with_this_time_and_content_is_left_out(desk: Desk) -> None:
    now = desk.clock.now()
    serve(desk, [report(1, now, summary="a"), report(2, now, summary="a")])
    desk.poll()
    serve(desk, [report(1, now, summary="a"), report(2, now, summary="changed without a time")])
    outcome = desk.poll()
    assert (outcome.run.collected, outcome.run.noted) == (1, 1)
    serve(
        desk, [report(1, now, summary="a"), report(2, now - timedelta(minutes=9), summary="older")]
    )
    outcome = desk.poll()
    assert (outcome.run.noted, desk.inbox()) == (0, [])
    assert "changed without a time" in desk.alert(2).raw_report


@both_databases
def test_text_that_no_database_takes_is_kept_all_the_same(desk: Desk) -> None:
    nasty = "a\x00b \ud800 \u202e" + "🔥" * 3
    serve(desk, [report(1, desk.clock.now(), summary=nasty, subject=nasty, body={"deep": [nasty]})])
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    assert "\x00" not in desk.ticket(1).title + desk.ticket(1).description
    assert "🔥🔥🔥" in desk.ticket(1).description
    assert desk.inbox() == []


def test_ids_are_compared_as_text(desk: Desk) -> None:
    now = desk.clock.now()
    serve(desk, [report(7, now), report("7", now), report(7.0, now), report(" 7 ", now)])
    desk.poll()
    assert ticketed_ids(desk) == ["7"]


def test_a_payload_that_comes_while_the_old_one_is_processed_is_not_lost(
    desk: Desk, monkeypatch
) -> None:
    """The inbox row is removed only in the version that was processed."""
    desk.account.add_incident(now=desk.clock.now(), id=1)
    remove = write_incidents.remove_from_inbox
    newer = []

    def remove_after_a_change(session, entries):
        if not newer:
            newer.append(json.dumps(report(1, desk.clock.now(), summary="newer")))
            row = session.get(InboxRow, entries[0].row_id)
            row.payload, row.version = newer[0], row.version + 1
            row.updated_at = desk.clock.now()
            session.flush()
        return remove(session, entries)

    monkeypatch.setattr(write_incidents, "remove_from_inbox", remove_after_a_change)
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    assert (outcome.run.created, outcome.run.noted) == (1, 1)
    assert desk.inbox() == []
    assert "newer" in desk.alert(1).raw_report


def test_what_failed_is_replaced_by_a_newer_payload_not_added(desk: Desk, monkeypatch) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=1)
    break_reports(monkeypatch, 1)
    desk.poll()
    desk.account.update_incident(1, now=desk.clock.now(), summary="newer")
    desk.poll(minutes=1)
    assert summaries(desk) == {"1": "newer"}
