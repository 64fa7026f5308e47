"""The simulator's two control addresses, for people who want to see and change its state.

    GET  /simulator/state    the account's name and counts, calls in the window, faults, time
    POST /simulator/faults   JSON: switches of `Faults` to change, or {"clear": true}

For instance: `curl -H 'Content-Type: application/json' -d '{"storm_429": true}' URL`. They need no
credentials and cost no call. They answer only where the Host header names this machine, and a
change must be sent as JSON, so that a web page of another site cannot use them.
"""

import json
from collections import Counter
from typing import Protocol
from urllib.parse import urlsplit

from webapp.huntress.simulator.account import SimulatedAccount
from webapp.huntress.simulator.api import Answer, Headers
from webapp.huntress.simulator.faults import Faults, changed_faults
from webapp.huntress.simulator.listing import to_json

PREFIX = "/simulator/"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Controlled(Protocol):
    """The attributes of a simulator that the control addresses need."""

    account: SimulatedAccount
    faults: Faults

    def calls_in_window(self) -> int:
        """Return how many calls count towards the limit at this moment."""

    def time_text(self) -> str:
        """Return the simulator's time as Huntress writes times."""


def answer_control(
    simulator: Controlled, method: str, path: str, headers: Headers, body: bytes
) -> Answer:
    """Return the answer to a control request; 403 unless it was sent to a loopback name."""
    if not _is_loopback(headers.get("Host")):
        return _message(403, "Only this machine may use the control addresses.")
    if (method, path) == ("GET", PREFIX + "state"):
        return Answer(200, to_json(_state(simulator)))
    if (method, path) == ("POST", PREFIX + "faults"):
        return _change(simulator, headers.get("Content-Type"), body)
    return _message(404, "GET /simulator/state or POST /simulator/faults")


def _is_loopback(host: str | None) -> bool:
    try:
        return urlsplit(f"//{host or ''}").hostname in _LOOPBACK
    except ValueError:
        return False


def _change(simulator: Controlled, content_type: str | None, body: bytes) -> Answer:
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        return _message(415, "Send the switches as application/json.")
    try:
        change = json.loads(body)
        if not isinstance(change, dict):
            return _message(400, "Send one JSON object of switches.")
        simulator.faults = changed_faults(simulator.faults, change)
    except (ValueError, RecursionError) as error:
        return _message(400, str(error))
    return Answer(200, to_json({"faults": simulator.faults.as_json()}))


def _state(simulator: Controlled) -> dict[str, object]:
    account = simulator.account
    with account.lock:
        statuses = Counter(str(row.get("status")) for row in account.incident_rows.values())
        return {
            "account": dict(account.account),
            "organizations": len(account.organization_rows),
            "agents": len(account.agent_rows),
            "incidents": len(account.incident_rows),
            "incidents_by_status": dict(sorted(statuses.items())),
            "calls_in_window": simulator.calls_in_window(),
            "faults": simulator.faults.as_json(),
            "now": simulator.time_text(),
        }


def _message(status: int, text: str) -> Answer:
    return Answer(status, to_json({"message": text}))
