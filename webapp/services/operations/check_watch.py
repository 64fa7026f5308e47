"""The watcher, the outside heartbeat and alarms that go on, as `doctor` and Health show them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from webapp.config import Config
from webapp.domain.polling_health import Tone
from webapp.models import WatcherRound
from webapp.services.operations.check_health import Check
from webapp.services.schedule.judge_polling import JudgedConnection
from webapp.services.watch.list_alarms import read_alarms
from webapp.services.watch.other_watchers import FRESH, read_watchers

START_HINT = "Start `triagedesk up`, or `triagedesk watch` where each part runs by itself."


def check_watch(
    config: Config, connections: Sequence[JudgedConnection], now: datetime
) -> list[Check]:
    """Check that a watcher completes its rounds and the outside heartbeat beats, and name alarms.

    There is one check for each alarm that goes on at `now` (UTC).
    """
    watchers = read_watchers()
    by_timer = any(one.judgement.by_timer for one in connections)
    return [
        _check_watcher(watchers, now, by_timer=by_timer),
        *_check_heartbeat(config, watchers, now),
        *check_alarms(),
    ]


def check_alarms() -> list[Check]:
    """Return one failed check for each alarm that goes on, or one that says that none does."""
    alarms = read_alarms()
    if not alarms:
        return [Check("alarms", True, "none")]
    return [
        Check(
            f"alarm {alarm.kind}",
            False,
            f"{alarm.sentence} Since {alarm.since:%Y-%m-%d %H:%M} UTC.",
            alarm.what_to_do,
        )
        for alarm in alarms
    ]


def _check_watcher(watchers: Sequence[WatcherRound], now: datetime, *, by_timer: bool) -> Check:
    if any(_is_fresh(one, now) for one in watchers):
        return Check("watcher", True, "alive")
    if not watchers and by_timer:
        detail = "not in use: a timer polls here. `triagedesk watch` tells when something is wrong"
        return Check("watcher", True, detail, tone=Tone.NEUTRAL)
    detail = "No watcher has completed a round for a minute: nobody is told when something fails."
    return Check("watcher", False, detail, START_HINT)


def _check_heartbeat(
    config: Config, watchers: Sequence[WatcherRound], now: datetime
) -> Iterator[Check]:
    """The outside heartbeat, where one is set up and a watcher is there to call it."""
    if config.heartbeat_url is None or not any(_is_fresh(one, now) for one in watchers):
        return
    called = [one for one in watchers if one.heartbeat_at and now - one.heartbeat_at < FRESH * 3]
    last = max(called, key=lambda one: one.heartbeat_at or now, default=None)
    if last is None:
        yield Check("heartbeat", True, "not called yet", tone=Tone.NEUTRAL)
        return
    answer = last.heartbeat_answer or ""
    if answer.startswith("2"):
        yield Check("heartbeat", True, f"the outside service answered {answer}")
    else:
        yield Check(
            "heartbeat", False, f"The outside service was {answer.rstrip('.')}.", _hint(answer)
        )


def _hint(answer: str) -> str:
    if answer.startswith(("not called", "told")):
        return "It beats again once this is over."
    return "Check TRIAGEDESK_HEARTBEAT_URL, and that this machine reaches that service."


def _is_fresh(one: WatcherRound, now: datetime) -> bool:
    return one.completed_at is not None and now - one.completed_at <= FRESH
