"""`triagedesk poll`, `tickets` and `quarantine`: a cycle without Redis, and what came of it."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.cli.conftest import Shell
from tests.support.databases import both_databases
from tests.support.processes import run_triagedesk
from tests.support.rows import all_rows, change
from webapp.cli import poll
from webapp.extensions import db
from webapp.huntress.simulator.faults import Faults
from webapp.huntress.simulator.rows import iso
from webapp.models import ApiExchange, Connection, PollRun
from webapp.services.polling.outcome import PollOutcome
from webapp.services.schedule.lease import claim
from webapp.services.transactions import transaction

KEYS = {
    "success",
    "skipped",
    "run_id",
    "collected",
    "created",
    "noted",
    "closed",
    "reopened",
    "recorded",
    "failed",
    "quarantined",
    "api_calls",
    "cursor",
    "error",
}


@pytest.fixture
def connection_id(shell: Shell) -> str:
    """A connected, routed account with two organizations and an incident in each."""
    for number, name in enumerate(("Acme", "Globex"), start=1):
        shell.simulator.account.add_organization(name, id=number)
        agent = shell.simulator.account.add_agent(number, hostname=f"PC-{number}")
        _incident(shell, agent["id"], number, shell.clock.now() - timedelta(hours=number))
    connection_id = shell.connect()
    shell.route(connection_id)
    return connection_id


def _incident(shell: Shell, agent_id: int, organization_id: int, now: datetime) -> None:
    shell.simulator.account.add_incident(
        organization_id, now=now, agent_id=agent_id, severity="high"
    )


@both_databases
def test_a_poll_makes_tickets_and_begins_the_schedule(shell: Shell, connection_id: str) -> None:
    result = shell.json("poll", connection_id)
    assert set(result) == KEYS
    assert (result["success"], result["skipped"], result["error"]) == (True, None, None)
    assert (result["collected"], result["created"]) == (2, 2)
    assert result["cursor"] is not None
    assert shell.json("connection", "list")[0]["is_started"] is True
    assert [row["number"] for row in shell.json("tickets")] == ["TKT-000001", "TKT-000002"]
    again = shell.json("poll", connection_id)
    assert (again["success"], again["created"]) == (True, 0)


def test_tickets_as_json(shell: Shell, connection_id: str) -> None:
    shell.ok("poll", connection_id)
    first, second = shell.json("tickets")
    incidents = shell.simulator.account.incidents()
    references = {first["source_reference"], second["source_reference"]}
    assert references == {str(incident["id"]) for incident in incidents}
    assert first["title"].startswith("[Huntress] [Unmapped Org] ")
    assert (first["client"], first["board"]) == ("Internal (unmapped security)", "Security Triage")
    assert (first["status"], first["priority"], first["source"]) == ("Open", "High", "huntress")
    assert (first["incident_status"], first["incident_severity"]) == ("sent", "high")
    assert (first["is_closed"], first["closed_at"], first["assignee"]) == (False, None, None)


def test_tickets_in_words(shell: Shell, connection_id: str) -> None:
    assert shell.ok("tickets") == "No tickets.\n"
    assert shell.json("tickets", "--open") == []
    shell.ok("poll", connection_id)
    lines = shell.ok("tickets", "--open").splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("TKT-000001  [Huntress]")


def test_poll_in_words(shell: Shell, connection_id: str) -> None:
    assert shell.ok("poll", connection_id).startswith("Connection 1: 2 collected, 2 tickets")


@both_databases
def test_a_failed_poll(shell: Shell, connection_id: str) -> None:
    shell.simulator.faults = Faults(forbidden=True)
    result = shell.run("poll", connection_id, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["success"] is False
    assert "lacks permission" in document["error"]


def test_missing_credentials_fail(shell: Shell, connection_id: str) -> None:
    change(Connection, int(connection_id), api_secret=None)
    result = shell.run("poll", connection_id, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["success"], document["skipped"]) == (False, "missing_credentials")
    assert document["error"] == "Missing Huntress API credentials."


@pytest.mark.parametrize("reason", ["paused", "routing_config_incomplete"])
def test_a_deliberate_skip_is_no_failure(shell: Shell, connection_id: str, reason: str) -> None:
    if reason == "paused":
        shell.ok("connection", "pause", connection_id)
    else:
        change(Connection, int(connection_id), board_id=None)
    assert shell.json("poll", connection_id)["skipped"] == reason
    assert shell.json("tickets") == []
    assert shell.json("connection", "list")[0]["is_started"] is False


def test_a_skip_says_where_the_cursor_stands(shell: Shell, connection_id: str) -> None:
    cursor = shell.json("poll", connection_id)["cursor"]
    shell.ok("connection", "pause", connection_id)
    for _ in range(2):
        skipped = shell.json("poll", connection_id)
        assert (skipped["skipped"], skipped["cursor"]) == ("paused", cursor)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("poll",), "`triagedesk connection list` shows them"),
        (("poll", "1", "--due"), "not both"),
        (("poll", "x"), "'x' is not a valid integer"),
        (("quarantine", "retry"), "Missing argument 'ID'"),
        (("tickets", "--closed"), "No such option"),
        (("polls",), "No such command"),
    ],
)
def test_a_wrong_use_is_one_document_with_json(
    shell: Shell, arguments: tuple[str, ...], words: str
) -> None:
    plain, as_json = shell.run(*arguments), shell.run(*arguments, "--json")
    assert (plain.exit_code, as_json.exit_code) == (2, 2)
    assert plain.stdout == ""
    document = json.loads(as_json.stdout)
    assert document["success"] is False
    assert words in document["error"]
    assert words in as_json.stderr


def test_the_community_edition_skips(shell: Shell, connection_id: str) -> None:
    result = shell.run("poll", connection_id, "--json", TRIAGEDESK_EDITION="community")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert (document["success"], document["skipped"]) == (True, "edition")


def test_a_sweep(shell: Shell, connection_id: str) -> None:
    shell.ok("poll", connection_id)
    shell.clock.advance(seconds=1)
    assert shell.json("poll", connection_id, "--sweep")["success"] is True
    assert [run.is_sweep for run in all_rows(PollRun)] == [True, True]
    shell.json("poll", connection_id)
    assert [run.is_sweep for run in all_rows(PollRun)] == [True, True, False]


def test_due_connections(shell: Shell, connection_id: str) -> None:
    assert shell.json("poll", "--due") == []
    assert shell.ok("poll", "--due") == "No connection is due.\n"
    shell.ok("poll", connection_id)
    assert shell.json("poll", "--due") == []
    shell.clock.advance(minutes=5)
    [result] = shell.json("poll", "--due")
    assert set(result) == {*KEYS, "connection_id", "words"}
    assert (result["connection_id"], result["success"]) == (1, True)


def test_a_timer_deletes_what_is_too_old_as_well(shell: Shell, connection_id: str) -> None:
    shell.ok("poll", connection_id)
    before = {row.id for row in all_rows(ApiExchange)}
    shell.clock.advance(days=15)
    assert [one["success"] for one in shell.json("poll", "--due")] == [True]
    assert before.isdisjoint(row.id for row in all_rows(ApiExchange))


def test_a_silent_account_delays_no_other_one(
    shell: Shell, connection_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each poll waits for the other one; one after the other, they would wait in vain."""
    both = threading.Barrier(2, timeout=30)

    def poll_connection(_connection_id: int, **_options: object) -> PollOutcome:
        both.wait()
        return PollOutcome(skip_reason="not_due")

    monkeypatch.setattr(poll, "find_due_connections", lambda _now: [7, 3])
    monkeypatch.setattr(poll, "poll_connection", poll_connection)
    found = shell.json("poll", "--due")
    assert [one["connection_id"] for one in found] == [7, 3]
    assert not both.broken


@pytest.fixture
def usual_sigint() -> Iterator[None]:
    """A Ctrl+C is heard, also where these tests run in the background of a script."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual_sigint")
@pytest.mark.parametrize(
    ("signum", "words"), [(signal.SIGTERM, "asked to stop"), (signal.SIGINT, "Aborted")]
)
def test_a_timer_that_is_told_to_stop_gives_the_leases_of_its_threads_back(
    shell: Shell,
    connection_id: str,
    monkeypatch: pytest.MonkeyPatch,
    signum: signal.Signals,
    words: str,
) -> None:
    is_polling, may_end = threading.Event(), threading.Event()

    def poll_connection(key: int, **_options: object) -> PollOutcome:
        with transaction() as session:
            claim(session, key, seconds=120, only_if_due=False)
        is_polling.set()
        may_end.wait(30)
        return PollOutcome(skip_reason="not_due")

    def stop_when_polling() -> None:
        is_polling.wait(30)
        os.kill(os.getpid(), signum)

    monkeypatch.setattr(poll, "find_due_connections", lambda _now: [int(connection_id)])
    monkeypatch.setattr(poll, "poll_connection", poll_connection)
    stopper = threading.Thread(target=stop_when_polling)
    stopper.start()
    said = shell.refused("poll", "--due")
    may_end.set()
    stopper.join()
    assert words in said
    [connection] = all_rows(Connection)
    assert (connection.lease_token, connection.poll_requested_at is None) == (None, False)


@pytest.mark.usefixtures("usual_sigint")
def test_a_ctrl_c_that_is_ignored_stays_so_and_a_second_one_does_not_wait(
    shell: Shell, connection_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the background of a script, and while a database does not answer."""
    seen: list[object] = []

    def poll_connection(_key: int, **_options: object) -> PollOutcome:
        seen.append(signal.getsignal(signal.SIGINT))
        if seen[-1] is not signal.SIG_IGN:
            with transaction():
                os.kill(os.getpid(), signal.SIGINT)
                seen.append(signal.getsignal(signal.SIGINT))
        return PollOutcome(skip_reason="not_due")

    monkeypatch.setattr(poll, "poll_connection", poll_connection)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    shell.ok("poll", connection_id)
    signal.signal(signal.SIGINT, before)
    assert seen.pop() is signal.SIG_IGN
    assert "Aborted" in shell.refused("poll", connection_id)
    assert seen[1] is signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is before


def test_one_connection_that_fails_does_not_stop_the_others(
    shell: Shell, connection_id: str
) -> None:
    """The first account's credentials were revoked; the second one is polled all the same."""
    shell.ok("poll", connection_id)
    shell.simulator.account.account["id"] = 2
    second = shell.connect()
    shell.route(second)
    shell.ok("poll", second)
    change(Connection, int(connection_id), api_secret="revoked")
    shell.clock.advance(minutes=5)
    result = shell.run("poll", "--due", "--json")
    assert result.exit_code == 1
    outcomes = {one["connection_id"]: one["success"] for one in json.loads(result.stdout)}
    assert outcomes == {int(connection_id): False, int(second): True}


def test_not_even_one_whose_poll_breaks(shell: Shell, connection_id: str) -> None:
    """The first connection's credentials cannot be decrypted, which no poll is prepared for."""
    shell.ok("poll", connection_id)
    shell.simulator.account.account["id"] = 2
    second = shell.connect()
    shell.route(second)
    shell.ok("poll", second)
    with db.engine.begin() as raw:
        raw.execute(text("UPDATE connections SET api_secret = 'damaged' WHERE account_id <> '2'"))
    shell.clock.advance(minutes=5)
    result = shell.run("poll", "--due", "--json")
    assert result.exit_code == 1
    outcomes = {one["connection_id"]: one["success"] for one in json.loads(result.stdout)}
    assert outcomes == {int(connection_id): False, int(second): True}


@pytest.mark.parametrize("arguments", [(), ("1", "--due"), ("first",)])
def test_usage(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell.run("poll", *arguments).exit_code == 2


def test_unknown_connection(shell: Shell) -> None:
    assert "no connection 99" in shell.refused("poll", "99")


@both_databases
def test_quarantine(shell: Shell, connection_id: str) -> None:
    assert shell.json("quarantine", "list") == []
    assert shell.ok("quarantine", "list") == "Nothing is quarantined.\n"
    now = iso(shell.clock.now())
    shell.simulator.account.add_raw_incident({"subject": "No id", "updated_at": now})
    assert shell.json("poll", connection_id)["quarantined"] == 1
    [row] = shell.json("quarantine", "list")
    assert row["incident"].startswith("sha256:")
    assert row["ticket"] in {ticket["number"] for ticket in shell.json("tickets")}
    key = str(row["id"])
    assert shell.json("quarantine", "retry", key)["success"] is True
    assert "tried again" in shell.ok("quarantine", "retry", key)
    assert shell.json("quarantine", "dismiss", key, "--reason", "a test")["id"] == row["id"]
    assert shell.json("quarantine", "list") == []
    assert "was dismissed already" in shell.refused("quarantine", "dismiss", key)
    assert "may have been processed" in shell.refused("quarantine", "retry", "999")


@pytest.mark.process
def test_a_database_that_cannot_be_used(shell: Shell, tmp_path: Path) -> None:
    unmigrated = {"TRIAGEDESK_DATABASE_URL": f"sqlite:///{tmp_path}/empty.db"}
    done = run_triagedesk("poll", "1", "--json", **{**shell.env, **unmigrated})
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["success"] is False
    assert document["error"].startswith("The database is not ready. It is at migration none")
    assert "SELECT" not in done.stdout + done.stderr


@pytest.mark.process
def test_as_a_program_of_its_own(shell: Shell, connection_id: str) -> None:
    """Stdout is one JSON document and nothing else; the system's clock, a real process."""
    done = run_triagedesk("poll", connection_id, "--json", **shell.env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["success"] is True
    assert "Traceback" not in done.stderr
