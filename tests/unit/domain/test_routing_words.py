"""Routing settings in sentences."""

from dataclasses import replace

import pytest

from webapp.domain.routing_words import RoutingNames, describe_routing

COMPLETE = RoutingNames(
    board="Security",
    fallback_client="Internal",
    fallback_board="Triage",
    priorities={"critical": "Critical", "high": "High", "low": "Medium"},
)


def test_complete_routing() -> None:
    assert describe_routing(COMPLETE) == [
        "Critical incidents become tickets of priority Critical on board Security.",
        "High incidents become tickets of priority High on board Security.",
        "Low incidents become tickets of priority Medium on board Security.",
        "Incidents of an unmapped organization go to client Internal on board Triage.",
        "Huntress is asked every 5 minutes; the first poll looks back 7 days.",
        "When Huntress closes an incident, its ticket gets a note and stays open.",
        "A closed ticket is reopened when its incident needs work again.",
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"category": "Malware"}, "They get the category Malware."),
        (
            {"category": "Malware", "subcategory": "Trojan"},
            "They get the category Malware / Trojan.",
        ),
        (
            {"poll_interval_minutes": 1, "backfill_days": 1},
            "Huntress is asked every minute; the first poll looks back one day.",
        ),
        (
            {"closed_status": "Closed"},
            "When Huntress closes an incident, its ticket gets the status Closed.",
        ),
        (
            {"closed_status": "Closed", "leave_touched_open": True},
            "When Huntress closes an incident, its ticket gets the status Closed, unless a person "
            "has worked on it.",
        ),
        (
            {"reopen_tickets": False},
            "A closed ticket stays closed when its incident is reopened; a note says so.",
        ),
    ],
)
def test_each_decision(changes: dict[str, object], sentence: str) -> None:
    assert sentence in describe_routing(replace(COMPLETE, **changes))  # type: ignore[arg-type]
    assert sentence not in describe_routing(COMPLETE)


@pytest.mark.parametrize("missing", ["board", "fallback_client", "fallback_board"])
def test_nothing_is_said_of_what_is_not_chosen(missing: str) -> None:
    lines = describe_routing(replace(COMPLETE, **{missing: None}))  # type: ignore[arg-type]
    assert not any("None" in line for line in lines)
    assert len(lines) < len(describe_routing(COMPLETE))


def test_a_severity_without_a_priority_is_left_out() -> None:
    lines = describe_routing(replace(COMPLETE, priorities={"critical": None, "high": "High"}))
    assert lines[0] == "High incidents become tickets of priority High on board Security."
