"""The simulator as an HTTP server: credentials, methods, single objects, the call window."""

import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from webapp.huntress.simulator import CallWindow, Faults, SimulatedAccount, Simulator

NOW = datetime(2026, 6, 9, 12, 0, 0, tzinfo=UTC)
AUTH = ("hk_demo", "hs_demo")


class SettableClock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def account() -> SimulatedAccount:
    account = SimulatedAccount(account_id=77, name="Möwe IT", subdomain="moewe", now=NOW)
    account.add_organization("Café Nordlicht", id=9)
    account.add_agent(9, "SRV01", id=7)
    account.add_incident(9, now=NOW, agent_id=7, id=42)
    return account


@pytest.fixture
def simulator(account, clock):
    with Simulator(account, clock=clock) as running:
        yield running


def get(simulator, path, auth=AUTH, **options):
    return requests.get(simulator.base_url + path, auth=auth, timeout=10, **options)


# --- credentials and methods


@pytest.mark.parametrize(
    "auth", [None, ("hk_demo", "wrong"), ("wrong", "hs_demo"), ("", ""), ("hk_demo", "hs_demo ")]
)
def test_wrong_credentials_are_401_and_cost_no_call(simulator, auth):
    assert get(simulator, "/v1/account", auth=auth).status_code == 401
    assert simulator.calls_in_window() == 0


@pytest.mark.parametrize("header", ["Bearer abc", "Basic", "Basic ???", "basic aGs6aHM=", "é"])
def test_odd_authorization_headers_are_401(simulator, header):
    answer = requests.get(
        simulator.base_url + "/v1/account",
        headers={"Authorization": header.encode("latin-1")},
        timeout=10,
    )
    assert answer.status_code == 401


def test_other_credentials_can_be_given_and_changed(account, clock):
    with Simulator(account, clock=clock, api_key="hk_a", api_secret="hs_ü") as simulator:
        good = (b"hk_a", "hs_ü".encode())
        assert get(simulator, "/v1/account", auth=good).status_code == 200
        assert get(simulator, "/v1/account").status_code == 401
        simulator.api_secret = "revoked"
        assert get(simulator, "/v1/account", auth=good).status_code == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_only_get_is_allowed(simulator, method):
    answer = requests.request(
        method, simulator.base_url + "/v1/incident_reports/42", auth=AUTH, data="x=1", timeout=10
    )
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET"


def test_a_connection_is_kept_over_refused_bodies(simulator):
    with requests.Session() as session:
        session.auth = AUTH
        session.post(simulator.base_url + "/v1/account", data="x" * 1000, timeout=10)
        assert session.get(simulator.base_url + "/v1/account", timeout=10).status_code == 200


def test_a_huge_body_is_refused_unread(simulator):
    url = simulator.base_url + "/simulator/faults"
    answer = requests.post(url, data=b"x" * 70_000, timeout=10)
    assert answer.status_code == 413


# --- single objects


def test_single_objects_come_in_an_envelope(simulator):
    account = get(simulator, "/v1/account").json()["account"]
    assert account == {"id": 77, "name": "Möwe IT", "subdomain": "moewe", "status": "enabled"}
    organization = get(simulator, "/v1/organizations/9").json()["organization"]
    assert organization["name"] == "Café Nordlicht"
    assert (organization["agents_count"], organization["incident_reports_count"]) == (1, 1)
    assert get(simulator, "/v1/agents/7").json()["agent"]["hostname"] == "SRV01"
    assert get(simulator, "/v1/incident_reports/42").json()["incident_report"]["id"] == 42


def test_single_objects_can_come_bare_and_lists_stay_wrapped(account, clock):
    with Simulator(account, clock=clock, pagination_style="bare") as simulator:
        assert get(simulator, "/v1/account").json()["name"] == "Möwe IT"
        assert get(simulator, "/v1/incident_reports/42").json()["id"] == 42
        assert len(get(simulator, "/v1/organizations").json()["organizations"]) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/v1/organizations/1",
        "/v1/agents/1",
        "/v1/incident_reports/1",
        "/v1/incident_reports/1/remediations",
        "/v1/incident_reports/forty-two",
        "/v1/incident_reports/42/",
        "/v1/incident_reports/42/comments",
        "/v1/agents/7/remediations",
        "/v1/incident_reports/" + "9" * 40,
        "/v1/accounts",
        "/v2/account",
        "/",
    ],
)
def test_what_does_not_exist_is_404(simulator, path):
    assert get(simulator, path).status_code == 404


def test_a_row_taken_away_is_404_from_then_on(simulator, account):
    account.delete_incident(42)
    account.remove_agent(7)
    account.remove_organization(9)
    for path in ("/v1/incident_reports/42", "/v1/agents/7", "/v1/organizations/9"):
        assert get(simulator, path).status_code == 404


def test_the_list_shows_ten_remediations_and_the_sub_resource_all(simulator, account):
    items = [{"id": n, "type": "manual", "action": f"Step {n}"} for n in range(1, 15)]
    account.update_incident(42, now=NOW, remediations=items)
    in_list = get(simulator, "/v1/incident_reports").json()["incident_reports"][0]["remediations"]
    assert (in_list["total_count"], in_list["has_more"]) == (14, True)
    assert in_list["items"] == items[:10]
    single = get(simulator, "/v1/incident_reports/42").json()["incident_report"]
    assert single["remediations"] == in_list
    every = get(simulator, "/v1/incident_reports/42/remediations").json()
    assert every["remediations"] == items


def test_remediations_can_be_paged(simulator, account):
    account.update_incident(42, now=NOW, remediations=[{"id": n} for n in (1, 2, 3)])
    path = "/v1/incident_reports/42/remediations?limit=2"
    first = get(simulator, path).json()
    token = first["pagination"]["next_page_token"]
    second = get(simulator, f"{path}&page_token={token}").json()
    assert first["remediations"] + second["remediations"] == [{"id": 1}, {"id": 2}, {"id": 3}]
    assert second["pagination"] == {}


@pytest.mark.parametrize("value", [None, "see portal", 7, {"items": "none"}])
def test_unusable_remediations_are_sent_as_they_are(simulator, account, value):
    account.update_incident(42, now=NOW, remediations=value)
    row = get(simulator, "/v1/incident_reports/42").json()["incident_report"]
    assert row["remediations"] == value
    every = get(simulator, "/v1/incident_reports/42/remediations").json()
    assert every["remediations"] == []


def test_text_is_utf8_and_lone_surrogates_survive(simulator, account):
    account.update_incident(42, now=NOW, summary="naïve 東 \ud800")
    answer = get(simulator, "/v1/incident_reports/42")
    assert answer.json()["incident_report"]["summary"] == "naïve 東 \ud800"
    account.update_incident(42, now=NOW, summary="naïve 東")
    assert "naïve 東".encode() in get(simulator, "/v1/incident_reports/42").content


def test_error_bodies_come_as_json_text_and_html(simulator):
    types = [get(simulator, "/v1/nothing").headers["Content-Type"] for _ in range(3)]
    assert sorted(kind.partition(";")[0] for kind in types) == [
        "application/json",
        "text/html",
        "text/plain",
    ]


def test_the_date_header_is_the_simulators_time(simulator, clock):
    clock.forward(3600)
    date = get(simulator, "/v1/account").headers["Date"]
    assert parsedate_to_datetime(date) == NOW + timedelta(hours=1)


# --- the window


def test_the_61st_call_in_60_seconds_is_429(simulator, clock):
    with requests.Session() as session:
        session.auth = AUTH
        url = simulator.base_url + "/v1/account"
        statuses = [session.get(url, timeout=10).status_code for _ in range(62)]
    assert statuses == [200] * 60 + [429] * 2
    assert simulator.calls_in_window() == 60
    clock.forward(59.999)
    assert get(simulator, "/v1/account").status_code == 429
    clock.forward(0.001)
    assert simulator.calls_in_window() == 0
    assert get(simulator, "/v1/account").status_code == 200


def test_each_answer_says_what_is_left_of_the_window(account, clock):
    def said(answer):
        names = ("x-huntress-api-call-limit", "x-huntress-api-call-remaining")
        return [answer.headers.get(name) for name in names]

    with Simulator(account, clock=clock, calls_per_window=2) as simulator:
        assert said(get(simulator, "/v1/account", auth=None)) == [None, None]
        answers = [get(simulator, "/v1/account") for _ in range(3)]
        assert [said(one) for one in answers] == [["2", "1"], ["2", "0"], ["2", "0"]]
        assert answers[2].status_code == 429


def test_the_window_slides(account, clock):
    with Simulator(account, clock=clock, calls_per_window=2) as simulator:
        assert get(simulator, "/v1/account").status_code == 200
        clock.forward(40)
        assert get(simulator, "/v1/account").status_code == 200
        clock.forward(19)
        assert get(simulator, "/v1/account").status_code == 429
        clock.forward(1)
        assert [get(simulator, "/v1/account").status_code for _ in range(2)] == [200, 429]


def test_not_found_and_bad_values_cost_a_call(simulator):
    get(simulator, "/v1/nothing")
    get(simulator, "/v1/agents?limit=0")
    assert simulator.calls_in_window() == 2


@pytest.mark.parametrize("style", [None, "seconds", "date"])
def test_retry_after_says_when_the_window_frees(account, clock, style):
    options = {"calls_per_window": 1, "window_seconds": 60, "retry_after": style}
    with Simulator(account, clock=clock, **options) as simulator:
        get(simulator, "/v1/account")
        clock.forward(12.5)
        header = get(simulator, "/v1/account").headers.get("Retry-After")
    if style is None:
        assert header is None
    elif style == "seconds":
        assert header == "48"
    else:
        assert parsedate_to_datetime(header) >= NOW + timedelta(seconds=60)


def test_a_window_without_calls_refuses_everything():
    assert CallWindow(0, 30.0).take(NOW) == 30.0


def test_many_threads_get_exactly_the_windows_calls(simulator):
    statuses: list[int] = []

    def ask() -> None:
        for _ in range(10):
            statuses.append(get(simulator, "/v1/account").status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [200] * 60 + [429] * 20


# --- life of the server


def test_requests_are_recorded_with_their_status(simulator, clock):
    get(simulator, "/v1/agents?limit=5&sort_field=id")
    get(simulator, "/v1/agents/999")
    get(simulator, "/simulator/state")
    recorded = [(r.method, r.path, r.query, r.status, r.at) for r in simulator.requests]
    assert recorded == [
        ("GET", "/v1/agents", {"limit": "5", "sort_field": "id"}, 200, NOW),
        ("GET", "/v1/agents/999", {}, 404, NOW),
    ]


def test_stop_ends_kept_connections_and_start_takes_the_port_again(account):
    simulator = Simulator(account)
    with pytest.raises(RuntimeError):
        _ = simulator.base_url
    url = simulator.start().base_url + "/v1/account"
    with requests.Session() as session:
        session.auth = AUTH
        assert session.get(url, timeout=10).status_code == 200
        simulator.stop()
        with pytest.raises(requests.ConnectionError):
            session.get(url, timeout=10)
        simulator.start()
        try:
            assert simulator.start().base_url + "/v1/account" == url
            assert session.get(url, timeout=10).status_code == 200
        finally:
            simulator.stop()
    simulator.stop()


def test_stop_does_not_wait_for_slow_answers(account):
    simulator = Simulator(account).start()
    simulator.faults = Faults(slow_seconds=30)
    failed = threading.Event()

    def ask() -> None:
        try:
            get(simulator, "/v1/account")
        except requests.RequestException:
            failed.set()

    thread = threading.Thread(target=ask)
    thread.start()
    while not simulator._server._open:  # wait until the request has arrived
        thread.join(0.01)
    simulator.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_live_time_passes_before_each_answer(clock):
    demo = SimulatedAccount.demo(now=NOW)
    with Simulator(demo, clock=clock, live=True) as simulator:
        before = get(simulator, "/v1/incident_reports?sort_field=updated_at").json()
        clock.forward(600)
        after = get(simulator, "/v1/incident_reports?sort_field=updated_at").json()
    newest = [page["incident_reports"][0]["updated_at"] for page in (before, after)]
    assert newest[0] <= "2026-06-09T12:00:00Z" < newest[1] <= "2026-06-09T12:10:00Z"


def test_without_live_the_account_stands_still(clock):
    demo = SimulatedAccount.demo(now=NOW)
    before = demo.incidents()
    with Simulator(demo, clock=clock) as simulator:
        clock.forward(86_400)
        get(simulator, "/v1/incident_reports")
    assert demo.incidents() == before


# --- control


def change(simulator, value, **headers):
    return requests.post(
        simulator.base_url + "/simulator/faults",
        data=json.dumps(value),
        headers={"Content-Type": "application/json", **headers},
        timeout=10,
    )


def test_state_needs_no_credentials_and_costs_no_call(simulator):
    get(simulator, "/v1/account")
    state = get(simulator, "/simulator/state", auth=None).json()
    assert state["account"]["name"] == "Möwe IT"
    assert (state["organizations"], state["agents"], state["incidents"]) == (1, 1, 1)
    assert state["incidents_by_status"] == {"sent": 1}
    assert state["calls_in_window"] == 1
    assert state["now"] == "2026-06-09T12:00:00Z"
    assert state["faults"]["storm_429"] is False


def test_faults_are_switched_by_http(simulator):
    answer = change(simulator, {"storm_429": True, "fail_calls": [3]})
    assert answer.json()["faults"]["storm_429"] is True
    assert get(simulator, "/v1/account").status_code == 429
    assert change(simulator, {"storm_429": False}).status_code == 200
    assert [get(simulator, "/v1/account").status_code for _ in range(3)] == [200, 200, 500]
    assert change(simulator, {"clear": True}).status_code == 200
    assert simulator.faults.as_json() == Faults().as_json()


@pytest.mark.parametrize(
    "value",
    [
        {"no_such_switch": True},
        {"storm_429": "yes"},
        {"error_500_rate": 2},
        {"next_500": -1},
        {"fail_calls": "all"},
        {"slow_seconds": None},
        {"on_request": "print"},
        ["storm_429"],
        None,
    ],
)
def test_a_bad_change_is_refused_and_changes_nothing(simulator, value):
    before = simulator.faults
    assert change(simulator, value).status_code == 400
    assert simulator.faults is before


def test_a_change_that_is_no_json_is_refused(simulator):
    url = simulator.base_url + "/simulator/faults"
    headers = {"Content-Type": "application/json"}
    assert requests.post(url, data="{", headers=headers, timeout=10).status_code == 400
    deep = "[" * 50_000
    assert requests.post(url, data=deep, headers=headers, timeout=10).status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_form_of_another_site_cannot_switch_faults(simulator, kind):
    answer = change(simulator, {"storm_429": True}, **{"Content-Type": kind})
    assert answer.status_code == 415
    assert simulator.faults.storm_429 is False


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "["])
def test_a_foreign_host_header_is_refused(simulator, host):
    assert change(simulator, {"storm_429": True}, Host=host).status_code == 403
    state = get(simulator, "/simulator/state", auth=None, headers={"Host": host})
    assert state.status_code == 403
    assert simulator.faults.storm_429 is False


@pytest.mark.parametrize("host", ["localhost", "localhost:8081", "[::1]:8081", "127.0.0.1"])
def test_loopback_host_headers_are_accepted(simulator, host):
    answer = get(simulator, "/simulator/state", auth=None, headers={"Host": host})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/simulator/faults"), ("POST", "/simulator/state"), ("GET", "/simulator/")],
)
def test_there_are_no_other_control_addresses(simulator, method, path):
    answer = requests.request(method, simulator.base_url + path, timeout=10)
    assert answer.status_code == 404
