"""Making the demo account's incident reports from scenarios, people and machines."""

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from webapp.huntress.simulator.catalog import COMPANIES
from webapp.huntress.simulator.identity_scenarios import IDENTITY_SCENARIOS
from webapp.huntress.simulator.rows import AccountRows, Row, iso
from webapp.huntress.simulator.scenarios import ENDPOINT_SCENARIOS, Scenario, Step

IDENTITY_SHARE = 0.3
NEW_SUBJECT_SHARE = 0.4
ANALYSTS = (
    {"id": 811, "name": "Zoë Marchetti", "email": "zoe@tallowreed.example"},
    {"id": 812, "name": "Jon Reed", "email": "jon@tallowreed.example"},
)
_COUNTRIES = ("Netherlands", "Nigeria", "Russia", "United States", "Türkiye", "Vietnam")


def add_random_incident(
    rows: AccountRows, rng: random.Random, now: datetime, **fields: object
) -> Row | None:
    """Add a believable incident sent at `now` and return it.

    `fields` override anything. Returns None when the account has no organization.
    """
    if not rows.organization_rows:
        return None
    if rng.random() < IDENTITY_SHARE or not rows.agent_rows:
        scenario = _choose(rng, IDENTITY_SCENARIOS)
        organization_id = rng.choice(sorted(rows.organization_rows))
        return _add(rows, rng, now, scenario, organization_id, None, fields)
    agent = rows.agent_rows[rng.choice(sorted(rows.agent_rows))]
    fitting = [s for s in ENDPOINT_SCENARIOS if s.platform == agent["platform"]]
    scenario = _choose(rng, fitting or ENDPOINT_SCENARIOS)
    return _add(rows, rng, now, scenario, agent["organization_id"], agent, fields)


def _choose(rng: random.Random, scenarios: tuple[Scenario, ...] | list[Scenario]) -> Scenario:
    return rng.choices(scenarios, [scenario.weight for scenario in scenarios])[0]


def _add(
    rows: AccountRows,
    rng: random.Random,
    now: datetime,
    scenario: Scenario,
    organization_id: object,
    agent: Row | None,
    fields: Row,
) -> Row:
    organization = rows.organization_rows.get(
        organization_id if isinstance(organization_id, int) else -1, {}
    )
    words = _words(rng, organization, agent)
    content: Row = {
        "subject": _subject(rng, scenario, words),
        "summary": _fill(scenario.summary, words),
        "body": _fill(scenario.body, words) or _generated_body(scenario, words),
        "severity": scenario.severity,
        "platform": scenario.platform,
        "indicator_types": list(scenario.indicators),
        "indicator_counts": dict(scenario.indicators),
        "remediations": _remediations(rows, scenario, words, now),
    }
    owner = organization_id if isinstance(organization_id, int) else None
    agent_id = agent["id"] if agent else None
    return rows.add_incident(
        owner,
        now=now,
        agent_id=agent_id if isinstance(agent_id, int) else None,
        id=None,
        **{**content, **fields},
    )


def _words(rng: random.Random, organization: Mapping[str, object], agent: Row | None) -> Row:
    name = organization.get("name", "Unknown")
    company = next((c for c in COMPANIES if c.name == name), COMPANIES[0])
    user = rng.choice(company.people)
    mail = f"{user}@{company.mail_domain}"
    network = rng.choice(("192.0.2", "198.51.100", "203.0.113"))
    return {
        "org": name,
        "host": agent["hostname"] if agent else mail,
        "user": user,
        "mail": mail,
        "ip": f"{network}.{rng.randrange(1, 255)}",
        "sha": f"{rng.getrandbits(256):064x}",
        "country": rng.choice(_COUNTRIES),
    }


def _subject(rng: random.Random, scenario: Scenario, words: Row) -> str:
    where = f"Incident on {words['host']} ({words['org']})"
    if rng.random() < NEW_SUBJECT_SHARE:
        severity = scenario.severity.capitalize()
        return f"Huntress {scenario.product} {severity} Incident Report | {where}"
    return f"{scenario.severity.upper()} - {where}"


def _generated_body(scenario: Scenario, words: Row) -> str:
    lines = [f"Indicators on {words['host']} ({words['org']}):"]
    lines += [f"- {kind}: {count}" for kind, count in scenario.indicators.items()]
    return "\n".join(lines)


def _fill(template: str | None, words: Row) -> str | None:
    return template.format_map(words) if template is not None else None


def _remediations(
    rows: AccountRows, scenario: Scenario, words: Row, now: datetime
) -> list[Row] | None:
    if not scenario.steps:
        return None
    ids = rows.remediation_ids(len(scenario.steps))
    return [_remediation(step, words, ids, now) for step in scenario.steps]


def _remediation(step: Step, words: Row, ids: Iterator[int], now: datetime) -> Row:
    done = step.type == "containment"
    row: Row = {
        "id": next(ids),
        "type": step.type,
        "action": _fill(step.action, words),
        "status": "completed" if done else "unapproved",
        "approved_at": None,
        "approved_by": None,
        "completed_at": iso(now) if done else None,
    }
    if step.parameters == "absent":
        return row
    if isinstance(step.parameters, tuple):
        row["parameters"] = [
            {"name": name, "description": _fill(value, words)} for name, value in step.parameters
        ]
    else:
        row["parameters"] = _fill(step.parameters, words)
    return row


def finish_remediations(rng: random.Random, items: object, at: datetime) -> object:
    """Return a new list of `items` as they are after the MSP's people worked on them at `at`.

    Steps that were not finished are completed; one in twelve fails (assisted steps) or is cancelled
    (other steps). A value that is not a list is returned as it is.
    """
    if not isinstance(items, list):
        return items
    return [_finished(rng, item, at) for item in items]


def _finished(rng: random.Random, item: Row, at: datetime) -> Row:
    if item.get("status") in ("completed", "failed", "cancelled"):
        return item
    unlucky = rng.random() < 1 / 12
    bad = "failed" if item.get("type") == "assisted" else "cancelled"
    return {
        **item,
        "status": bad if unlucky else "completed",
        "approved_at": iso(at - timedelta(seconds=rng.randrange(30, 300))),
        "approved_by": dict(rng.choice(ANALYSTS)),
        "completed_at": None if unlucky else iso(at),
    }
