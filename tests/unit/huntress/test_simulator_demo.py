"""The demo account: believable, complete, the same for the same seed, and alive."""

import ipaddress
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from webapp.huntress.simulator.account import SimulatedAccount
from webapp.huntress.simulator.catalog import REINSTALLED_HOST
from webapp.huntress.simulator.identity_scenarios import IDENTITY_SCENARIOS
from webapp.huntress.simulator.rows import iso
from webapp.huntress.simulator.scenarios import ENDPOINT_SCENARIOS

pytestmark = pytest.mark.slow

NOW = datetime(2026, 6, 9, 12, 0, 0, tzinfo=UTC)
OPEN = ("sent", "auto_remediating")
SEVERITIES = ("low", "high", "critical")
DOCUMENTATION = [
    ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
]
OLD_SUBJECT = re.compile(r"(LOW|HIGH|CRITICAL) - Incident on .+ \(.+\)")
NEW_SUBJECT = re.compile(
    r"Huntress (EDR|ITDR|SIEM|Email Security) (Low|High|Critical) Incident Report \| "
    r"Incident on .+ \(.+\)"
)


@pytest.fixture(scope="module")
def demo() -> SimulatedAccount:
    """Read only."""
    return SimulatedAccount.demo(now=NOW)


def test_its_size(demo):
    assert len(demo.organizations()) == 12
    assert len(demo.agents()) == 60
    assert len(demo.incidents()) == 150


def test_the_same_seed_gives_the_same_account_and_another_seed_another():
    def rows(seed):
        account = SimulatedAccount.demo(now=NOW, seed=seed)
        account.pass_time(NOW + timedelta(minutes=30))
        return account.organizations(), account.agents(), account.incidents()

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)


def test_organizations_have_names_that_try_a_matcher(demo):
    names = [row["name"] for row in demo.organizations()]
    assert "Globex" in names
    assert {"Müller & Söhne GmbH", "Möller Logistik GmbH", "Café Nordlicht"} <= set(names)
    assert sum(not name.isascii() for name in names) >= 5
    assert len(set(names)) == 12


def test_agents_are_of_three_platforms_with_serials_and_harmless_addresses(demo):
    agents = demo.agents()
    assert set(Counter(row["platform"] for row in agents)) == {"windows", "darwin", "linux"}
    organizations = {row["id"] for row in demo.organizations()}
    for row in agents:
        assert row["organization_id"] in organizations
        assert row["serial_number"]
        external = ipaddress.ip_address(row["external_ip"])
        assert any(external in network for network in DOCUMENTATION)
        assert ipaddress.ip_address(row["ipv4_address"]).is_private
        assert row["last_callback_at"] <= iso(NOW)
    assert {row["organization_id"] for row in agents} == organizations


def test_one_machine_was_reinstalled(demo):
    twice = Counter(row["hostname"] for row in demo.agents())
    assert [name for name, count in twice.items() if count > 1] == [REINSTALLED_HOST]
    pair = [row for row in demo.agents() if row["hostname"] == REINSTALLED_HOST]
    assert pair[0]["serial_number"] == pair[1]["serial_number"]
    assert pair[0]["id"] != pair[1]["id"]


def test_incidents_span_fourteen_days_and_ids_rise_with_time(demo):
    rows = demo.incidents()
    sent = [row["sent_at"] for row in rows]
    assert sent == sorted(sent)
    assert sent[0] >= iso(NOW - timedelta(days=14))
    assert sent[0] < iso(NOW - timedelta(days=12))
    assert sent[-1] <= iso(NOW)
    assert sent[-1] > iso(NOW - timedelta(days=1))


def test_times_are_possible(demo):
    for row in demo.incidents():
        assert row["sent_at"] <= row["updated_at"] <= iso(NOW)
        assert row["sent_at"] <= row["status_updated_at"] <= row["updated_at"]
        if row["status"] in OPEN:
            assert row["closed_at"] is None
        else:
            assert row["sent_at"] <= row["closed_at"] <= iso(NOW)


def test_forty_percent_are_open_and_the_statuses_are_mixed(demo):
    statuses = Counter(row["status"] for row in demo.incidents())
    assert sum(statuses[status] for status in OPEN) == 60
    assert set(statuses) == {
        "sent",
        "auto_remediating",
        "closed",
        "dismissed",
        "partner_dismissed",
        "deleting",
    }


def test_recent_incidents_are_more_often_open(demo):
    rows = demo.incidents()
    old, new = rows[:75], rows[75:]
    count = [sum(row["status"] in OPEN for row in half) for half in (old, new)]
    assert count[0] < count[1]


def test_severities_are_mixed(demo):
    severities = Counter(row["severity"] for row in demo.incidents())
    assert set(severities) == set(SEVERITIES)
    assert min(severities.values()) >= 15


@pytest.mark.parametrize("seed", range(1, 9))
def test_every_seed_makes_a_sound_account(seed):
    account = SimulatedAccount.demo(now=NOW, seed=seed)
    rows = account.incidents()
    assert (len(account.agents()), len(rows)) == (60, 150)
    assert sum(row["status"] in OPEN for row in rows) == 60
    assert not [row["id"] for row in rows if "{" in f"{row['subject']}{row['summary']}"]


def test_subjects_are_of_both_styles(demo):
    styles = Counter()
    for row in demo.incidents():
        old, new = OLD_SUBJECT.fullmatch(row["subject"]), NEW_SUBJECT.fullmatch(row["subject"])
        assert old or new, row["subject"]
        styles["new" if new else "old"] += 1
    assert min(styles["old"], styles["new"]) > 30


def test_some_incidents_are_about_identities_without_an_agent(demo):
    rows = [row for row in demo.incidents() if row["agent_id"] is None]
    assert len(rows) > 20
    platforms = {row["platform"] for row in rows}
    assert {"microsoft_365", "email_security", "other"} <= platforms
    assert platforms.isdisjoint({"windows", "darwin", "linux"})


def test_agents_fit_the_platform_and_the_organization_of_their_incidents(demo):
    agents = {row["id"]: row for row in demo.agents()}
    unknown = []
    for row in demo.incidents():
        if row["agent_id"] is None:
            continue
        agent = agents.get(row["agent_id"])
        if agent is None:
            unknown.append(row)
            continue
        assert agent["platform"] == row["platform"]
        assert agent["organization_id"] == row["organization_id"]
        assert agent["hostname"] in row["subject"]
    assert len(unknown) == 1


def test_one_incident_names_no_organization(demo):
    assert [r["organization_id"] for r in demo.incidents()].count(None) == 1


def test_remediations_have_three_types_and_every_shape_of_parameters(demo):
    shapes = set()
    for row in demo.incidents():
        for item in (row["remediations"] or {"items": []})["items"]:
            shapes.add((item["type"], type(item.get("parameters", "absent key")).__name__))
            if isinstance(item.get("parameters"), list):
                assert all(set(p) == {"name", "description"} for p in item["parameters"])
    absent = [
        item
        for row in demo.incidents()
        for item in (row["remediations"] or {"items": []})["items"]
        if "parameters" not in item
    ]
    assert absent
    assert {item["type"] for item in absent} == {"manual"}
    assert shapes >= {
        ("assisted", "list"),
        ("containment", "str"),
        ("manual", "NoneType"),
        ("manual", "list"),
    }


def test_remediations_have_every_status_and_people_who_approved_them(demo):
    items = [
        item for row in demo.incidents() for item in (row["remediations"] or {"items": []})["items"]
    ]
    statuses = {item["status"] for item in items}
    assert {"unapproved", "approved", "completed", "failed", "cancelled"} == statuses
    for item in items:
        if item["status"] == "approved":
            assert item["approved_by"]["name"]
            assert item["approved_at"]
    assert len({item["id"] for item in items}) == len(items)


def test_some_have_more_remediations_than_a_list_shows_and_some_have_none(demo):
    blocks = [row["remediations"] for row in demo.incidents()]
    assert None in blocks
    long = [block for block in blocks if block and block["has_more"]]
    assert long
    assert all(b["total_count"] > 10 and len(b["items"]) == 10 for b in long)


def test_some_bodies_are_html_and_stand_in_for_a_missing_summary(demo):
    rows = demo.incidents()
    assert any(row["body"].startswith("<") for row in rows)
    without = [row for row in rows if row["summary"] is None]
    assert without
    assert all(row["body"].startswith("<") for row in without)


def test_attackers_addresses_are_from_documentation_ranges(demo):
    for row in demo.incidents():
        text = f"{row['summary']} {row['body']}"
        for found in re.findall(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", text):
            address = ipaddress.ip_address(found)
            assert address.is_loopback or any(address in n for n in DOCUMENTATION), found


@pytest.mark.parametrize(
    "scenario", [*ENDPOINT_SCENARIOS, *IDENTITY_SCENARIOS], ids=lambda scenario: scenario.name
)
def test_scenarios_are_within_huntresss_values(scenario):
    words = dict.fromkeys(("host", "user", "org", "mail", "ip", "sha", "country"), "x")
    assert scenario.severity in SEVERITIES
    assert scenario.summary or scenario.body
    for text in (scenario.summary, scenario.body, *(step.action for step in scenario.steps)):
        assert text is None or text.format_map(words)
    assert {step.type for step in scenario.steps} <= {"assisted", "manual", "containment"}
    assert not re.search(r"https?://", f"{scenario.summary}{scenario.body}")


# --- time passes


def test_nothing_happens_in_no_time_and_time_never_runs_backwards():
    account = SimulatedAccount.demo(now=NOW)
    before = account.incidents()
    account.pass_time(NOW)
    account.pass_time(NOW - timedelta(days=1))
    assert account.incidents() == before


def test_a_few_events_a_minute_each_at_its_own_time():
    account = SimulatedAccount.demo(now=NOW)
    account.pass_time(NOW + timedelta(minutes=60))
    changed = [row["updated_at"] for row in account.incidents() if row["updated_at"] > iso(NOW)]
    assert 60 <= len(changed) <= 240
    assert len(set(changed)) == len(changed)
    assert max(changed) <= iso(NOW + timedelta(minutes=60))


def test_how_often_time_is_asked_for_does_not_matter():
    at_once, in_steps = (SimulatedAccount.demo(now=NOW) for _ in range(2))
    at_once.pass_time(NOW + timedelta(minutes=20))
    for seconds in range(0, 1201, 7):
        in_steps.pass_time(NOW + timedelta(seconds=seconds))
    in_steps.pass_time(NOW + timedelta(minutes=20))
    assert at_once.incidents() == in_steps.incidents()


def test_every_kind_of_event_happens_within_two_hours():
    account = SimulatedAccount.demo(now=NOW)
    seen: Counter[str] = Counter()
    before = {row["id"]: row for row in account.incidents()}
    for minute in range(1, 121):
        account.pass_time(NOW + timedelta(minutes=minute))
        after = {row["id"]: row for row in account.incidents()}
        seen["new"] += len(after) - len(before)
        for key, old in before.items():
            new = after[key]
            seen["closed"] += old["status"] in OPEN and new["status"] not in OPEN
            seen["reopened"] += old["status"] not in OPEN and new["status"] in OPEN
            rank = SEVERITIES.index
            seen["risen"] += rank(new["severity"]) > rank(old["severity"])
            seen["fallen"] += rank(new["severity"]) < rank(old["severity"])
            unlike = (old["summary"], old["remediations"]) != (new["summary"], new["remediations"])
            seen["amended"] += unlike and new["status"] == old["status"]
        before = after
    for kind in ("new", "closed", "reopened", "risen", "amended"):
        assert seen[kind] > 0, kind
    assert seen["fallen"] == 0


def test_the_open_ones_do_not_pile_up():
    account = SimulatedAccount.demo(now=NOW)
    account.pass_time(NOW + timedelta(days=1))
    assert sum(row["status"] in OPEN for row in account.incidents()) < 150


def test_a_story_needs_no_agents():
    account = SimulatedAccount(now=NOW)
    account.add_organization("Acme")
    account.pass_time(NOW + timedelta(minutes=20))
    rows = account.incidents()
    assert rows
    assert {row["agent_id"] for row in rows} == {None}
