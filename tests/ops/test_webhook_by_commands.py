"""Notifications by commands alone: a signed webhook gets every new ticket once, without Redis.

What stands here is what an outside reader goes by: names of commands and options, of the body's
fields, and the signature of the Standard Webhooks specification, checked by code of its own.
"""

import base64
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY
from tests.support.installation import MANY_CALLS
from tests.support.processes import ROOT, Command, clean_environment
from tests.support.receivers.http_receiver import HttpReceiver, Received
from tests.support.waiting import wait_until
from webapp import create_app
from webapp.cli import triagedesk
from webapp.clock import utcnow
from webapp.config import load_config
from webapp.extensions import db
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.services.watch.drill import start_drill

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
SEVERITIES = ("critical", "high", "low")


class Desk:
    """A new installation that is used by commands; the watcher is a process of its own."""

    def __init__(self, folder: Path, simulator: Simulator, receiver: HttpReceiver) -> None:
        self.simulator, self.receiver, self._folder = simulator, receiver, folder
        self.env = {
            "TRIAGEDESK_DATA_DIR": str(folder / "data"),
            "TRIAGEDESK_REDIS_URL": f"unix://{folder}/no-valkey.sock",
            "TRIAGEDESK_SECRET_KEY": SECRET_KEY,
            "TRIAGEDESK_ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "TRIAGEDESK_HUNTRESS_HOSTS": simulator.base_url,
            "TRIAGEDESK_OUTBOUND_HOSTS": receiver.origin,
            "TRIAGEDESK_HEARTBEAT_URL": f"{receiver.origin}/ping/a-check",
            "HUNTRESS_API_KEY": "hk_demo",
            "HUNTRESS_API_SECRET": "hs_demo",
        }

    def run(self, *words: str) -> Any:
        """Run a command to its end; returns its document."""
        done = CliRunner().invoke(triagedesk, [*words, "--json"], env=self.env)
        assert done.exit_code == 0, (words, done.output, done.exception)
        return json.loads(done.stdout)

    def watch(self) -> Command:
        """Start `triagedesk watch` under a fast clock, so that its rounds come often."""
        env = clean_environment(**self.env, PYTHONPATH=str(ROOT))
        return Command(["-m", "tests.ops.quick_watch"], self._folder / "watch", env)

    def add_incidents(self, first: int, count: int) -> set[str]:
        now = utcnow() - timedelta(minutes=1)
        for number in range(first, first + count):
            self.simulator.account.add_incident(
                number % 3 + 1, now=now, id=number, severity=SEVERITIES[number % 3]
            )
        return {str(number) for number in range(first, first + count)}

    def told(self) -> list[Received]:
        """What the webhook got about new tickets."""
        found = [one for one in list(self.receiver.requests) if one.path == "/hook"]
        return [one for one in found if one.json["type"] == "ticket.created"]

    def beats(self) -> int:
        """How often the outside heartbeat was called: each is many rounds."""
        return sum(one.path.startswith("/ping") for one in list(self.receiver.requests))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    account = SimulatedAccount(now=utcnow() - timedelta(days=1), name="Acme MSP")
    for number, name in enumerate(("Northwind", "Globex", "Fabrikam"), start=1):
        account.add_organization(name, id=number)
    with (
        Simulator(account, calls_per_window=MANY_CALLS) as simulator,
        HttpReceiver() as receiver,
    ):
        desk = Desk(tmp_path, simulator, receiver)
        migrated = CliRunner().invoke(triagedesk, ["migrate"], env=desk.env)
        assert migrated.exit_code == 0, migrated.output
        yield desk


def set_up(desk: Desk, folder: Path) -> str:
    """Connect the account, add the webhook and the policy; returns the connection's id."""
    added = desk.run("connection", "add", "--base-url", desk.simulator.base_url)
    connection_id = str(added["id"])
    desk.run(
        *("routing", "set", connection_id, "--board", "Security"),
        *("--fallback-client", "Internal (unmapped security)"),
        *("--fallback-board", "Security Triage"),
    )
    secret = folder / "secret.txt"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")
    url = f"{desk.receiver.origin}/hook"
    desk.run(
        "target", "add", "hook", "--kind", "webhook", "--url", url, "--secret-file", str(secret)
    )
    desk.run(
        *("policy", "add", "p", "--event", "created"),
        *("--severity", "critical,high,low", "--target", "hook"),
    )
    return connection_id


def check_request(one: Received) -> None:
    """The signature verifies, and the body has the fields that readers go by."""
    sent_at = int(one.headers["webhook-timestamp"])
    signed = f"{one.headers['webhook-id']}.{sent_at}.".encode() + one.body
    digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert one.headers["webhook-signature"] == f"v1,{digest}"
    assert one.headers["content-type"] == "application/json"
    assert set(one.json) == {"type", "timestamp", "data"}
    happened = datetime.fromisoformat(one.json["timestamp"])
    assert happened.tzinfo is not None
    assert abs(happened.timestamp() - time.time()) < 3600
    data = one.json["data"]
    assert {"number", "title", "severity", "client", "incident_id", "url"} <= set(data)
    assert data["number"].startswith("TKT-")
    assert data["client"] == "Internal (unmapped security)"
    assert data["severity"] == SEVERITIES[int(data["incident_id"]) % 3]
    assert "/tickets/" in data["url"]


def test_every_new_ticket_is_told_once_with_a_signature_that_verifies(
    desk: Desk, tmp_path: Path
) -> None:
    connection_id = set_up(desk, tmp_path)
    ids = desk.add_incidents(1, 9)
    assert desk.run("poll", connection_id)["created"] == 9
    assert desk.told() == [], "a poll by command sends nothing itself"
    watcher = desk.watch()
    try:
        assert wait_until(lambda: len(desk.told()) >= 9, 30), watcher.output
        ids |= desk.add_incidents(10, 6)
        assert desk.run("poll", connection_id)["created"] == 6
        assert desk.run("poll", connection_id)["created"] == 0
        assert wait_until(lambda: len(desk.told()) >= 15, 30), watcher.output
        beats = desk.beats()
        assert wait_until(lambda: desk.beats() >= beats + 2, 30), watcher.output
    finally:
        watcher.close()
    told = desk.told()
    assert Counter(one.json["data"]["incident_id"] for one in told) == Counter(
        dict.fromkeys(ids, 1)
    )
    assert len({one.headers["webhook-id"] for one in told}) == 15
    for one in told:
        check_request(one)
    assert SECRET not in watcher.output
    outbox = desk.run("outbox", "list")
    assert SECRET not in json.dumps(outbox)


@pytest.mark.soak
def test_a_drill_that_nobody_can_process_fails_and_is_told(desk: Desk, tmp_path: Path) -> None:
    """There is no worker; the watcher follows the drill, gives it up, and raises an alarm."""
    connection_id = set_up(desk, tmp_path)
    assert desk.run("poll", connection_id)["success"]
    start_drill_alone(desk)
    watcher = desk.watch()
    try:
        failed = wait_until(lambda: "drill-failed" in alarms(desk), 60)
        assert failed, (watcher.output, alarms(desk))
    finally:
        watcher.close()


def start_drill_alone(desk: Desk) -> None:
    """What the button does where its job is lost on the way."""
    app = create_app(load_config(desk.env))
    with app.app_context():
        start_drill()
        db.session.remove()
        db.engine.dispose()


def alarms(desk: Desk) -> set[str]:
    """The kinds of alarms that the webhook was told of."""
    bodies = [one.json for one in list(desk.receiver.requests) if one.path == "/hook"]
    return {body["data"]["kind"] for body in bodies if body["type"] == "alarm.began"}
