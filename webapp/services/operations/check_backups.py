"""Backups, and a restore that nobody has released yet, as `doctor` and Health show them."""

from collections.abc import Iterator
from datetime import datetime

from webapp.config import Config
from webapp.domain.figures import duration_words, size_words
from webapp.domain.polling_health import Tone
from webapp.domain.recovery.settle import full_moment
from webapp.services.operations.check_health import Check
from webapp.services.recovery.read_backups import PlaceState, judge_places
from webapp.services.recovery.release_restore import read_open_restore
from webapp.services.transactions import reading

SCHEDULE_HINT = (
    "Set TRIAGEDESK_BACKUP_DIR or TRIAGEDESK_BACKUP_S3_URL, and TRIAGEDESK_BACKUP_PASSPHRASE_FILE;"
    " docs/recovery.md says how."
)
FAILED_HINT = (
    "`triagedesk backup now` tries it again at once; the page Backups shows the last ones."
)
OVERDUE_HINT = (
    "Look whether a worker and a scheduler run; `triagedesk backup now` makes one at once."
)


def check_backups(config: Config, now: datetime) -> Iterator[Check]:
    """Yield a check for each place of backups, and one if a restore holds messages."""
    held = read_open_restore()
    if held is not None:
        detail = f"Restored from {full_moment(held.taken_at)}; messages are held."
        hint = "Look around, then run `triagedesk recovery release`, or use the page Backups."
        yield Check("restore", True, detail, hint, Tone.DELIBERATE)
    if not config.backups.are_scheduled:
        if not config.is_demo:
            detail = "none are made by themselves"
            yield Check("backups", True, detail, SCHEDULE_HINT, Tone.NEUTRAL)
        return
    with reading() as session:
        states = judge_places(session, config, now)
    for state in states:
        yield _check_place(state, now)


def _check_place(state: PlaceState, now: datetime) -> Check:
    name = f"backups in {state.words}"
    if state.newest_at is None or state.newest_size is None:
        newest = "There is none yet that was checked."
    else:
        age = duration_words((now - state.newest_at).total_seconds())
        newest = f"The newest one is {age} old and {size_words(state.newest_size)} large."
    if state.failure is not None:
        return Check(name, False, f"The last one failed: {state.failure} {newest}", FAILED_HINT)
    if state.is_overdue and not (state.is_at_work and state.newest_at is None):
        return Check(name, False, f"They are overdue. {newest}", OVERDUE_HINT)
    return Check(name, True, newest)
