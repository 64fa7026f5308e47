"""Faults over real HTTP: each does what it says, to the calls it names, and stops when told."""

import json
import time
from datetime import UTC, datetime

import pytest
import requests

from webapp.huntress.simulator import Fault, Faults, SimulatedAccount, Simulator
from webapp.huntress.simulator.faults import changed_faults, malformed_incidents, switch_names

NOW = datetime(2026, 6, 9, 12, 0, 0, tzinfo=UTC)
AUTH = ("hk_demo", "hs_demo")


@pytest.fixture
def simulator():
    account = SimulatedAccount(now=NOW)
    for number in range(1, 31):
        account.add_incident(now=NOW, id=number)
    with Simulator(account, clock=lambda: NOW, calls_per_window=1000) as running:
        yield running


def get(simulator, path="/v1/incident_reports", auth=AUTH, **query):
    return requests.get(simulator.base_url + path, auth=auth, params=query, timeout=10)


def statuses(simulator, count):
    return [get(simulator).status_code for _ in range(count)]


def read_into(got, answer):
    for piece in answer.iter_content(1):
        got.extend(piece)


def test_nothing_goes_wrong_by_default(simulator):
    assert statuses(simulator, 5) == [200] * 5
    assert Faults().decide("/v1/account") is None


def test_a_storm_refuses_every_call_without_counting_it(simulator):
    simulator.faults = Faults(storm_429=True)
    assert statuses(simulator, 3) == [429] * 3
    assert simulator.calls_in_window() == 0
    simulator.faults = Faults()
    assert statuses(simulator, 1) == [200]


def test_a_storm_sends_retry_after_as_the_simulator_does(simulator):
    simulator.faults = Faults(storm_429=True)
    assert "Retry-After" not in get(simulator).headers
    simulator.retry_after = "seconds"
    assert get(simulator).headers["Retry-After"] == "5"


def test_a_storm_keeps_wrong_credentials_401(simulator):
    simulator.faults = Faults(storm_429=True)
    assert get(simulator, auth=("x", "y")).status_code == 401


def test_the_next_calls_fail_and_then_no_more(simulator):
    simulator.faults = Faults(next_500=2)
    assert statuses(simulator, 4) == [500, 500, 200, 200]


def test_failed_calls_count_towards_the_window(simulator):
    simulator.faults = Faults(next_500=1)
    statuses(simulator, 2)
    assert simulator.calls_in_window() == 2


def test_named_calls_fail_counted_from_when_the_faults_came(simulator):
    statuses(simulator, 3)
    simulator.faults = Faults(fail_calls={2, 4})
    assert statuses(simulator, 5) == [200, 500, 200, 500, 200]


@pytest.mark.parametrize(("rate", "low", "high"), [(0.0, 0, 0), (0.5, 8, 22), (1.0, 30, 30)])
def test_a_rate_of_errors(rate, low, high):
    faults = Faults(error_500_rate=rate)
    failed = [faults.decide("/v1/account") for _ in range(30)].count(Fault(status=500))
    assert low <= failed <= high


def test_a_rate_fails_the_same_calls_every_time():
    def run():
        faults = Faults(error_500_rate=0.3)
        return [faults.decide("/") is None for _ in range(50)]

    assert run() == run()


def test_forbidden_is_403(simulator):
    simulator.faults = Faults(forbidden=True)
    assert statuses(simulator, 2) == [403, 403]


def test_a_cut_connection_breaks_off_in_the_body(simulator):
    simulator.faults = Faults(next_cut=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(simulator)
    assert statuses(simulator, 1) == [200]


def test_every_connection_can_be_cut(simulator):
    simulator.faults = Faults(cut_connection=True)
    for _ in range(2):
        answer = requests.get(
            simulator.base_url + "/v1/account", auth=AUTH, stream=True, timeout=10
        )
        assert answer.status_code == 200
        announced = int(answer.headers["Content-Length"])
        got = bytearray()
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            read_into(got, answer)
        assert 0 < len(got) < announced


def test_a_proxys_sign_in_page_with_status_200(simulator):
    simulator.faults = Faults(html_200=True)
    answer = get(simulator)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert simulator.calls_in_window() == 0


def test_slow_answers_come_late_and_whole(simulator):
    simulator.faults = Faults(slow_seconds=0.3)
    started = time.monotonic()
    assert statuses(simulator, 1) == [200]
    assert time.monotonic() - started >= 0.3


def test_slow_answers_can_time_a_client_out(simulator):
    simulator.faults = Faults(slow_seconds=5)
    with pytest.raises(requests.ReadTimeout):
        requests.get(simulator.base_url + "/v1/account", auth=AUTH, timeout=0.2)


def test_slow_goes_with_the_other_faults():
    assert Faults(slow_seconds=2, next_500=1).decide("/") == Fault(status=500, slow_seconds=2)
    assert Faults(slow_seconds=2, storm_429=True).decide("/").slow_seconds == 2
    assert Faults(slow_seconds=2).decide("/") == Fault(slow_seconds=2)


def test_on_request_fails_exactly_the_third_page(simulator):
    seen = []

    def on_request(number, path):
        seen.append((number, path))
        return Fault(status=500) if number == 3 else None

    simulator.faults = Faults(on_request=on_request)
    pages = []
    token = None
    for _ in range(3):
        answer = get(simulator, limit=10, **({"page_token": token} if token else {}))
        pages.append(answer.status_code)
        if answer.ok:
            token = answer.json()["pagination"]["next_page_token"]
    assert pages == [200, 200, 500]
    assert seen == [(n, "/v1/incident_reports") for n in (1, 2, 3)]


def test_on_request_can_answer_anything(simulator):
    body = b'{"incident_reports": [}'
    fault = Fault(status=200, body=body, headers=(("X-Odd", "yes"),))
    simulator.faults = Faults(on_request=lambda number, path: fault)
    answer = get(simulator)
    assert (answer.status_code, answer.content, answer.headers["X-Odd"]) == (200, body, "yes")


def test_on_request_can_send_an_odd_retry_after(simulator):
    fault = Fault(status=429, headers=(("Retry-After", "soon"),))
    simulator.faults = Faults(on_request=lambda number, path: fault)
    answer = get(simulator)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "soon")
    assert simulator.calls_in_window() == 0


def test_on_request_goes_before_the_switches():
    faults = Faults(storm_429=True, on_request=lambda n, path: Fault(cut=True) if n == 1 else None)
    assert faults.decide("/") == Fault(cut=True)
    assert faults.decide("/") == Fault(status=429)


def test_malformed_rows_stand_above_the_real_ones(simulator):
    simulator.faults = Faults(malformed_rows=True)
    rows = get(simulator, limit=500, sort_field="updated_at").json()["incident_reports"]
    bad = json.loads(json.dumps(malformed_incidents()))
    assert rows[: len(bad)] == bad
    assert sorted(row["id"] for row in rows[len(bad) :]) == list(range(1, 31))
    simulator.faults = Faults()
    assert len(get(simulator, limit=500).json()["incident_reports"]) == 30


def test_malformed_rows_cover_what_has_broken_others():
    rows = malformed_incidents()
    objects = [row for row in rows if isinstance(row, dict)]
    assert None in rows
    assert any(isinstance(row, str) for row in rows)
    assert any("id" not in row for row in objects)
    assert any(isinstance(row.get("id"), list) for row in objects)
    assert any(str(row.get("updated_at")).startswith("2099") for row in objects)
    assert any(len(str(row.get("summary"))) > 100_000 for row in objects)
    assert any("\u202e" in str(row.get("subject")) for row in objects)
    assert any(isinstance(row.get("severity"), list) for row in objects)
    depth, node = 0, next(r["remediations"] for r in objects if r.get("id") == 1_990_009)
    while isinstance(node, list):
        depth, node = depth + 1, node[0]
    assert depth == 200


def test_malformed_rows_pass_filters_and_can_be_fetched(simulator):
    simulator.faults = Faults(malformed_rows=True)
    listed = get(simulator, limit=500, status="auto_remediating").json()["incident_reports"]
    assert listed == [None, "a string where a report should be", 17, []]
    row = get(simulator, "/v1/incident_reports/1990006").json()["incident_report"]
    assert row["severity"] == "apocalyptic"


@pytest.mark.parametrize(
    "bad",
    [
        {"storm_429": 1},
        {"error_500_rate": -0.1},
        {"error_500_rate": True},
        {"next_cut": 1.5},
        {"fail_calls": {"one"}},
        {"slow_seconds": 601},
    ],
)
def test_values_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        Faults(**bad)


def test_a_change_keeps_the_other_switches():
    def on_request(number, path):
        return None

    before = Faults(next_500=3, on_request=on_request)
    after = changed_faults(before, {"html_200": True})
    assert (after.next_500, after.html_200, after.on_request) == (3, True, on_request)
    assert before.html_200 is False
    cleared = changed_faults(after, {"clear": True, "forbidden": True})
    assert (cleared.next_500, cleared.forbidden, cleared.on_request) == (0, True, None)


def test_every_switch_is_documented():
    for name in switch_names():
        assert f"\n    {name} " in Faults.__doc__
    assert set(switch_names()) == set(Faults().as_json())
