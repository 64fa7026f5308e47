"""Which backups still hold somebody who was forgotten, on both databases."""

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support.databases import both_databases
from tests.support.fake_clock import START, FakeClock
from tests.support.rows import add
from webapp.models import AuditEvent, Backup, Erasure
from webapp.services.recovery.write_backup import record_written
from webapp.services.retention.backups_left import find_backups_left
from webapp.services.retention.erasures import CLIENT

HOUR = timedelta(hours=1)
NOTHING = "No backup that was made here holds it."


def stored(started_at: datetime, **values: object) -> None:
    fixed = {"trigger": "schedule", "place": "/srv", "file_name": "a.age"}
    ended = {"state": "completed", "finished_at": started_at + HOUR}
    add(Backup(**{**fixed, **ended, "started_at": started_at, **values}))


def written(name: str, taken_at: datetime) -> None:
    made: Any = SimpleNamespace(size=7, manifest=SimpleNamespace(taken_at=taken_at))
    record_written(Path("/elsewhere") / name, made)


@both_databases
def test_those_count_that_hold_something(app: object, fake_clock: FakeClock) -> None:
    fake_clock.advance(days=1)
    for state in ("failed", "interrupted"):
        stored(START, state=state, removed_at=START + HOUR)
    stored(START, removed_at=START + HOUR)
    assert find_backups_left(None).words.startswith(NOTHING)
    stored(START - 24 * HOUR)
    stored(START)
    left = find_backups_left(None)
    assert left.stored == (START - 24 * HOUR, START)
    assert "2 backups made here still hold it" in left.words
    assert NOTHING not in left.words


@both_databases
def test_one_at_work_or_cut_short_may_hold_it(app: object, fake_clock: FakeClock) -> None:
    fake_clock.advance(days=1)
    stored(START, state="running", finished_at=None)
    stored(fake_clock.now() + HOUR, state="running", finished_at=None)
    words = find_backups_left(None).words
    assert words.startswith("1 backup that is being made or came to no good end may hold it")
    for state in ("failed", "interrupted"):
        stored(START + HOUR, state=state)
    left = find_backups_left(None)
    assert left.doubtful == (START, START + HOUR, START + HOUR)
    assert left.stored == ()
    assert left.words.startswith("3 backups that are being made or came to no good end may hold")


@both_databases
def test_what_somebody_wrote_by_command_counts_as_well(app: object, fake_clock: FakeClock) -> None:
    fake_clock.advance(days=1)
    written("first.age", START)
    words = find_backups_left(None).words
    assert words.startswith("Somebody wrote a backup to a file, first.age of 9 June 2026, which")
    written("second.age", START + HOUR)
    written("after.age", fake_clock.now() + HOUR)
    left = find_backups_left(None)
    assert [file.name for file in left.written] == ["first.age", "second.age"]
    assert "wrote 2 backups to files, the newest second.age" in left.words


def test_an_event_without_its_details_still_tells_of_a_file(
    app: object, fake_clock: FakeClock
) -> None:
    event = AuditEvent(action="backup.written", subject_type="backup", happened_at=START)
    add(event)
    fake_clock.advance(hours=1)
    assert "to a file, name unknown, of 9 June 2026, which" in find_backups_left(None).words


def test_one_that_was_begun_amid_the_erasing_holds_what_was_not_erased_yet(
    app: object, fake_clock: FakeClock
) -> None:
    fake_clock.advance(hours=3)
    asked = {"requested_at": START, "words": [], "counts": {}}
    erasure = add(Erasure(kind=CLIENT, subject_id=1, finished_at=START + 2 * HOUR, **asked))
    stored(START + HOUR)
    stored(START + 3 * HOUR)
    assert find_backups_left(erasure).stored == (START + HOUR,)
