"""Paging over real HTTP: sorting, tokens with a resolution of one second, pagination shapes."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from webapp.huntress.simulator import SimulatedAccount, Simulator

NOW = datetime(2026, 6, 9, 12, 0, 0, tzinfo=UTC)
AUTH = ("hk_demo", "hs_demo")


def at(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def account() -> SimulatedAccount:
    return SimulatedAccount(now=NOW)


@pytest.fixture
def serve(account: SimulatedAccount) -> Iterator[Callable[..., Simulator]]:
    started: list[Simulator] = []

    def start(**options: object) -> Simulator:
        simulator = Simulator(account, clock=lambda: NOW, calls_per_window=10_000, **options)
        started.append(simulator.start())
        return simulator

    yield start
    for simulator in started:
        simulator.stop()


def get(simulator: Simulator, path: str, **query: object) -> requests.Response:
    return requests.get(simulator.base_url + path, params=query, auth=AUTH, timeout=10)


def walk(simulator: Simulator, path: str = "/v1/incident_reports", **query: object) -> list[list]:
    """All pages of a list; fails when a token repeats."""
    key = path.rsplit("/", 1)[-1]
    pages, seen = [], set()
    token = None
    while True:
        asked = {**query, **({"page_token": token} if token else {})}
        answer = get(simulator, path, **asked)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json()[key])
        token = (answer.json().get("pagination") or {}).get("next_page_token")
        if not token:
            return pages
        assert token not in seen, "the token repeats"
        seen.add(token)


def ids(rows: list) -> list:
    return [row["id"] if isinstance(row, dict) else row for row in rows]


def flat(pages: list[list]) -> list:
    return [row_id for page in pages for row_id in ids(page)]


def test_ten_rows_newest_id_first_unless_asked_otherwise(account, serve):
    for number in range(1, 13):
        account.add_incident(now=at(-number), id=number)
    answer = get(serve(), "/v1/incident_reports").json()
    assert ids(answer["incident_reports"]) == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]
    assert answer["pagination"]["limit"] == 10


@pytest.mark.parametrize("limit", ["0", "501", "-1", "ten", "", "1.5", "٣", "1" * 4000])
def test_a_bad_limit_is_400(serve, limit):
    assert get(serve(), "/v1/incident_reports", limit=limit).status_code == 400


@pytest.mark.parametrize("limit", [1, 500])
def test_the_outermost_limits_are_accepted(account, serve, limit):
    for number in range(1, 503):
        account.add_organization(f"Org {number}", id=number)
    rows = get(serve(), "/v1/organizations", limit=limit).json()["organizations"]
    assert len(rows) == limit


@pytest.mark.parametrize(
    "query",
    [
        {"sort_field": "severity"},
        {"sort_field": ""},
        {"sort_direction": "down"},
        {"page_token": "%%%"},
        {"page_token": ""},
        {"page_token": "é"},
        {"page_token": base64.b64encode(b"2026-06-09T12:00:00Z").decode(), "sort_field": "id"},
        {"page_token": base64.b64encode(b"17").decode(), "sort_field": "updated_at"},
        {"page_token": base64.b64encode(b"raw:x").decode()},
        {"page_token": base64.b64encode(b"\xff\xfe").decode()},
    ],
)
def test_unknown_sorts_and_tokens_are_400(account, serve, query):
    account.add_incident(now=NOW)
    assert get(serve(), "/v1/incident_reports", **query).status_code == 400


@pytest.mark.parametrize("field", ["updated_at", "created_at", "id"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_every_sort_walks_all_rows_in_order(account, serve, field, direction):
    for number in range(1, 24):
        moment = at((number * 7) % 23)
        account.add_incident(now=moment, id=number, created_at=at((number * 5) % 23))
    pages = walk(serve(), limit=5, sort_field=field, sort_direction=direction)
    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages] == [5, 5, 5, 5, 3]
    values = [row[field] for row in rows]
    assert values == sorted(values, reverse=direction == "desc")
    assert len(set(ids(rows))) == 23


def test_a_list_that_ends_with_its_page_has_no_next_page(account, serve):
    for number in range(10):
        account.add_incident(now=at(number))
    answer = get(serve(), "/v1/incident_reports", limit=10).json()
    assert len(answer["incident_reports"]) == 10
    assert answer["pagination"] == {}


def test_a_time_token_is_the_last_rows_time_in_base64(account, serve):
    for number in range(3):
        account.add_incident(now=at(number))
    answer = get(serve(), "/v1/incident_reports", limit=2, sort_field="updated_at").json()
    token = answer["pagination"]["next_page_token"]
    assert base64.urlsafe_b64decode(token) == b"2026-06-09T12:00:01Z"


def test_an_id_token_loses_no_ties(account, serve):
    for number in range(1, 8):
        account.add_incident(now=NOW, id=number)
    simulator = serve()
    assert flat(walk(simulator, limit=2)) == [7, 6, 5, 4, 3, 2, 1]
    token = get(simulator, "/v1/incident_reports", limit=2).json()["pagination"]["next_page_token"]
    assert base64.urlsafe_b64decode(token) == b"6"


def test_rows_that_share_a_second_at_the_edge_are_skipped(account, serve):
    for number in (1, 2, 3, 4):
        account.add_incident(now=at(5 if number in (2, 3) else number * 3), id=number)
    # Descending: 4 (12 s), 3 and 2 (5 s), 1 (3 s).
    assert flat(walk(serve(), limit=2, sort_field="updated_at")) == [4, 3, 1]


def test_rows_that_share_a_second_at_the_edge_can_repeat(account, serve):
    for number, second in ((1, 3), (2, 5), (3, 5), (4, 11), (5, 12)):
        account.add_incident(now=at(second), id=number)
    pages = walk(serve(ties="repeat"), limit=3, sort_field="updated_at")
    assert [ids(page) for page in pages] == [[5, 4, 3], [3, 2, 1]]


def test_a_second_that_fills_a_page_repeats_its_token(account, serve):
    for number in range(5):
        account.add_incident(now=NOW, id=number + 1)
    with pytest.raises(AssertionError, match="repeats"):
        walk(serve(ties="repeat"), limit=2, sort_field="updated_at")


@pytest.mark.parametrize("garbage", [None, "", "yesterday", 17, ["2026"], {"a": 1}, True])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_rows_without_a_usable_time_are_on_some_page(account, serve, garbage, direction):
    for number in range(1, 8):
        fields = {"updated_at": garbage} if number in (2, 3, 5) else {}
        account.add_incident(now=at(number), id=number, **fields)
    pages = walk(serve(), limit=2, sort_field="updated_at", sort_direction=direction)
    assert sorted(flat(pages)) == [1, 2, 3, 4, 5, 6, 7]
    expected = [5, 3, 2, 7, 6, 4, 1] if direction == "desc" else [1, 4, 6, 7, 2, 3, 5]
    assert flat(pages) == expected


def test_raw_rows_stand_at_the_top_exactly_as_given(account, serve):
    account.add_incident(now=NOW, id=7)
    raw = [None, "text", [1, [2]], {"id": [9]}, {"remediations": [{"id": 1}]}]
    for row in raw:
        account.add_raw_incident(row)
    pages = walk(serve(), limit=2, sort_field="updated_at")
    rows = [row for page in pages for row in page]
    assert rows[:5] == raw
    assert rows[5]["id"] == 7


def test_a_raw_row_with_an_id_can_be_fetched(account, serve):
    account.add_raw_incident({"id": 88, "status": ["sent"]})
    answer = get(serve(), "/v1/incident_reports/88").json()
    assert answer == {"incident_report": {"id": 88, "status": ["sent"]}}


def test_a_row_updated_during_a_walk_moves_and_pushes_others(account, serve):
    for number in range(1, 7):
        account.add_incident(now=at(number), id=number)
    simulator = serve()
    query = {"limit": 2, "sort_field": "updated_at"}
    first = get(simulator, "/v1/incident_reports", **query).json()
    account.update_incident(3, now=at(100))
    account.add_incident(now=at(101), id=7)
    token = first["pagination"]["next_page_token"]
    second = get(simulator, "/v1/incident_reports", **query, page_token=token).json()
    assert ids(first["incident_reports"]) == [6, 5]
    assert ids(second["incident_reports"]) == [4, 2]
    again = get(simulator, "/v1/incident_reports", **query).json()
    assert ids(again["incident_reports"]) == [7, 3]


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("documented", {}),
        ("bare", {}),
        ("nulls", {"limit": 2, "next_page_token": None, "next_page_url": None}),
        (
            "legacy",
            {"current_page": 2, "current_page_count": 1, "limit": 2, "total_count": 3},
        ),
        ("absent", "no key"),
    ],
)
def test_shapes_of_the_last_pages_pagination(account, serve, style, expected):
    for number in range(1, 4):
        account.add_incident(now=at(number), id=number)
    simulator = serve(pagination_style=style)
    first = get(simulator, "/v1/incident_reports", limit=2).json()
    token = first["pagination"]["next_page_token"]
    last = get(simulator, "/v1/incident_reports", limit=2, page_token=token).json()
    assert ids(last["incident_reports"]) == [1]
    assert last.get("pagination", "no key") == expected


def test_the_next_pages_address_keeps_filters_and_sort(account, serve):
    for number in range(3):
        account.add_incident(now=at(number), status="sent")
    query = {"limit": "1", "sort_field": "updated_at", "status": "sent"}
    simulator = serve()
    answer = get(simulator, "/v1/incident_reports", **query).json()["pagination"]
    address = urlsplit(answer["next_page_url"])
    assert answer["next_page_url"].startswith(simulator.base_url + "/v1/incident_reports?")
    assert dict(parse_qsl(address.query)) == {**query, "page_token": answer["next_page_token"]}
    followed = requests.get(answer["next_page_url"], auth=AUTH, timeout=10).json()
    assert len(followed["incident_reports"]) == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "sent"}, [3, 1]),
        ({"status": "closed"}, [2]),
        ({"severity": "critical"}, [2, 1]),
        ({"platform": "microsoft_365"}, [3]),
        ({"organization_id": 9}, [2, 1]),
        ({"agent_id": 70}, [1]),
        ({"indicator_type": "footholds"}, [1]),
        ({"status": "sent", "severity": "critical"}, [1]),
        ({"status": "dismissed"}, []),
        ({"updated_since": "2026-06-09T12:00:00Z"}, [3, 2, 1]),
    ],
)
def test_filters_of_incident_reports(account, serve, query, expected):
    account.add_organization("Acme", id=9)
    account.add_agent(9, "SRV01", id=70)
    account.add_incident(9, now=NOW, id=1, agent_id=70, severity="critical")
    account.add_incident(9, now=NOW, id=2, severity="critical", status="closed", platform="other")
    account.add_incident(now=NOW, id=3, indicator_types=None)
    answer = get(serve(), "/v1/incident_reports", **query)
    assert ids(answer.json()["incident_reports"]) == expected


@pytest.mark.parametrize(
    "query",
    [{"status": "open"}, {"severity": "medium"}, {"platform": "os2"}, {"indicator_type": "x"}],
)
def test_a_value_no_filter_knows_is_400(serve, query):
    assert get(serve(), "/v1/incident_reports", **query).status_code == 400


def test_filters_let_rows_that_are_no_objects_pass(account, serve):
    account.add_raw_incident("text")
    account.add_raw_incident({"id": 5, "status": "closed"})
    account.add_raw_incident({"id": 6, "status": "sent"})
    answer = get(serve(), "/v1/incident_reports", status="sent").json()
    assert answer["incident_reports"] == ["text", {"id": 6, "status": "sent"}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"organization_id": 1}, [10, 11]),
        ({"platform": "linux"}, [12]),
        ({"hostname": "A"}, [10]),
        ({"os": "Ubuntu"}, [12]),
        ({"version": "1.2.3"}, [11]),
    ],
)
def test_filters_of_agents(account, serve, query, expected):
    account.add_agent(1, "A", id=10)
    account.add_agent(1, "B", id=11, version="1.2.3")
    account.add_agent(2, "C", id=12, platform="linux", os="Ubuntu")
    answer = get(serve(), "/v1/agents", sort_direction="asc", **query).json()
    assert ids(answer["agents"]) == expected
