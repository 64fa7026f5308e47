"""Targets for tests of the clocks of tickets."""

from typing import Any

from webapp.models import Priority
from webapp.services.desk.response_times.edit_times import ClockValues, TimesValues, save_times
from webapp.services.tickets.clocks.recompute_clocks import SETTLES_AFTER
from webapp.services.transactions import reading

ALWAYS_OPEN = ("00:00-24:00",) * 7


def set_targets(
    touch: str = "30m", close: str = "4h", *, actor_id: int, days: Any = ALWAYS_OPEN, **values: Any
) -> None:
    """Give every priority the same targets."""
    with reading() as session:
        ids = [one.id for one in session.query(Priority).all()]
    targets = {key: ClockValues(touch, close, False) for key in ids} if touch or close else {}
    save_times(TimesValues(targets, days, **values), seen=None, actor_id=actor_id)


def settle_seconds() -> float:
    """After so many seconds, new targets are taken on."""
    return SETTLES_AFTER.total_seconds()
