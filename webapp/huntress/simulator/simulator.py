"""An HTTP server on loopback that behaves like the Huntress API, for tests and the demo.

It checks credentials, keeps the sliding call window, pages as Huntress does and can be made to
fail (`Faults`). Start one simulator for each account:

    with Simulator(SimulatedAccount.demo(now=utcnow())) as simulator:
        requests.get(simulator.base_url + "/v1/account", auth=("hk_demo", "hs_demo"))

or `python -m webapp.huntress.simulator --port 8081 --live`. While it runs, `GET
/simulator/state` shows its state and `POST /simulator/faults` switches faults on and off
(see `control`):

    curl -H 'Content-Type: application/json' -d '{"storm_429": true}' \
        http://127.0.0.1:8081/simulator/faults
    curl -H 'Content-Type: application/json' -d '{"clear": true}' \
        http://127.0.0.1:8081/simulator/faults
"""

import base64
import hmac
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from webapp.huntress.simulator.account import SimulatedAccount
from webapp.huntress.simulator.api import Answer, ErrorBodies, Headers, SimulatedApi
from webapp.huntress.simulator.control import PREFIX, answer_control
from webapp.huntress.simulator.faults import LOGIN_PAGE, Fault, Faults, malformed_incidents
from webapp.huntress.simulator.listing import PaginationStyle, Ties
from webapp.huntress.simulator.rows import iso
from webapp.huntress.simulator.server import LoopbackServer, Reply

MAX_RECORDED = 10_000
STORM_RETRY_AFTER_SECONDS = 5.0


@dataclass(frozen=True)
class RecordedRequest:
    """One API request with the status of its answer; `at` is the simulator's time, UTC."""

    method: str
    path: str
    query: dict[str, str]
    status: int
    at: datetime


def system_clock() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class CallWindow:
    """A sliding window of at most `calls` in any `seconds`. Thread-safe.

    Refused calls do not count.
    """

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls = calls
        self._length = timedelta(seconds=seconds)
        self._taken: deque[datetime] = deque()
        self._lock = threading.Lock()

    def take(self, now: datetime) -> float | None:
        """Count a call at `now` and return None, or return the seconds until a place is free."""
        with self._lock:
            self._forget(now)
            if len(self._taken) < self.calls:
                self._taken.append(now)
                return None
            if not self._taken:
                return self._length.total_seconds()
            return (self._taken[0] + self._length - now).total_seconds()

    def count(self, now: datetime) -> int:
        """Return how many calls count at `now`."""
        with self._lock:
            self._forget(now)
            return len(self._taken)

    def headers(self, now: datetime) -> tuple[tuple[str, str], ...]:
        """Return what each answer says of the account's calls, whoever made them."""
        left = max(0, self.calls - self.count(now))
        return (
            ("x-huntress-api-call-limit", str(self.calls)),
            ("x-huntress-api-call-remaining", str(left)),
        )

    def _forget(self, now: datetime) -> None:
        while self._taken and self._taken[0] <= now - self._length:
            self._taken.popleft()


class Simulator:
    """A simulated account behind an HTTP server on 127.0.0.1; a context manager.

    `faults`, `api_key`, `api_secret` and `retry_after` may be replaced at any time. `requests`
    lists the newest API requests with their statuses, without control requests. A stopped simulator
    can be started again and keeps its port.
    """

    def __init__(
        self,
        account: SimulatedAccount,
        *,
        clock: Callable[[], datetime] = system_clock,
        port: int = 0,
        api_key: str = "hk_demo",
        api_secret: str = "hs_demo",  # noqa: S107 - the demo's own, opens nothing real
        calls_per_window: int = 60,
        window_seconds: float = 60.0,
        pagination_style: PaginationStyle = "documented",
        retry_after: Literal["seconds", "date"] | None = None,
        ties: Ties = "skip",
        live: bool = False,
    ) -> None:
        self.account = account
        self.faults = Faults()
        self.requests: list[RecordedRequest] = []
        self.api_key = api_key
        self.api_secret = api_secret
        self.retry_after = retry_after
        self._clock = clock
        self._port = port
        self._live = live
        self._window = CallWindow(calls_per_window, window_seconds)
        self._errors = ErrorBodies()
        self._api = SimulatedApi(
            account,
            pagination_style=pagination_style,
            ties=ties,
            errors=self._errors,
            raw_rows=self._malformed_rows,
        )
        self._server: LoopbackServer | None = None
        self._stopping = threading.Event()

    @property
    def base_url(self) -> str:
        """The simulator's address, `http://127.0.0.1:PORT`.

        Raises RuntimeError before the first start without a chosen port.
        """
        if not self._port:
            raise RuntimeError("The simulator has not been started.")
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> "Simulator":
        """Listen and answer in the background; return the simulator.

        Raises OSError when the port is taken.
        """
        if self._server is None:
            self._stopping.clear()
            self._server = LoopbackServer(self._port, self._answer, self.http_date)
            self._port = self._server.server_port
            self._server.start()
        return self

    def stop(self) -> None:
        """Stop listening and drop every connection, including those with slow answers."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> "Simulator":
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def calls_in_window(self) -> int:
        """Return how many calls of the last `window_seconds` count towards the limit."""
        return self._window.count(self._clock())

    def time_text(self) -> str:
        """Return the simulator's time as Huntress writes times."""
        return iso(self._clock())

    def http_date(self) -> str:
        """Return the simulator's time as a Date header."""
        return format_datetime(self._clock().astimezone(UTC), usegmt=True)

    def _malformed_rows(self) -> Sequence[object]:
        return malformed_incidents() if self.faults.malformed_rows else ()

    def _answer(self, method: str, target: str, headers: Headers, body: bytes) -> Reply:
        if self._live:
            self.account.pass_time(self._clock())
        path, query = _split(target)
        if path.startswith(PREFIX):
            return Reply(answer_control(self, method, path, headers, body))
        fault = self.faults.decide(path) or Fault()
        self._stopping.wait(fault.slow_seconds)
        answer = self._answer_api(method, path, query, headers.get("Authorization"), fault)
        if answer.status != 401:  # nobody's window
            given = {name.lower() for name, _ in answer.headers}
            window = (one for one in self._window.headers(self._clock()) if one[0] not in given)
            answer = replace(answer, headers=(*answer.headers, *window))
        self._record(RecordedRequest(method, path, query, answer.status, self._clock()))
        return Reply(answer, cut=fault.cut)

    def _answer_api(
        self, method: str, path: str, query: dict[str, str], authorization: str | None, fault: Fault
    ) -> Answer:
        if fault.html_200:
            return Answer(200, LOGIN_PAGE, "text/html; charset=utf-8")
        if not self._is_authorized(authorization):
            return self._errors.build(401)
        if fault.status == 429:
            return self._refuse(STORM_RETRY_AFTER_SECONDS, fault)
        wait = self._window.take(self._clock())
        if wait is not None:
            return self._refuse(wait, Fault())
        if fault.status is not None:
            return self._failed(fault, fault.status)
        if method != "GET":
            return self._errors.build(405, ("Allow", "GET"))
        return self._api.get(path, query, origin=self.base_url)

    def _refuse(self, wait: float, fault: Fault) -> Answer:
        if fault.headers or fault.body is not None:
            return self._failed(fault, 429)
        seconds = max(1, math.ceil(wait))
        if self.retry_after == "seconds":
            return self._errors.build(429, ("Retry-After", str(seconds)))
        if self.retry_after == "date":
            until = self._clock().astimezone(UTC) + timedelta(seconds=seconds)
            return self._errors.build(429, ("Retry-After", format_datetime(until, usegmt=True)))
        return self._errors.build(429)

    def _failed(self, fault: Fault, status: int) -> Answer:
        if fault.body is None:
            return self._errors.build(status, *fault.headers)
        return Answer(status, fault.body, fault.content_type, fault.headers)

    def _is_authorized(self, authorization: str | None) -> bool:
        pair = f"{self.api_key}:{self.api_secret}".encode()
        scheme, _, given = (authorization or "").partition(" ")
        expected = base64.b64encode(pair)
        matches = hmac.compare_digest(given.strip().encode(), expected)
        return scheme.lower() == "basic" and matches

    def _record(self, request: RecordedRequest) -> None:
        self.requests.append(request)
        del self.requests[:-MAX_RECORDED]


def _split(target: str) -> tuple[str, dict[str, str]]:
    path, _, query = target.partition("?")
    if path.startswith("http"):
        path = urlsplit(path).path
    return path, dict(parse_qsl(query, keep_blank_values=True))
