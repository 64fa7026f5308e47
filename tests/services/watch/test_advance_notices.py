"""What comes due by itself is done by one function, whoever calls it: the job or the watcher."""

from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.receivers.notices_data import add_policy, add_target
from tests.support.rows import add, all_rows, audit_actions, change, fresh
from webapp import clock
from webapp.jobs import tasks, watcher
from webapp.models import ClientMute, Drill, NotificationSettings, OutboxRow
from webapp.services.transactions import DATABASE_AWAY
from webapp.services.watch import advance_notices as advancing
from webapp.services.watch.advance_notices import advance_notices
from webapp.services.watch.drill import start_drill
from webapp.services.watch.drill_stations import NOT_PROCESSED


@pytest.fixture
def polled(desk: Desk) -> Desk:
    """A desk whose first poll is over."""
    assert desk.poll().is_success
    return desk


def prepare(desk: Desk) -> int:
    """A step, a mute's end, a summary and a drill's end are due soon; returns the drill."""
    first, second = add_target("first", tells_summaries=True), add_target("second")
    add_policy("all", [(0, [first]), (10, [second])])
    desk.account.add_incident(7, now=desk.clock.now(), id=1, severity="critical")
    desk.poll()
    now = clock.utcnow()
    client_id = desk.connection().fallback_client_id
    until = now + timedelta(minutes=5)
    add(ClientMute(client_id=client_id, starts_at=now, until=until))
    at = f"{until:%H:%M}"
    change(NotificationSettings, 1, time_zone="UTC", daily_summary_at=at)
    drill_id = start_drill().id
    desk.clock.advance(minutes=11)
    return drill_id


def check(drill_id: int) -> None:
    assert [row.target_name for row in all_rows(OutboxRow)] == ["first", "second", "first"]
    assert [row.event for row in all_rows(OutboxRow)][-1] == "summary.daily"
    assert audit_actions().count("client.unmuted") == 1
    drill = fresh(Drill, drill_id)
    assert (drill.failed_at, drill.problem) == ("plan", NOT_PROCESSED)


@both_databases
def test_everything_that_is_due_is_done_once(polled: Desk) -> None:
    drill_id = prepare(polled)
    for _ in range(3):
        advance_notices()
    check(drill_id)


@pytest.mark.parametrize("work", [tasks.notices, watcher._deliver_everything])
def test_the_job_and_the_watcher_do_the_same(
    polled: Desk, monkeypatch: pytest.MonkeyPatch, work: object
) -> None:
    monkeypatch.setattr(watcher, "deliver_due", lambda _now: 0)
    drill_id = prepare(polled)
    assert callable(work)
    work()
    check(drill_id)


def test_a_part_that_fails_keeps_no_other_from_running(
    polled: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_now: object) -> None:
        raise ValueError("a mistake of ours")

    drill_id = prepare(polled)
    with monkeypatch.context() as patched:
        patched.setattr(advancing, "PARTS", (fail, *advancing.PARTS, fail))
        advance_notices()
    check(drill_id)
    assert [record.message for record in caplog.records] == ["fail failed", "fail failed"]


def test_a_database_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_now: object) -> None:
        raise DATABASE_AWAY[0]("SELECT 1", {}, Exception("connection refused"))

    monkeypatch.setattr(advancing, "PARTS", (fail,))
    with pytest.raises(DATABASE_AWAY):
        advance_notices()
