"""The client against mocked answers: requests, shapes, retries, waits, the ledger's records."""

import base64
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from urllib3.exceptions import ReadTimeoutError

from webapp.huntress.budget import AccountCalls, CallBudget, MemoryLedger
from webapp.huntress.client import HuntressClient
from webapp.huntress.errors import ErrorKind, HuntressError

BASE = "https://api.huntress.io"
START = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
KEY, SECRET = "hk_key", "hs_very_secret"
LISTS = ["organizations", "agents", "incident_reports"]
SINGLES = ["organization", "agent", "incident_report"]


class RecordingLedger(MemoryLedger):
    """A ledger that also keeps what it was told."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.reserved: list[tuple[str, str]] = []
        self.finished: list[tuple[int | None, int | None]] = []
        self.milliseconds: list[int] = []
        self.accounts: list[AccountCalls | None] = []

    def reserve(self, method: str, path: str, now: datetime) -> Any:
        self.reserved.append((method, path))
        return super().reserve(method, path, now)

    def finish(
        self,
        reservation_id: int,
        now: datetime,
        *,
        status: int | None,
        milliseconds: int,
        rows: int | None,
        account: AccountCalls | None = None,
    ) -> None:
        self.finished.append((status, rows))
        self.milliseconds.append(milliseconds)
        self.accounts.append(account)
        super().finish(reservation_id, now, status=status, milliseconds=milliseconds, rows=rows)


@dataclass
class Stage:
    """A client on virtual time: nothing here takes real seconds."""

    now: datetime = START
    waits: list[tuple[float, str]] = field(default_factory=list)
    on_wait: Callable[[float, str], None] | None = None

    def __post_init__(self) -> None:
        self.ledger = RecordingLedger(limit=50)
        self.budget = CallBudget(
            self.ledger, clock=lambda: self.now, sleep=self._sleep, on_wait=self._told
        )
        self.client = self.make_client()

    def make_client(self, **options: Any) -> HuntressClient:
        given = {"base_url": BASE, "allowed_hosts": ["api.huntress.io"], "jitter": lambda: 0.5}
        return HuntressClient(
            api_key=KEY, api_secret=SECRET, budget=self.budget, **{**given, **options}
        )

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def _told(self, left: float, reason: str) -> None:
        self.waits.append((left, reason))
        if self.on_wait is not None:
            self.on_wait(left, reason)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def huntress() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def call_list(client: HuntressClient, plural: str, *args: Any, **options: Any) -> Any:
    return getattr(client, f"list_{plural}")(*args, **options)


def params(mock: responses.RequestsMock, index: int = -1) -> dict[str, str]:
    return mock.calls[index].request.params  # type: ignore[attr-defined]


def error_of(action: Callable[[], object]) -> HuntressError:
    with pytest.raises(HuntressError) as caught:
        action()
    return caught.value


# --- requests --------------------------------------------------------------------------------


def test_a_request_carries_credentials_and_says_who_asks(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    huntress.get(f"{BASE}/v1/account", json={"account": {"id": 1}})
    stage.client.get_account()
    headers = huntress.calls[0].request.headers
    token = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    assert headers["Authorization"] == f"Basic {token}"
    assert headers["User-Agent"].startswith("Triagedesk/")
    assert headers["Accept"] == "application/json"
    assert huntress.calls[0].request.req_kwargs["timeout"] == (30.0, 30.0)  # type: ignore[attr-defined]


def test_credentials_with_any_character_are_sent(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    huntress.get(f"{BASE}/v1/account", json={"id": 1})
    client = HuntressClient(
        base_url=BASE,
        api_key="hk_…",
        api_secret="hs_\n€",
        budget=stage.budget,
        allowed_hosts=["api.huntress.io"],
    )
    client.get_account()
    sent = huntress.calls[0].request.headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "hk_…:hs_\n€"


@pytest.mark.parametrize("session", [None, requests.Session()])
def test_a_netrc_file_never_replaces_the_credentials(
    stage: Stage,
    huntress: responses.RequestsMock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    session: requests.Session | None,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.huntress.io login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    huntress.get(f"{BASE}/v1/account", json={"id": 1})
    stage.make_client(session=session).get_account()
    sent = huntress.calls[0].request.headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == f"{KEY}:{SECRET}"


BY_ID = {"sort_field": "id", "sort_direction": "asc"}
NEWEST = {"sort_field": "updated_at", "sort_direction": "desc"}


@pytest.mark.parametrize(
    ("plural", "args", "options", "expected"),
    [
        ("organizations", (), {}, {**BY_ID, "limit": "500"}),
        ("agents", (), {"limit": 50}, {**BY_ID, "limit": "50"}),
        ("agents", ("a+b/=&c",), {}, {**BY_ID, "limit": "500", "page_token": "a+b/=&c"}),
        ("incident_reports", (), {}, {**NEWEST, "limit": "500"}),
        ("incident_reports", ("",), {}, {**NEWEST, "limit": "500"}),
        ("incident_reports", (), {"limit": 0}, {**NEWEST, "limit": "1"}),
        ("incident_reports", (), {"limit": 9000}, {**NEWEST, "limit": "500"}),
        (
            "incident_reports",
            ("tok",),
            {"sort_field": "id", "sort_direction": "asc", "status": "sent"},
            {**BY_ID, "status": "sent", "limit": "500", "page_token": "tok"},
        ),
    ],
)
def test_lists_send_their_sort_filters_and_token(
    stage: Stage,
    huntress: responses.RequestsMock,
    plural: str,
    args: tuple[str, ...],
    options: dict[str, Any],
    expected: dict[str, str],
) -> None:
    huntress.get(f"{BASE}/v1/{plural}", json={plural: []})
    call_list(stage.client, plural, *args, **options)
    assert params(huntress) == expected


# --- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("plural", LISTS)
def test_a_list_becomes_a_page(stage: Stage, huntress: responses.RequestsMock, plural: str) -> None:
    huntress.get(
        f"{BASE}/v1/{plural}",
        json={plural: [{"id": 1}, {"id": 2}], "pagination": {"next_page_token": "tok"}},
        headers={"Date": "Tue, 03 Nov 2026 09:59:58 GMT"},
    )
    page = call_list(stage.client, plural)
    assert page.rows == ({"id": 1}, {"id": 2})
    assert page.next_token == "tok"
    assert page.answered_at == START - timedelta(seconds=2)
    assert stage.ledger.reserved == [("GET", f"/v1/{plural}")]
    assert stage.ledger.finished == [(200, 2)]


@pytest.mark.parametrize("plural", LISTS)
def test_a_bare_list_is_a_last_page(
    stage: Stage, huntress: responses.RequestsMock, plural: str
) -> None:
    huntress.get(f"{BASE}/v1/{plural}", json=[{"id": 1}])
    page = call_list(stage.client, plural)
    assert (page.rows, page.next_token) == (({"id": 1},), None)


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_without_a_date_the_time_of_the_request_counts(
    stage: Stage, huntress: responses.RequestsMock, date: str | None
) -> None:
    def answer(_: object) -> tuple[int, dict[str, str], str]:
        stage.now += timedelta(seconds=9)  # the answer takes its time
        return 200, {"Date": date} if date else {}, "[]"

    huntress.add_callback("GET", f"{BASE}/v1/agents", answer)
    assert stage.client.list_agents().answered_at == START


@pytest.mark.parametrize("name", SINGLES)
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_single_objects_come_wrapped_or_bare(
    stage: Stage, huntress: responses.RequestsMock, name: str, is_wrapped: bool
) -> None:
    value = {"id": 7, "name": "X"}
    huntress.get(f"{BASE}/v1/{name}s/7", json={name: value} if is_wrapped else value)
    get = getattr(stage.client, f"get_{name}")
    assert get(7) == get("7") == value
    assert stage.ledger.finished == [(200, 1)] * 2


@pytest.mark.parametrize("name", SINGLES)
def test_a_missing_object_is_an_answer(
    stage: Stage, huntress: responses.RequestsMock, name: str
) -> None:
    huntress.get(f"{BASE}/v1/{name}s/7", status=404, body="<h1>gone</h1>")
    assert getattr(stage.client, f"get_{name}")(7) is None
    assert stage.ledger.finished == [(404, None)]


@pytest.mark.parametrize("odd_id", ["", "..", ".", "1/2", "1?x=y", "1#", "%2e%2e", "a b", "x" * 65])
def test_what_cannot_be_an_id_is_never_put_in_a_path(stage: Stage, odd_id: str) -> None:
    assert stage.client.get_agent(odd_id) is None
    assert stage.ledger.reserved == []


@pytest.mark.parametrize(
    ("limit", "remaining", "account"),
    [
        ("60", "12", AccountCalls(60, 12)),
        ("60", "0", AccountCalls(60, 0)),
        ("60", "61", None),
        ("0", "0", None),
        ("60", "-3", None),
        ("sixty", "12", None),
        ("60", "1" * 5000, None),
        ("60", None, None),
        (None, None, None),
    ],
)
def test_what_an_answer_says_of_the_accounts_calls(
    stage: Stage,
    huntress: responses.RequestsMock,
    limit: str | None,
    remaining: str | None,
    account: AccountCalls | None,
) -> None:
    names = {"x-huntress-api-call-limit": limit, "X-Huntress-Api-Call-Remaining": remaining}
    headers = {name: value for name, value in names.items() if value is not None}
    huntress.get(f"{BASE}/v1/agents", json={"agents": []}, headers=headers)
    stage.client.list_agents()
    assert stage.ledger.accounts == [account]
    assert stage.budget.account == account


@pytest.mark.parametrize("path", ["account", *LISTS])
def test_a_missing_list_or_account_is_an_error(
    stage: Stage, huntress: responses.RequestsMock, path: str
) -> None:
    huntress.get(f"{BASE}/v1/{path}", status=404)
    action = {"account": stage.client.get_account}.get(path) or getattr(
        stage.client, f"list_{path}"
    )
    assert error_of(action).kind is ErrorKind.NOT_FOUND


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        ("<html>Sign in</html>", "text/html", "web page"),
        ("", "application/json", "empty"),
        ('{"agents": [{"id": 1', "application/json", "cut short"),
        ('{"error": "later"}', "application/json", 'no list of "agents"'),
        ('{"agents": null}', "application/json", 'no list of "agents"'),
    ],
)
def test_an_unreadable_answer_is_an_error_and_not_asked_for_again(
    stage: Stage, huntress: responses.RequestsMock, body: str, content_type: str, words: str
) -> None:
    huntress.get(f"{BASE}/v1/agents", body=body, content_type=content_type)
    error = error_of(stage.client.list_agents)
    assert (error.kind, error.status) == (ErrorKind.UNREADABLE, 200)
    assert words in error.sentence
    assert stage.ledger.finished == [(200, None)]


def test_one_odd_row_does_not_wedge_a_page(stage: Stage, huntress: responses.RequestsMock) -> None:
    body = (
        b'{"agents": [{"id": ' + b"7" * 6000 + b'}, {"id": NaN}, {"n": "\xff"}, null, {"id": 5}]}'
    )
    huntress.get(f"{BASE}/v1/agents", body=body)
    rows = stage.client.list_agents().rows
    assert rows == ({"id": "7" * 6000}, {"id": None}, {"n": "\ufffd"}, None, {"id": 5})


# --- errors and retries ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "tries", "waits"),
    [
        (400, ErrorKind.BAD_REQUEST, 1, 0),
        (401, ErrorKind.UNAUTHORIZED, 1, 0),
        (403, ErrorKind.FORBIDDEN, 1, 0),
        (404, ErrorKind.NOT_FOUND, 1, 0),
        (422, ErrorKind.BAD_REQUEST, 1, 0),
        (301, ErrorKind.REDIRECTED, 1, 0),
        (302, ErrorKind.REDIRECTED, 1, 0),
        (304, ErrorKind.REDIRECTED, 1, 0),
        (308, ErrorKind.REDIRECTED, 1, 0),
        (408, ErrorKind.TIMEOUT, 3, 2 + 4),
        (500, ErrorKind.SERVER_ERROR, 3, 2 + 4),
        (503, ErrorKind.SERVER_ERROR, 3, 2 + 4),
        (429, ErrorKind.RATE_LIMITED, 6, 5 * 60),
    ],
)
def test_each_status_is_tried_as_often_as_it_makes_sense(
    stage: Stage,
    huntress: responses.RequestsMock,
    status: int,
    kind: ErrorKind,
    tries: int,
    waits: float,
) -> None:
    huntress.get(
        f"{BASE}/v1/agents",
        status=status,
        body=f"<h1>{SECRET}</h1>",
        headers={"Location": "https://evil.example/"},
    )
    error = error_of(stage.client.list_agents)
    assert (error.kind, error.status) == (kind, status)
    assert SECRET not in repr(error)
    assert stage.ledger.finished == [(status, None)] * tries
    assert stage.budget.calls == len(huntress.calls) == tries
    assert stage.budget.waited_seconds == waits
    assert all(str(call.request.url).startswith(BASE) for call in huntress.calls)


@pytest.mark.parametrize(
    ("failure", "kind", "tries"),
    [
        (requests.ConnectTimeout("x"), ErrorKind.TIMEOUT, 3),
        (requests.ReadTimeout("x"), ErrorKind.TIMEOUT, 3),
        (requests.ConnectionError(ReadTimeoutError(None, "u", "m")), ErrorKind.TIMEOUT, 3),  # type: ignore[arg-type]
        (requests.ConnectionError("reset"), ErrorKind.UNREACHABLE, 3),
        (requests.exceptions.ChunkedEncodingError("cut"), ErrorKind.BAD_REQUEST, 1),
        (OSError("no certificates at x"), ErrorKind.TLS, 1),
    ],
)
def test_transport_failures(
    stage: Stage,
    huntress: responses.RequestsMock,
    failure: Exception,
    kind: ErrorKind,
    tries: int,
) -> None:
    huntress.get(f"{BASE}/v1/agents", body=failure)
    error = error_of(stage.client.list_agents)
    assert (error.kind, error.status) == (kind, None)
    assert stage.ledger.finished == [(None, None)] * tries
    assert error.__suppress_context__


def test_a_failure_that_passes_is_not_noticed(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    huntress.get(f"{BASE}/v1/agents", status=502)
    huntress.get(f"{BASE}/v1/agents", body=requests.ConnectionError("cut"))
    huntress.get(f"{BASE}/v1/agents", json={"agents": [{"id": 1}]})
    assert stage.client.list_agents().rows == ({"id": 1},)
    assert stage.ledger.finished == [(502, None), (None, None), (200, 1)]
    assert [left for left, _ in stage.waits] == [2.0, 4.0]
    assert {reason for _, reason in stage.waits} == {"trying again after a failed call"}


def test_rate_limits_and_failures_are_counted_apart(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    for status in (429, 500, 429, 500, 429):
        huntress.get(f"{BASE}/v1/agents", status=status, headers={"Retry-After": "1"})
    huntress.get(f"{BASE}/v1/agents", json=[])
    assert stage.client.list_agents().rows == ()
    assert stage.budget.calls == 6


def test_each_request_has_its_own_tries(stage: Stage, huntress: responses.RequestsMock) -> None:
    for _ in range(3):
        huntress.get(f"{BASE}/v1/agents", status=500)
        huntress.get(f"{BASE}/v1/agents", status=500)
        huntress.get(f"{BASE}/v1/agents", json=[])
    for _ in range(3):
        assert stage.client.list_agents().rows == ()


@pytest.mark.parametrize(("chance", "waits"), [(0.0, [1.0, 2.0]), (0.99, [2.98, 5.96])])
def test_backoff_is_jittered(
    stage: Stage, huntress: responses.RequestsMock, chance: float, waits: list[float]
) -> None:
    huntress.get(f"{BASE}/v1/agents", status=500)
    error_of(stage.make_client(jitter=lambda: chance).list_agents)
    firsts = [left for left, _ in stage.waits if any(left == pytest.approx(w) for w in waits)]
    assert firsts == pytest.approx(waits)


@pytest.mark.parametrize(
    ("status", "header", "waited"),
    [
        (429, "7", 7.0),
        (429, "Tue, 03 Nov 2026 10:00:30 GMT", 30.0),
        (429, "0", 1.0),
        (429, "100000", 120.0),
        (429, "-5", 60.0),
        (429, "soon", 60.0),
        (429, None, 60.0),
        (503, "30", 30.0),
        (503, "1", 2.0),
        (503, "soon", 2.0),
    ],
)
def test_retry_after_is_honoured(
    stage: Stage, huntress: responses.RequestsMock, status: int, header: str | None, waited: float
) -> None:
    headers = {"Retry-After": header} if header else {}
    huntress.get(f"{BASE}/v1/account", status=status, headers=headers)
    huntress.get(f"{BASE}/v1/account", json={"id": 1})
    stage.client.get_account()
    assert stage.budget.waited_seconds == waited
    if status == 429:
        assert {reason for _, reason in stage.waits} == {"Huntress asked to slow down"}


def test_a_retry_date_is_measured_from_the_answers_own_time(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    headers = {
        "Date": "Tue, 03 Nov 2026 08:00:00 GMT",  # our clock is two hours ahead
        "Retry-After": "Tue, 03 Nov 2026 08:00:09 GMT",
    }
    huntress.get(f"{BASE}/v1/account", status=429, headers=headers)
    huntress.get(f"{BASE}/v1/account", json={"id": 1})
    stage.client.get_account()
    assert stage.budget.waited_seconds == 9.0


def test_a_wait_can_be_ended_and_leaves_no_open_reservation(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    class LeaseLostError(Exception):
        pass

    def lose(left: float, reason: str) -> None:
        if left <= 50:
            raise LeaseLostError

    stage.on_wait = lose
    huntress.get(f"{BASE}/v1/account", status=429)
    with pytest.raises(LeaseLostError):
        stage.client.get_account()
    assert stage.budget.waited_seconds == 10.0
    assert stage.ledger.finished == [(429, None)]


def test_the_reservation_is_finished_whatever_happens(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    class JobTimeoutError(BaseException):
        pass

    def interrupt(_: object) -> Any:
        raise JobTimeoutError

    huntress.add_callback("GET", f"{BASE}/v1/account", interrupt)
    with pytest.raises(JobTimeoutError):
        stage.client.get_account()
    assert stage.ledger.finished == [(None, None)]
    assert stage.ledger.milliseconds[0] >= 0


def test_every_attempt_waits_for_its_place_in_the_window(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    huntress.get(f"{BASE}/v1/agents", json=[])
    for _ in range(51):
        stage.client.list_agents()
    assert stage.budget.calls == 51
    assert stage.now == START + timedelta(seconds=60)
    assert stage.waits[0] == (60.0, "waiting for the API call window")
    assert len(stage.waits) == 12


# --- large answers ---------------------------------------------------------------------------


def answer_rows(huntress: responses.RequestsMock, rows: list[str]) -> None:
    """Lists `rows` (their JSON) from the offset in the token, as many as the limit says."""

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        start, limit = int(request.params.get("page_token", 0)), int(request.params["limit"])
        end = start + limit
        token = f'"{end}"' if end < len(rows) else "null"
        body = ",".join(rows[start:end])
        return 200, {}, f'{{"agents": [{body}], "pagination": {{"next_page_token": {token}}}}}'

    huntress.add_callback("GET", f"{BASE}/v1/agents", answer)


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    answer_rows(huntress, ['{"id": 1, "text": "xxxxxxxxxx"}'] * 300)
    page = stage.make_client(max_response_bytes=1000).list_agents()
    assert (len(page.rows), page.next_token) == (20, "20")
    assert [params(huntress, index)["limit"] for index in range(3)] == ["500", "100", "20"]
    assert stage.ledger.finished == [(200, None), (200, None), (200, 20)]
    assert stage.budget.waited_seconds == 0


def test_a_large_row_hides_none_of_its_neighbours(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    rows = [f'{{"id": {number}}}' for number in range(40)]
    rows[25] = '{"id": 25, "text": "' + "x" * 900 + '"}'
    answer_rows(huntress, rows)
    client, token, ids = stage.make_client(max_response_bytes=1000), None, []
    for _ in range(40):
        page = client.list_agents(token)
        ids += [row["id"] for row in page.rows]  # type: ignore[index]
        token = page.next_token
        if token is None:
            break
    assert ids == list(range(40))


def test_a_row_that_is_too_large_alone_is_an_error(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    answer_rows(huntress, ['{"text": "' + "x" * 2000 + '"}'] * 3)
    error = error_of(stage.make_client(max_response_bytes=1000).list_agents)
    assert (error.kind, error.status) == (ErrorKind.TOO_LARGE, 200)
    limits = [params(huntress, index)["limit"] for index in range(len(huntress.calls))]
    assert limits == ["500", "100", "20", "4", "1"]


def test_smaller_pages_start_below_the_limit_that_was_asked_for(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    answer_rows(huntress, ['{"text": "' + "x" * 2000 + '"}'] * 3)
    error_of(lambda: stage.make_client(max_response_bytes=1000).list_agents(limit=20))
    limits = [params(huntress, index)["limit"] for index in range(len(huntress.calls))]
    assert limits == ["20", "4", "1"]


def test_an_object_that_is_too_large_is_an_error(
    stage: Stage, huntress: responses.RequestsMock
) -> None:
    huntress.get(f"{BASE}/v1/agents/1", json={"agent": {"id": 1, "text": "x" * 2000}})
    client = stage.make_client(max_response_bytes=1000)
    assert error_of(lambda: client.get_agent(1)).kind is ErrorKind.TOO_LARGE
    assert stage.budget.calls == 1


# --- construction ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base_url", ["https://evil.example", "http://api.huntress.io", "http://127.0.0.1:1"]
)
def test_a_base_url_that_is_not_allowed_makes_no_client(stage: Stage, base_url: str) -> None:
    error = error_of(lambda: stage.make_client(base_url=base_url))
    assert error.kind is ErrorKind.HOST_NOT_ALLOWED


def test_secrets_stay_out_of_texts_and_logs(
    stage: Stage, huntress: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    huntress.get(f"{BASE}/v1/account", status=500)
    error = error_of(stage.client.get_account)
    token = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    texts = repr(stage.client) + str(stage.client) + repr(error) + str(error) + caplog.text
    assert SECRET not in texts
    assert token not in texts
    assert repr(stage.client) == "<HuntressClient https://api.huntress.io>"


def test_close_closes_the_session(stage: Stage) -> None:
    closed = []

    class Session(requests.Session):
        def close(self) -> None:
            closed.append(True)

    stage.make_client(session=Session()).close()
    assert closed == [True]
