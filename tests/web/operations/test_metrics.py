"""The metrics: who may read them, what they say, and that they are written as Prometheus wants."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, all_rows, change
from tests.support.source_tree import ROOT
from tests.web.pages import Browser
from webapp import __version__
from webapp.extensions import db
from webapp.models import Alarm, Alert, Connection, Drill, OutboxRow, Proof, Target, Ticket
from webapp.services.operations import read_health
from webapp.task_queue import QueueStatus

TOKEN = "a-token-for-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
RULES = ROOT / "deploy" / "prometheus-alerts.yml"


@pytest.fixture
def with_token(app: Flask) -> None:
    config = replace(app.extensions["triagedesk_config"], metrics_token=TOKEN)
    app.extensions["triagedesk_config"] = config


def scrape(visitor: Browser) -> str:
    answer = visitor.client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return answer.text


def values(visitor: Browser, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric by their labels' values."""
    for family in text_string_to_metric_families(scrape(visitor)):
        if family.name == f"triagedesk_{name}":
            return {tuple(one.labels.values()): one.value for one in family.samples}
    raise AssertionError(f"there is no {name}")


def test_without_a_configured_token_there_is_no_page(visitor: Browser, admin: Browser) -> None:
    for browser in (visitor, admin):
        assert browser.client.get("/metrics", headers=BEARER).status_code == 404


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer \u00fc"},
    ],
)
def test_without_the_right_token_nothing_is_said(
    visitor: Browser, admin: Browser, with_token: None, header: dict[str, str]
) -> None:
    for browser in (visitor, admin):
        answer = browser.client.get("/metrics", headers=header)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "triagedesk_" not in answer.text


def test_prometheus_may_ask_at_any_address(visitor: Browser, with_token: None) -> None:
    headers = {**BEARER, "Host": "10.0.0.11:8000"}
    assert visitor.client.get("/metrics", headers=headers).status_code == 200


def test_a_database_that_is_away_is_an_answer(
    app: Flask, visitor: Browser, with_token: None
) -> None:
    with app.app_context():
        db.engine.dispose()
        file = Path(str(db.engine.url.database))
    file.rename(file.with_suffix(".away"))
    file.mkdir()
    assert visitor.client.get("/metrics", headers=BEARER).status_code == 503


def add_proof(desk: Desk, now: datetime) -> None:
    add(
        Proof(
            connection_id=desk.connection_id,
            day=now.date(),
            days=30,
            started_at=now,
            finished_at=now,
            listed=212,
            unexplained=2,
        )
    )


def test_what_they_say(
    app: Flask, visitor: Browser, desk: Desk, with_token: None, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    with app.app_context():
        target = add(
            Target(name='channel "1"\n', kind="email", settings={"to": "x"}, created_at=now)
        )
        for number, state in enumerate(("pending", "pending", "failed", "sent")):
            add(
                OutboxRow(
                    key=str(number),
                    target_id=target.id,
                    target_name="channel",
                    event="test",
                    facts={},
                    created_at=now,
                    due_at=now - timedelta(seconds=90 - number),
                    next_try_at=now,
                    state=state,
                )
            )
        add(Alarm(kind="disk-low", subject="here", sentence="Full.", began_at=now))
        add(Alarm(kind="worker-gone", sentence="x", began_at=now, inhibited_by="redis-gone"))
        add(Alarm(kind="of-another-version", sentence="x", began_at=now))
        add_proof(desk, now)
        opened = len(all_rows(Ticket, Ticket.closed_at.is_(None)))
    one = str(desk.connection_id)
    [labels] = values(visitor, "build_info")
    assert labels[0].isdigit()
    assert labels[1] == __version__
    assert values(visitor, "tickets")["open",] == opened
    assert values(visitor, "outbox_messages")[str(target.id),] == 2
    assert values(visitor, "outbox_oldest_seconds")[str(target.id),] == 90
    assert values(visitor, "outbox_stuck_messages")[str(target.id),] == 0
    assert values(visitor, "outbox_failed_messages")[str(target.id),] == 1
    assert values(visitor, "target_info") == {("email", 'channel "1"\n', str(target.id)): 1}
    alarms = values(visitor, "alarms")
    assert {key for key, count in alarms.items() if count} == {
        ("disk-low",),
        ("of-another-version",),
    }
    assert values(visitor, "proof_incidents")[one, "listed"] == 212
    assert values(visitor, "proof_incidents")[one, "unexplained"] == 2
    states = values(visitor, "connection_state")
    assert sum(states.values()) == 1
    assert values(visitor, "connection_poll_interval_seconds") == {(one,): 300}


def test_the_lag_counts_incidents_of_a_day_that_were_sent_after_the_start(
    app: Flask, visitor: Browser, desk: Desk, with_token: None, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    with app.app_context():
        alerts = [one for one in all_rows(Alert) if one.ticket_id is not None][:5]
        for alert in all_rows(Alert):
            change(Alert, alert.id, triggered_at=now - timedelta(days=9))
        change(Connection, desk.connection_id, polling_started_at=now - timedelta(hours=20))
        for alert, hours, lag in zip(alerts, (1, 2, 3, 19, 21), (60, 120, 600, 30, 5), strict=True):
            sent_at = now - timedelta(hours=hours)
            change(
                Alert, alert.id, triggered_at=sent_at, created_at=sent_at + timedelta(seconds=lag)
            )
        change(Alert, alerts[2].id, is_drill=True)
    assert values(visitor, "incident_lag_seconds") == {("50",): 60, ("95",): 120, ("100",): 120}
    assert values(visitor, "incidents_ticketed") == {(): 3}


def test_drills_are_no_tickets(
    app: Flask, visitor: Browser, desk: Desk, with_token: None, fake_clock: FakeClock
) -> None:
    before = values(visitor, "tickets")
    with app.app_context():
        opened = all_rows(Ticket, Ticket.closed_at.is_(None))[0]
        closed = all_rows(Ticket, Ticket.closed_at.is_not(None))[0]
        for ticket in (opened, closed):
            add(
                Drill(
                    connection_id=desk.connection_id,
                    external_key=f"drill-{ticket.id}",
                    ticket_id=ticket.id,
                    started_at=fake_clock.now(),
                )
            )
    after = values(visitor, "tickets")
    assert after == {state: count - 1 for state, count in before.items()}


# What `promtool check metrics` looks at.

TYPES_IN_NAMES = re.compile(r"(^|_)(gauge|counter|summary|histogram|info_total)(_|$)")
UNITS = (
    *("ms", "milliseconds", "minutes", "hours", "days", "weeks", "mins", "secs", "s"),
    *("kilobytes", "megabytes", "kb", "mb", "percent", "permille"),
)
RESERVED_SUFFIXES = ("_total", "_bucket", "_count", "_sum", "_created")
RESERVED_LABELS = {"le", "quantile"}


def complaints(text: str) -> Iterator[str]:
    """What is wrong with metrics, by promtool's rules (all of ours are gauges)."""
    for family in text_string_to_metric_families(text):
        name = family.name
        if family.type != "gauge":
            yield f"{name} is a {family.type}"
        if not family.documentation:
            yield f"{name} has no help"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            yield f"{name} is not written in snake case"
        if name.endswith(RESERVED_SUFFIXES) or TYPES_IN_NAMES.search(name):
            yield f"{name} says a type that it is not"
        if any(unit in name.split("_") for unit in UNITS):
            yield f"{name} is not in a base unit"
        if "seconds" in name and not name.endswith("_seconds"):
            yield f"{name} does not end with its unit"
        seen = set()
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            if sample.timestamp is not None or sample.name != name:
                yield f"{sample.name} has a timestamp or another name"
            if labels in seen or RESERVED_LABELS & sample.labels.keys():
                yield f"{name}{labels} is there twice or has a reserved label"
            seen.add(labels)


def test_there_is_nothing_to_complain_of(visitor: Browser, desk: Desk, with_token: None) -> None:
    text = scrape(visitor)
    assert list(complaints(text)) == []
    names = re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)
    assert len(names) == len(set(names)) > 20
    assert re.findall(r"^# HELP (\S+) .+\.$", text, re.MULTILINE) == names


@pytest.mark.parametrize(
    "text",
    [
        "# TYPE a_total gauge\n# HELP a_total x\na_total 1\n",
        "# TYPE a gauge\na 1\n",
        "# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n",
        "# HELP a x\n# TYPE a gauge\na 1 123456\n",
        '# HELP a x\n# TYPE a gauge\na{quantile="1"} 1\n',
        "# HELP aB x\n# TYPE aB gauge\naB 1\n",
        "# HELP a_seconds_b x\n# TYPE a_seconds_b gauge\na_seconds_b 1\n",
    ],
)
def test_the_complaints_see_what_they_should(text: str) -> None:
    assert list(complaints(text))


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    assert set(document) == {"groups"}
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_every_metric_of_the_alert_rules_exists(
    visitor: Browser, desk: Desk, with_token: None
) -> None:
    text = scrape(visitor)
    known = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    used = {name for rule in rules() for name in re.findall(r"triagedesk_\w+", rule["expr"])}
    assert used
    assert used <= known
    for rule in rules():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_labels_of_the_alert_rules_exist(
    app: Flask, visitor: Browser, desk: Desk, with_token: None, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    with app.app_context():
        add_proof(desk, now)
        alert = next(one for one in all_rows(Alert) if one.ticket_id is not None)
        change(Connection, desk.connection_id, polling_started_at=now - timedelta(hours=1))
        change(Alert, alert.id, triggered_at=now, created_at=now)
    text = scrape(visitor)
    for rule in rules():
        for name, label, value in re.findall(
            r'(triagedesk_\w+)\{(\w+)=~?"([^"]+)"\}', rule["expr"]
        ):
            for one in value.split("|"):
                assert re.search(rf'^{name}\{{.*{label}="{one}"', text, re.MULTILINE), (name, one)


def test_a_connection_that_was_never_polled_with_success_is_known_since_its_start(
    app: Flask, visitor: Browser, desk: Desk, with_token: None, fake_clock: FakeClock
) -> None:
    started_at = fake_clock.now() - timedelta(hours=3)
    with app.app_context():
        values_of_new = {"polling_started_at": started_at, "last_success_at": None}
        change(Connection, desk.connection_id, **values_of_new)
    one = (str(desk.connection_id),)
    since = "connection_polling_since_timestamp_seconds"
    assert one not in values(visitor, "connection_last_success_timestamp_seconds")
    assert values(visitor, since)[one] == started_at.timestamp()
    with app.app_context():
        change(Connection, desk.connection_id, connected_at=fake_clock.now())
    assert values(visitor, since)[one] == fake_clock.now().timestamp()
    [rule] = [one for one in rules() if one["alert"] == "TriagedeskNotPolled"]
    assert f"or on (connection) triagedesk_{since}" in rule["expr"]


def test_the_rule_of_stuck_messages_is_that_of_the_alarm(
    app: Flask, visitor: Browser, desk: Desk, with_token: None, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    with app.app_context():
        target = add(Target(name="a", kind="email", settings={"to": "x"}, created_at=now))
        moment = now - timedelta(minutes=16)
        add(
            OutboxRow(
                key="k",
                target_id=target.id,
                target_name="a",
                event="test",
                facts={},
                created_at=moment,
                due_at=moment,
                next_try_at=moment,
            )
        )
    stuck = "outbox_stuck_messages"
    assert values(visitor, stuck) == {(str(target.id),): 1}
    with app.app_context():
        change(Target, target.id, rests_until=now)
    assert values(visitor, stuck) == {(str(target.id),): 0}
    assert values(visitor, "outbox_oldest_seconds") == {(str(target.id),): 960}
    [rule] = [one for one in rules() if one["alert"] == "TriagedeskMessagesStuck"]
    assert rule["expr"] == f"triagedesk_{stuck} > 0"


def test_ready_tells_details_to_whoever_has_the_token(
    visitor: Browser, desk: Desk, with_token: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = QueueStatus(True, has_worker=True, has_scheduler=True)
    monkeypatch.setattr(read_health, "read_queue_status", lambda: status)
    answer = visitor.client.get("/readyz", headers=BEARER)
    assert answer.status_code == 200
    names = {check["name"] for check in answer.json["checks"]}
    assert {"database", "worker", "alarms", "disk"} <= names
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        plain = visitor.client.get("/readyz", headers=headers)
        assert (plain.status_code, plain.text) == (200, "ok")
