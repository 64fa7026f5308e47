"""Faults that tests and people can switch on in the simulator.

`Faults` holds the switches, and `Faults.decide` returns the `Fault` for one request. Calls are
numbered from 1, beginning with the first call that a `Faults` object decides about.
"""

import random
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields

HUGE_TEXT = 300_000
DEEP = 200

LOGIN_PAGE = (
    b"<!doctype html><html><head><title>Sign in</title></head><body>"
    b"<h1>Corporate proxy</h1><form method=post><input name=user><input name=password "
    b"type=password></form></body></html>"
)


@dataclass(frozen=True)
class Fault:
    """The faults of one request; a field that is not set changes nothing.

    `status` answers with that status and `body` (or an error text) instead of the real answer.
    `cut` sends half of the answer's body and drops the connection. `html_200` answers 200 with a
    proxy's sign-in page. `slow_seconds` (real seconds) delay the answer.
    """

    status: int | None = None
    body: bytes | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    html_200: bool = False
    slow_seconds: float = 0.0


OnRequest = Callable[[int, str], "Fault | None"]


@dataclass
class Faults:
    """Switches, each off by default. Thread-safe; replace the object to start counting anew.

    storm_429        every call is refused with 429
    error_500_rate   share of calls (0–1) that fail with 500, chosen by a fixed random seed
    next_500         that many calls, from now on, fail with 500
    fail_calls       these calls (counted from 1) fail with 500
    cut_connection   every answer breaks off in its body
    next_cut         that many answers, from now on, break off
    slow_seconds     every answer comes that many real seconds late
    html_200         every call gets a proxy's sign-in page with status 200
    forbidden        every call is refused with 403
    malformed_rows   lists of incident reports begin with rows that are not proper reports
    on_request       (number, path) → the Fault for that call, or None; asked first
    """

    storm_429: bool = False
    error_500_rate: float = 0.0
    next_500: int = 0
    fail_calls: Collection[int] = ()
    cut_connection: bool = False
    next_cut: int = 0
    slow_seconds: float = 0.0
    html_200: bool = False
    forbidden: bool = False
    malformed_rows: bool = False
    on_request: OnRequest | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _random: random.Random = field(
        default_factory=lambda: random.Random(1), init=False, repr=False, compare=False
    )
    _calls: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse values that would make `decide` fail. Raises ValueError."""
        for name, kind in _SWITCHES.items():
            value = getattr(self, name)
            if not _is_a(value, kind):
                raise ValueError(f"{name} must be {kind}")

    def decide(self, path: str) -> Fault | None:
        """Return the fault of the next call, which asks for `path`; None when it has none."""
        with self._lock:
            self._calls += 1
            number = self._calls
            fault = self._switched(number)
        chosen = self.on_request(number, path) if self.on_request else None
        return chosen or fault

    def _switched(self, number: int) -> Fault | None:
        slow = self.slow_seconds
        if self.storm_429:
            return Fault(status=429, slow_seconds=slow)
        if self.forbidden:
            return Fault(status=403, slow_seconds=slow)
        if self._fails(number):
            return Fault(status=500, slow_seconds=slow)
        if self.html_200:
            return Fault(html_200=True, slow_seconds=slow)
        if self._cuts():
            return Fault(cut=True, slow_seconds=slow)
        return Fault(slow_seconds=slow) if slow else None

    def _fails(self, number: int) -> bool:
        if self.next_500 > 0:
            self.next_500 -= 1
            return True
        return number in self.fail_calls or self._random.random() < self.error_500_rate

    def _cuts(self) -> bool:
        if self.next_cut > 0:
            self.next_cut -= 1
            return True
        return self.cut_connection

    def as_json(self) -> dict[str, object]:
        """Return the switches as JSON values, without `on_request`."""
        with self._lock:
            values = {name: getattr(self, name) for name in _SWITCHES}
        return {**values, "fail_calls": sorted(self.fail_calls)}


_SWITCHES: dict[str, str] = {
    "storm_429": "true or false",
    "error_500_rate": "a number from 0 to 1",
    "next_500": "a whole number",
    "fail_calls": "a list of whole numbers",
    "cut_connection": "true or false",
    "next_cut": "a whole number",
    "slow_seconds": "a number from 0 to 600",
    "html_200": "true or false",
    "forbidden": "true or false",
    "malformed_rows": "true or false",
}


def _is_a(value: object, kind: str) -> bool:
    if kind == "true or false":
        return isinstance(value, bool)
    if kind == "a list of whole numbers":
        return isinstance(value, Collection) and all(_is_whole(item) for item in value)
    if kind == "a whole number":
        return _is_whole(value)
    top = 1 if kind.endswith(" 1") else 600
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= top


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def changed_faults(current: Faults, change: Mapping[str, object]) -> Faults:
    """Return new faults: `current` with the named switches changed.

    With `{"clear": true}` the switches that are not named are off.

    Raises ValueError for an unknown switch or a value that it does not take.
    """
    unknown = set(change) - set(_SWITCHES) - {"clear"}
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    start = {} if change.get("clear") else current.as_json()
    wanted = {**start, **{name: change[name] for name in change if name != "clear"}}
    fresh = Faults(**wanted)  # type: ignore[arg-type]  # __post_init__ checks the values
    fresh.on_request = None if change.get("clear") else current.on_request
    return fresh


def malformed_incidents() -> list[object]:
    """Return rows that a list of incident reports should not hold, but a client must survive."""
    usual = {
        "subject": "LOW - Incident on GHOST-01 (Globex)",
        "severity": "low",
        "status": "sent",
        "organization_id": None,
        "sent_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }
    deep: object = "bottom"
    for _ in range(DEEP):
        deep = [deep]
    return [
        None,
        "a string where a report should be",
        17,
        [],
        {},
        {**usual, "subject": "HIGH - no id at all"},
        {**usual, "id": None},
        {**usual, "id": [1, 2]},
        {**usual, "id": "not-a-number"},
        {**usual, "id": -5},
        {**usual, "id": 10**30},
        {**usual, "id": 1_990_001, "updated_at": "2099-12-31T23:59:59Z"},
        {**usual, "id": 1_990_002, "updated_at": None, "sent_at": None},
        {**usual, "id": 1_990_003, "updated_at": "the day before yesterday"},
        {**usual, "id": 1_990_004, "updated_at": 1_750_000_000},
        {**usual, "id": 1_990_005, "severity": ["high"], "status": {"is": "sent"}},
        {**usual, "id": 1_990_006, "severity": "apocalyptic", "status": "pondering"},
        {**usual, "id": 1_990_007, "remediations": "see portal", "indicator_types": 7},
        {**usual, "id": 1_990_008, "remediations": {"items": [None, 3, {"parameters": {}}]}},
        {**usual, "id": 1_990_009, "remediations": deep, "body": deep},
        {**usual, "id": 1_990_010, "summary": "A" * HUGE_TEXT},
        {
            **usual,
            "id": 1_990_011,
            "subject": "\x00LOW\u202e\r\n## not a heading",
            "body": "\ud800",
        },
        {**usual, "id": 1_990_012, "organization_id": {"id": 1}, "agent_id": "seven"},
        {**usual, "id": 1_990_013, "subject": "<script>alert(1)</script>", "summary": "# Heading"},
    ]


def switch_names() -> list[str]:
    """Return the names of all switches, for messages and tests of the documentation."""
    public = [f.name for f in fields(Faults) if not f.name.startswith("_")]
    return [name for name in public if name in _SWITCHES]
