"""Host details and names: fetched the cheapest way, with the calls that are free, never waiting."""

from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import asked, set_faults, ticketed_ids
from tests.support.rows import all_rows, organization
from webapp.huntress.simulator import Fault
from webapp.models import HuntressAgent, OrganizationMapping
from webapp.services.calls.call_window import DatabaseLedger
from webapp.services.polling.fetch_details import FAILURES_THAT_END_IT

pytestmark = pytest.mark.slow

AGENTS, ORGANIZATIONS = "/v1/agents", "/v1/organizations"
FETCHED = "are being fetched from Huntress"


def add_hosts(desk: Desk, count: int, *, organization_id: int = 7) -> list[int]:
    """Agents of an organization with an open incident each (incident n is about agent n)."""
    agents = []
    for number in range(1, count + 1):
        agent = desk.account.add_agent(organization_id, f"HOST-{number:02}", id=number)
        desk.account.add_incident(
            organization_id, now=desk.clock.now(), agent_id=agent["id"], id=number
        )
        agents.append(agent["id"])
    return agents


def fill_window(desk: Desk, *, leave: int) -> None:
    """Use up the call window but for `leave` calls."""
    ledger = DatabaseLedger(desk.connection_id, 60)
    while ledger.free_calls(desk.clock.now()) > leave:
        ledger.record("GET", "/v1/account", desk.clock.now(), status=200, rows=1)


def asked_for(desk: Desk, what: str, start: int = 0) -> list[str]:
    return [path for path in asked(desk, start) if path.startswith(what)]


def fail(desk: Desk, *starts: str, status: int = 500) -> None:
    """Every path that begins so fails from now on."""
    set_faults(
        desk,
        on_request=lambda _n, path: Fault(status=status) if path.startswith(starts) else None,
    )


@pytest.fixture
def synced(desk: Desk) -> Desk:
    """The organization 7 is known and mapped; the first sweep is over."""
    desk.account.add_organization("Globex", id=7)
    desk.add_client("Globex")
    desk.poll()
    return desk


@both_databases
def test_one_host_is_asked_for_by_its_id(synced: Desk) -> None:
    desk = synced
    start = len(desk.simulator.requests)
    add_hosts(desk, 1)
    desk.poll()
    assert asked(desk, start) == ["/v1/incident_reports", f"{AGENTS}/1"]
    body = desk.ticket(1).description
    assert "**Hostname:** HOST-01" in body
    alert = desk.alert(1)
    assert (alert.device_name, alert.agent_external_id) == ("HOST-01", "1")
    assert not alert.details_pending
    [agent] = all_rows(HuntressAgent)
    assert (agent.hostname, agent.organization_external_id) == ("HOST-01", "7")
    assert agent.fetched_at == desk.clock.now()


def use_elsewhere(desk: Desk, count: int) -> None:
    """Calls of other tools of the MSP."""
    for _ in range(count):
        desk.simulator._window.take(desk.clock.now())


def test_details_wait_while_other_tools_use_the_account(synced: Desk) -> None:
    desk = synced
    add_hosts(desk, 1)
    desk.clock.advance(minutes=5)
    use_elsewhere(desk, 49)
    start = len(desk.simulator.requests)
    assert desk.poll(minutes=0).run.created == 1, "the walk does not wait"
    assert asked_for(desk, AGENTS, start) == []
    assert desk.alert(1).details_pending
    desk.poll(minutes=2)
    assert asked_for(desk, AGENTS, start) == [f"{AGENTS}/1"]


def test_details_stop_when_other_tools_take_the_last_spare_call(synced: Desk) -> None:
    desk = synced
    for number in range(1000, 2600):
        desk.account.add_agent(7, f"OTHER-{number}", id=number)
    desk.poll(sweep=True)
    add_hosts(desk, 3)
    start = len(desk.simulator.requests)

    def others_call(_number: int, path: str) -> None:
        if path == f"{AGENTS}/2":
            use_elsewhere(desk, 48)

    set_faults(desk, on_request=others_call)
    desk.poll()
    assert asked_for(desk, AGENTS, start) == [f"{AGENTS}/1", f"{AGENTS}/2"]


def test_several_hosts_are_listed_where_that_is_fewer_calls(synced: Desk) -> None:
    desk = synced
    add_hosts(desk, 5)
    start = len(desk.simulator.requests)
    desk.poll()
    assert asked_for(desk, AGENTS, start) == [AGENTS]
    assert [desk.alert(n).device_name for n in (1, 5)] == ["HOST-01", "HOST-05"]
    assert desk.simulator.requests[start + 1].query["limit"] == "500"


def test_of_a_large_account_few_hosts_are_asked_for_one_by_one(synced: Desk) -> None:
    desk = synced
    for number in range(1000, 2600):
        desk.account.add_agent(7, f"OTHER-{number}", id=number)
    desk.poll(sweep=True)  # the sweep learns how many agents there are: four pages of 500
    add_hosts(desk, 3)
    start = len(desk.simulator.requests)
    desk.poll()
    assert asked_for(desk, AGENTS, start) == [f"{AGENTS}/{n}" for n in (1, 2, 3)]


def test_only_what_was_asked_for_is_cached(synced: Desk) -> None:
    desk = synced
    desk.account.add_agent(7, "BYSTANDER", id=99)
    add_hosts(desk, 3)
    desk.poll()
    assert [agent.hostname for agent in all_rows(HuntressAgent)] == [
        "HOST-01",
        "HOST-02",
        "HOST-03",
    ]


def test_closed_incidents_are_not_worth_a_call(synced: Desk) -> None:
    desk = synced
    agent = desk.account.add_agent(7, "HOST-01")
    desk.account.add_incident(7, now=desk.clock.now(), agent_id=agent["id"], status="closed")
    start = len(desk.simulator.requests)
    desk.poll()
    assert asked_for(desk, AGENTS, start) == []


def test_what_is_cached_is_not_asked_for_again_for_a_day(synced: Desk) -> None:
    desk = synced
    add_hosts(desk, 1)
    desk.poll()
    start = len(desk.simulator.requests)
    desk.account.add_incident(7, now=desk.clock.now(), agent_id=1, id=2)
    desk.poll(minutes=23 * 60)
    assert asked_for(desk, AGENTS, start) == []
    assert desk.alert(2).device_name == "HOST-01"
    desk.account.agent_rows[1]["hostname"] = "RENAMED"
    desk.account.add_incident(7, now=desk.clock.now(), agent_id=1, id=3)
    desk.poll(minutes=60)
    assert asked_for(desk, AGENTS, start) == [f"{AGENTS}/1"]
    assert desk.alert(3).device_name == "RENAMED"


@both_databases
def test_a_host_unknown_to_huntress_is_settled_for_a_day(synced: Desk) -> None:
    desk = synced
    start = len(desk.simulator.requests)
    desk.account.add_incident(7, now=desk.clock.now(), agent_id=404, id=1)
    desk.poll()
    assert asked_for(desk, AGENTS, start) == [f"{AGENTS}/404"]
    assert "Host unknown to Huntress (agent 404)." in desk.ticket(1).description
    assert not desk.alert(1).details_pending
    desk.account.add_incident(7, now=desk.clock.now(), agent_id=404, id=2)
    desk.poll(minutes=23 * 60)
    assert asked_for(desk, AGENTS, start) == [f"{AGENTS}/404"]
    assert "Host unknown" in desk.ticket(2).description
    desk.account.add_agent(7, "BACK-AGAIN", id=404)
    desk.account.add_incident(7, now=desk.clock.now(), agent_id=404, id=3)
    desk.poll(minutes=60)
    assert "BACK-AGAIN" in desk.ticket(3).description


# --- never waiting


def test_ten_calls_are_left_for_the_next_walk(synced: Desk) -> None:
    desk = synced
    for number in range(1000, 5000):
        desk.account.add_agent(7, f"OTHER-{number}", id=number)
    desk.poll(sweep=True)
    add_hosts(desk, 6)
    desk.clock.advance(minutes=10)
    fill_window(desk, leave=14)
    start = len(desk.simulator.requests)
    outcome = desk.poll(minutes=0)
    assert outcome.run.waited_seconds == 0
    assert asked_for(desk, AGENTS, start) == [f"{AGENTS}/{n}" for n in (1, 2, 3)]
    pending = [n for n in range(1, 7) if desk.alert(n).details_pending]
    assert pending == [4, 5, 6]
    assert len(ticketed_ids(desk)) == 6
    desk.poll()
    assert not any(desk.alert(n).details_pending for n in range(1, 7))


@pytest.mark.parametrize("leave", [1, 5, 11])
def test_a_window_that_is_nearly_full_delays_no_ticket(synced: Desk, leave: int) -> None:
    desk = synced
    add_hosts(desk, 1)
    desk.clock.advance(minutes=10)
    fill_window(desk, leave=leave)
    before = desk.clock.slept
    start = len(desk.simulator.requests)
    outcome = desk.poll(minutes=0)
    assert outcome.is_success, outcome.run.error
    assert asked(desk, start) == ["/v1/incident_reports"]
    assert desk.clock.slept == before
    assert FETCHED in desk.ticket(1).description
    assert desk.alert(1).details_pending


def test_another_program_that_takes_the_last_calls_delays_no_ticket(synced: Desk) -> None:
    """429 in the middle of fetching details: no waiting for the window, no error."""
    desk = synced
    add_hosts(desk, 1)
    fail(desk, AGENTS, status=429)
    before = desk.clock.slept
    outcome = desk.poll()
    assert outcome.is_success
    assert desk.clock.slept == before
    assert FETCHED in desk.ticket(1).description


# --- failing


@pytest.mark.parametrize(
    "fault",
    [Fault(status=500), Fault(cut=True), Fault(status=403), Fault(html_200=True)],
    ids=["500", "cut", "403", "login page"],
)
def test_details_that_fail_do_not_fail_the_cycle(synced: Desk, fault: Fault) -> None:
    desk = synced
    add_hosts(desk, 4)
    set_faults(
        desk,
        on_request=lambda _n, path: fault if path.startswith((AGENTS, ORGANIZATIONS)) else None,
    )
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    assert outcome.run.created == 4
    assert desk.connection().last_error is None
    assert desk.connection().has_pending_details


def test_one_host_that_always_fails_keeps_no_other_away(synced: Desk) -> None:
    desk = synced
    for number in range(1000, 3000):
        desk.account.add_agent(7, f"OTHER-{number}", id=number)
    desk.poll(sweep=True)
    add_hosts(desk, 3)
    fail(desk, f"{AGENTS}/1")
    desk.poll()
    assert [desk.alert(n).device_name for n in (1, 2, 3)] == [None, "HOST-02", "HOST-03"]


def test_organizations_that_fail_keep_no_host_away(synced: Desk) -> None:
    desk = synced
    desk.account.add_organization("Initech", id=8)
    agent = desk.account.add_agent(8, "HOST-08")
    desk.account.add_incident(8, now=desk.clock.now(), agent_id=agent["id"], id=8)
    fail(desk, ORGANIZATIONS)
    desk.poll()
    assert desk.alert(8).device_name == "HOST-08"
    assert organization(desk.connection_id, 8).name == "Huntress org 8"


# --- organizations


def test_several_unknown_organizations_are_one_list(synced: Desk) -> None:
    desk = synced
    start = len(desk.simulator.requests)
    for number in (21, 22, 23):
        desk.account.add_organization(f"Org {number}", id=number)
        desk.account.add_incident(number, now=desk.clock.now(), id=number)
    desk.poll()
    assert asked_for(desk, ORGANIZATIONS, start) == [ORGANIZATIONS]
    assert organization(desk.connection_id, 22).name == "Org 22"
    assert not desk.connection().has_pending_details


def test_organizations_that_no_list_holds_are_settled(synced: Desk) -> None:
    """Two that are gone: not in the list, 404 by id; they must not be asked for for ever."""
    desk = synced
    for number in (31, 32):
        desk.account.add_incident(number, now=desk.clock.now(), id=number)
    start = len(desk.simulator.requests)
    desk.poll()
    assert asked_for(desk, ORGANIZATIONS, start) == [
        ORGANIZATIONS, f"{ORGANIZATIONS}/31", f"{ORGANIZATIONS}/32",
    ]  # fmt: skip
    rows = all_rows(OrganizationMapping, OrganizationMapping.external_id.in_(["31", "32"]))
    assert [(row.name, row.is_name_known) for row in rows] == [
        ("Huntress org 31", True),
        ("Huntress org 32", True),
    ]
    start = len(desk.simulator.requests)
    desk.poll()
    assert asked(desk, start) == ["/v1/incident_reports"]


def test_an_id_that_could_leave_the_path_is_never_asked_for(synced: Desk) -> None:
    desk = synced
    start = len(desk.simulator.requests)
    desk.account.add_incident(now=desk.clock.now(), id=1, agent_id=None)
    desk.account.incident_rows[1]["agent_id"] = "../account"
    desk.account.incident_rows[1]["organization_id"] = ".."
    assert desk.poll().is_success
    assert asked(desk, start) == ["/v1/incident_reports"]
    assert desk.ticket(1) is not None
    assert desk.clock.now() - desk.connection().last_success_at == timedelta(0)


def test_after_several_failures_in_a_row_nothing_more_is_asked_for(synced: Desk) -> None:
    desk = synced
    fail(desk, "/v1/organizations/")
    for number in range(21, 21 + FAILURES_THAT_END_IT + 2):
        desk.account.add_incident(number, now=desk.clock.now(), id=number)
    start = len(desk.simulator.requests)
    desk.poll()
    paths = {path for path in asked(desk, start) if path.startswith("/v1/organizations/")}
    assert len(paths) == FAILURES_THAT_END_IT
