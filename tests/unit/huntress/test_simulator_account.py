"""The account's tables: what adding, changing and removing rows does to them."""

import json
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from webapp.huntress.simulator.account import SimulatedAccount
from webapp.huntress.simulator.rows import iso

NOW = datetime(2026, 6, 9, 12, 0, 0, tzinfo=UTC)
NOW_TEXT = "2026-06-09T12:00:00Z"
LATER = NOW + timedelta(minutes=5)
LATER_TEXT = "2026-06-09T12:05:00Z"


@pytest.fixture
def account() -> SimulatedAccount:
    return SimulatedAccount(account_id=5, name="MSP", subdomain="msp", now=NOW)


def test_times_are_whole_seconds_in_utc():
    summer = timezone(timedelta(hours=2))
    assert iso(datetime(2026, 6, 9, 14, 0, 0, 999_999, tzinfo=summer)) == NOW_TEXT


def test_a_new_account_is_empty(account):
    assert account.account == {"id": 5, "name": "MSP", "subdomain": "msp", "status": "enabled"}
    assert (account.organizations(), account.agents(), account.incidents()) == ([], [], [])
    account.pass_time(LATER)
    assert account.incidents() == []


def test_a_new_incident_is_sent_now(account):
    row = account.add_incident(now=NOW)
    for field in ("sent_at", "updated_at", "status_updated_at", "created_at"):
        assert row[field] == NOW_TEXT
    assert (row["status"], row["closed_at"], row["agent_id"]) == ("sent", None, None)
    assert row["account_id"] == 5
    assert row["remediations"] == {"total_count": 0, "has_more": False, "items": []}


def test_an_incident_takes_what_it_can_from_its_agent(account):
    account.add_organization("Acme", id=9)
    account.add_agent(9, "SRV01", id=7, platform="linux")
    row = account.add_incident(now=NOW, agent_id=7, severity="critical")
    assert row["organization_id"] == 9
    assert row["platform"] == "linux"
    assert row["subject"] == "CRITICAL - Incident on SRV01 (Acme)"
    assert row["indicator_counts"] == {"footholds": 1}


def test_fields_override_anything_even_with_illegal_values(account):
    row = account.add_incident(
        3, now=NOW, updated_at=None, severity=[], subject=None, sent_at=LATER, extra={"a": [1]}
    )
    assert row["updated_at"] is None
    assert row["severity"] == []
    assert row["subject"] is None
    assert row["sent_at"] == LATER_TEXT
    assert row["extra"] == {"a": [1]}


def test_ids_rise_and_are_never_given_twice(account):
    first = account.add_incident(now=NOW)["id"]
    account.delete_incident(first)
    second = account.add_incident(now=NOW)["id"]
    account.add_incident(now=NOW, id=second + 10)
    assert second == first + 1
    assert account.add_incident(now=NOW)["id"] == second + 11


@pytest.mark.parametrize("table", ["organization", "agent", "incident"])
def test_an_id_that_is_taken_is_refused(account, table):
    def add():
        if table == "organization":
            account.add_organization("Acme", id=1)
        elif table == "agent":
            account.add_agent(1, "SRV01", id=1)
        else:
            account.add_incident(now=NOW, id=1)

    add()
    with pytest.raises(ValueError, match="already"):
        add()


def test_what_is_handed_out_is_a_copy(account):
    account.add_organization("Acme", id=9)
    account.add_agent(9, "SRV01", id=7, tags=["server"])
    account.add_incident(9, now=NOW, id=42, remediations=[{"id": 1}])
    account.incident(42)["remediations"]["items"].append("changed")
    account.incidents()[0]["indicator_types"].append("changed")
    account.agents()[0]["tags"].append("changed")
    account.organizations()[0]["name"] = "changed"
    assert "changed" not in json.dumps(
        [account.incidents(), account.agents(), account.organizations()]
    )


def test_what_is_put_in_is_copied(account):
    items = [{"id": 1}]
    account.add_incident(now=NOW, id=42, remediations=items)
    items.append({"id": 2})
    assert account.incident(42)["remediations"]["total_count"] == 1


def test_an_update_moves_updated_at_alone(account):
    account.add_incident(now=NOW, id=42)
    account.update_incident(42, now=LATER, summary="More")
    row = account.incident(42)
    assert (row["summary"], row["updated_at"]) == ("More", LATER_TEXT)
    assert (row["sent_at"], row["status_updated_at"]) == (NOW_TEXT, NOW_TEXT)


def test_an_update_can_leave_or_break_updated_at(account):
    account.add_incident(now=NOW, id=42)
    account.update_incident(42, now=LATER, summary="Silent", updated_at=NOW)
    assert account.incident(42)["updated_at"] == NOW_TEXT
    account.update_incident(42, now=LATER, updated_at=None)
    assert account.incident(42)["updated_at"] is None


def test_closing_and_reopening(account):
    account.add_incident(now=NOW, id=42)
    account.close_incident(42, now=LATER, status="dismissed")
    row = account.incident(42)
    assert (row["status"], row["closed_at"]) == ("dismissed", LATER_TEXT)
    assert (row["status_updated_at"], row["updated_at"]) == (LATER_TEXT, LATER_TEXT)
    again = LATER + timedelta(minutes=5)
    account.reopen_incident(42, now=again)
    row = account.incident(42)
    assert (row["status"], row["closed_at"], row["sent_at"]) == ("sent", None, NOW_TEXT)
    assert row["status_updated_at"] == iso(again)


@pytest.mark.parametrize(
    "act",
    [
        lambda a: a.incident(1),
        lambda a: a.update_incident(1, now=NOW),
        lambda a: a.close_incident(1, now=NOW),
        lambda a: a.reopen_incident(1, now=NOW),
        lambda a: a.delete_incident(1),
        lambda a: a.remove_agent(1),
        lambda a: a.remove_organization(1),
    ],
)
def test_unknown_ids_are_key_errors(account, act):
    with pytest.raises(KeyError):
        act(account)


def test_counts_of_an_organization_are_live(account):
    account.add_organization("Acme", id=9)
    account.add_organization("Other", id=10, agents_count=99)
    account.add_agent(9, "A")
    account.add_incident(9, now=NOW)
    account.add_incident(9, now=NOW)
    account.update_incident(account.add_incident(now=NOW)["id"], now=NOW, organization_id=["x"])
    counts = [(o["agents_count"], o["incident_reports_count"]) for o in account.organizations()]
    assert counts == [(1, 2), (99, 0)]


def test_threads_can_add_at_once(account):
    def add() -> None:
        for _ in range(100):
            account.add_incident(now=NOW)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len({row["id"] for row in account.incidents()}) == 400
