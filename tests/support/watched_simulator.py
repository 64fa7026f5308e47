"""A simulator that tells what it answered: to judge a poll by what it was really shown."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.huntress.simulator.api import Answer
from webapp.huntress.simulator.faults import Fault

_REPORTS = "/v1/incident_reports"
_ONE_REPORT = re.compile(_REPORTS + r"/(\d+)")


@dataclass(frozen=True)
class Shown:
    """A complete answer about incident reports; `absent` is the id of a 404.

    `is_walk`: it was asked for by time, not by id or status.
    """

    rows: tuple[object, ...] = ()
    absent: str | None = None
    is_walk: bool = False


class WatchedSimulator(Simulator):
    """Calls `on_shown` for every answer about incident reports that leaves it whole."""

    def __init__(
        self,
        account: SimulatedAccount,
        *,
        clock: Callable[[], datetime],
        on_shown: Callable[[Shown], None],
        api_key: str,
        api_secret: str,
    ) -> None:
        super().__init__(account, clock=clock, api_key=api_key, api_secret=api_secret)
        self._on_shown = on_shown

    def _answer_api(
        self, method: str, path: str, query: dict[str, str], authorization: str | None, fault: Fault
    ) -> Answer:
        answer = super()._answer_api(method, path, query, authorization, fault)
        one = _ONE_REPORT.fullmatch(path)
        if answer.status == 404 and one:
            self._on_shown(Shown(absent=one.group(1)))  # the status is read even of a cut answer
        if fault == Fault() and (one or path == _REPORTS) and answer.status == 200:
            body = json.loads(answer.body)
            rows = [body["incident_report"]] if one else body["incident_reports"]
            self._on_shown(Shown(tuple(rows), is_walk=query.get("sort_field") == "updated_at"))
        return answer
