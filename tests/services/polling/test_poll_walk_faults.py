"""A walk that fails at any of its pages: nothing is lost, nothing doubled, the cursor waits."""

from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import (
    add_bulk,
    asked,
    on_list_calls,
    runs,
    set_faults,
    ticketed_ids,
    use_small_pages,
)
from webapp.huntress.simulator import Fault
from webapp.models import Comment
from webapp.services.polling import walk_incidents

pytestmark = pytest.mark.slow

PAGE = 4
FAULTS = {
    "500": (Fault(status=500), "Huntress is failing on its side", 3),
    "cut": (Fault(cut=True), "Huntress could not be reached", 3),
    "429": (Fault(status=429), "", 6),
    "401": (Fault(status=401), "", 1),
}
"""What goes wrong, how it is told, and how many times it is tried."""


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_pages(monkeypatch, PAGE)


def texts(ids: list[int]) -> list[str]:
    return sorted(str(one) for one in ids)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("position", [1, 2, 3])
@pytest.mark.parametrize("kind", FAULTS)
def test_a_failing_page_costs_only_time(desk: Desk, kind: str, position: int) -> None:
    fault, sentence, tries = FAULTS[kind]
    now = desk.clock.now()
    old = add_bulk(desk.account, 20, now - timedelta(hours=1), first_id=1000)
    desk.poll()
    before = desk.connection().cursor
    assert before == now - timedelta(hours=1)
    new = add_bulk(desk.account, 9, now, first_id=1)

    set_faults(desk, on_request=on_list_calls(lambda n: fault if n >= position else None))
    start = len(desk.simulator.requests)
    outcome = desk.poll()

    assert not outcome.is_success
    assert outcome.run.state == "error"
    assert sentence in outcome.run.error
    assert asked(desk, start) == ["/v1/incident_reports"] * (position - 1 + tries)
    collected = new[: (position - 1) * PAGE]
    assert ticketed_ids(desk) == texts(old + collected), "what was collected is processed"
    assert outcome.run.collected == outcome.run.created == len(collected)
    assert desk.inbox() == []
    after = desk.connection()
    assert after.cursor == before, "the cursor moved although the walk was cut off"
    assert after.is_walk_cut_off
    assert after.last_error == outcome.run.error

    set_faults(desk)
    start = len(desk.simulator.requests)
    outcome = desk.poll()

    assert outcome.is_success, outcome.run.error
    assert outcome.run.cursor_before == before
    pages = [one for one in desk.simulator.requests[start:] if "updated_at" in str(one.query)]
    assert "page_token" not in pages[0].query, "it starts from the top"
    # 9 new rows, then those of the cursor's minute: 60 s below it, so 61 old rows at most.
    assert len(pages) == 8
    assert ticketed_ids(desk) == texts(old + new)
    assert desk.count(Comment) == len(old + new), "one creation note a ticket, nothing else"
    after = desk.connection()
    assert after.cursor == now
    assert (after.is_walk_cut_off, after.last_error) == (False, None)
    assert after.last_sweep_at == desk.clock.now(), "a walk that was restarted is followed by one"


@pytest.mark.usefixtures("small_pages")
def test_the_walk_ends_at_the_boundary_it_had_before_it_was_cut_off(desk: Desk) -> None:
    now = desk.clock.now()
    add_bulk(desk.account, 40, now, step=timedelta(seconds=30), first_id=1000)
    desk.poll()
    new = now + timedelta(minutes=1)
    add_bulk(desk.account, 6, new, first_id=1)
    set_faults(desk, on_request=on_list_calls(lambda n: Fault(status=401) if n >= 2 else None))
    desk.poll()
    set_faults(desk)
    start = len(desk.simulator.requests)
    desk.poll()
    walked = [one for one in desk.simulator.requests[start:] if "updated_at" in str(one.query)]
    # 6 new rows, 3 of the overlap (0, 30 and 60 s below the cursor), the first one below: 3 pages.
    assert len(walked) == 3


@pytest.mark.usefixtures("small_pages")
def test_a_first_walk_that_was_cut_off_keeps_its_low_boundary(desk: Desk) -> None:
    start = desk.clock.now()
    inside = start - timedelta(days=7) + timedelta(hours=1)
    new = add_bulk(desk.account, 7, start, first_id=1)
    oldest = add_bulk(desk.account, 2, inside, first_id=500)
    closed = add_bulk(desk.account, 2, inside, first_id=600, status="closed")  # no sweep finds it
    outside = add_bulk(desk.account, 1, start - timedelta(days=7, hours=1), first_id=900)
    set_faults(desk, on_request=on_list_calls(lambda n: Fault(status=500) if n >= 2 else None))
    desk.poll(minutes=0)
    connection = desk.connection()
    assert connection.cursor is None
    assert connection.horizon == start - timedelta(days=7)
    assert ticketed_ids(desk) == texts(new[:PAGE])

    set_faults(desk)
    desk.set(backfill_days=1)
    desk.poll(minutes=2 * 24 * 60)

    assert ticketed_ids(desk) == texts(new + oldest)
    assert [desk.alert(one).reason for one in closed] == ["already_closed"] * 2
    assert desk.connection().horizon == start - timedelta(days=7)
    # The sweep sees what is open but older than the horizon; it is recorded only.
    assert desk.alert(outside[0]).reason == "before_backfill"


@pytest.mark.usefixtures("small_pages")
def test_a_first_page_that_fails_leaves_nothing_fixed(desk: Desk) -> None:
    set_faults(desk, on_request=on_list_calls(lambda _: Fault(status=500)))
    desk.poll()
    connection = desk.connection()
    assert (connection.cursor, connection.horizon) == (None, None)


@pytest.mark.usefixtures("small_pages")
def test_a_walk_that_stumbles_over_our_own_fault_is_cut_off_too(desk: Desk, monkeypatch) -> None:
    desk.poll()
    before = desk.connection().cursor
    ids = add_bulk(desk.account, 6, desk.clock.now())
    collect, calls = walk_incidents.collect_rows, []

    def stumble(cycle, rows):
        calls.append(1)
        if len(calls) == 2:
            raise KeyError("secret")
        return collect(cycle, rows)

    with monkeypatch.context() as patch:
        patch.setattr(walk_incidents, "collect_rows", stumble)
        outcome = desk.poll()
    assert outcome.run.error == "Internal error (KeyError); the log has the details."
    connection = desk.connection()
    assert (connection.cursor, connection.is_walk_cut_off) == (before, True)

    base_url = connection.base_url
    desk.set(base_url="https://not-allowed.example")
    assert desk.poll().run.state == "error"
    assert desk.connection().is_walk_cut_off, "no walk, so nothing has made up for it"
    desk.set(base_url=base_url)
    assert desk.poll().run.is_sweep
    assert ticketed_ids(desk) == texts(ids)


@both_databases
@pytest.mark.usefixtures("small_pages")
def test_three_failing_calls_in_a_row_are_one_wait(desk: Desk) -> None:
    ids = add_bulk(desk.account, 6, desk.clock.now())
    set_faults(desk, next_500=2)
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    assert ticketed_ids(desk) == texts(ids)
    assert outcome.run.waited_seconds >= 3
    assert outcome.run.api_calls == len(desk.simulator.requests)


def test_a_refusal_that_ends_is_waited_out(desk: Desk) -> None:
    ids = add_bulk(desk.account, 1, desk.clock.now())
    desk.simulator.retry_after = "seconds"
    before = desk.clock.slept
    set_faults(desk, on_request=on_list_calls(lambda n: Fault(status=429) if n == 1 else None))
    assert desk.poll().is_success
    assert desk.clock.slept - before == 5
    assert ticketed_ids(desk) == texts(ids)


def test_wrong_credentials_are_told_as_such_and_not_tried_again(desk: Desk) -> None:
    desk.simulator.api_secret = "hs_changed"
    outcome = desk.poll()
    assert [one.status for one in desk.simulator.requests] == [401]
    assert outcome.as_dict()["success"] is False
    assert desk.connection().last_error == outcome.error
    assert "hs_" not in outcome.error
    assert [run.state for run in runs(desk)] == ["error"]
