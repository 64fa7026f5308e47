"""The plan: worked examples, and rules that hold in every situation there is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import by_name, load_cases
from webapp.domain.incident import CLOSED_STATUSES, Incident, is_closed_status, parse_incident
from webapp.domain.plan import (
    Action,
    ActionKind,
    Reason,
    RecordedAlert,
    RecordedMapping,
    TicketSettings,
    plan_incident_action,
    plan_route,
    usable_time,
    was_closed_after,
)
from webapp.domain.untrusted import parse_time

CASES = load_cases("plan")
NOW = datetime(2026, 6, 9, 13, tzinfo=UTC)
HORIZON = datetime(2026, 6, 1, tzinfo=UTC)
RECORDED_AT = datetime(2026, 6, 9, 10, tzinfo=UTC)
OLDER, NEWER = RECORDED_AT - timedelta(hours=1), RECORDED_AT + timedelta(hours=1)
LONG_AGO = HORIZON - timedelta(seconds=1)
FUTURE = NOW + timedelta(seconds=1)
WANTED = (Reason.BEFORE_BACKFILL, Reason.TICKET_REQUESTED)
RANKS = {"low": 0, "high": 1, "critical": 2}


# Worked examples


def settings_of(case: dict[str, Any]) -> TicketSettings[str]:
    chosen = {**CASES["base_settings"], **case.get("settings", {})}
    return TicketSettings(
        board=chosen["board"],
        fallback_client=chosen["fallback_client"],
        fallback_board=chosen["fallback_board"],
        auto_close_tickets=chosen["auto_close_tickets"],
        closed_status=chosen["closed_status"],
        reopen_tickets=chosen["reopen_tickets"],
        leave_touched_open=chosen["leave_touched_open"],
    )


def existing_of(case: dict[str, Any]) -> RecordedAlert | None:
    known = case["existing"]
    if known is None:
        return None
    return RecordedAlert(
        status=known["status"],
        severity=known["severity"],
        has_ticket=known["ticket"] is not None,
        processed_at=parse_time(known["last_processed_updated_at"]),
        reason=known.get("reason"),
        is_incomplete=known.get("incomplete", False),
        was_closed=is_closed_status(known["status"]),
        is_ticket_touched=known.get("touched", False),
    )


def mapping_of(case: dict[str, Any]) -> RecordedMapping[str] | None:
    row = case["mapping"]
    if row is None:
        return None
    return RecordedMapping(
        row["client"], row["auto_create_tickets"], row.get("client_active", True)
    )


@pytest.mark.parametrize("case", by_name(CASES["cases"]))
def test_worked_example(case):
    action = plan_incident_action(
        parse_incident({**CASES["base_incident"], **case.get("incident", {})}),
        existing_of(case),
        mapping_of(case),
        settings_of(case),
        horizon=parse_time(CASES["horizon"]),
        now=NOW,
        content_changed=case.get("content_changed", False),
    )
    route = action.route
    told = {
        "kind": action.kind,
        "reason": action.reason,
        "close": action.close,
        "reopen": action.reopen,
        "previous_status": action.previous_status,
        "client": route and route.client,
        "board": route and route.board,
        "unmapped": route and route.is_unmapped,
    }
    assert {key: told[key] for key in case["expect"]} == case["expect"]


def test_the_closed_statuses_are_those_of_the_examples():
    assert set(CASES["closed_statuses"]) == CLOSED_STATUSES


# Every situation

EVERYTHING_ON: TicketSettings[str] = TicketSettings(
    board="security",
    fallback_client="fallback client",
    fallback_board="triage",
    auto_close_tickets=True,
    closed_status="closed",
)
SETTINGS = (
    EVERYTHING_ON,
    replace(EVERYTHING_ON, auto_close_tickets=False),
    replace(EVERYTHING_ON, closed_status=None),
    replace(EVERYTHING_ON, reopen_tickets=False),
    replace(EVERYTHING_ON, leave_touched_open=True),
)
MAPPED = RecordedMapping("client")
EXCLUDED = RecordedMapping("client", creates_tickets=False)
MAPPINGS = (
    None,
    RecordedMapping(None),
    MAPPED,
    RecordedMapping("client", is_client_active=False),
    EXCLUDED,
    RecordedMapping(None, creates_tickets=False),
)
STATUSES = ("sent", "closed", "partner_dismissed", "deleting", "never seen")
SEVERITIES = ("low", "critical", "never seen", None)


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a decision depends on."""

    incident: Incident
    existing: RecordedAlert | None
    mapping: RecordedMapping[str] | None
    settings: TicketSettings[str]
    content_changed: bool = False

    def plan(self) -> Action[str]:
        return plan_incident_action(
            self.incident,
            self.existing,
            self.mapping,
            self.settings,
            horizon=HORIZON,
            now=NOW,
            content_changed=self.content_changed,
        )

    @property
    def is_excluded(self) -> bool:
        return self.mapping is not None and not self.mapping.creates_tickets

    @property
    def is_open(self) -> bool:
        """Open in Huntress, an unheard-of status included."""
        return self.incident.status not in {*CLOSED_STATUSES, "deleting"}

    @property
    def updated_at(self) -> datetime | None:
        time = self.incident.updated_at
        return time if time is not None and time <= NOW else None

    @property
    def rises(self) -> bool:
        assert self.existing is not None
        before = RANKS.get(self.existing.severity or "", 1)
        return RANKS.get(self.incident.severity_word or "", 1) > before

    @property
    def is_told_by_times(self) -> bool:
        """Whether the times alone say which of the two is newer."""
        assert self.existing is not None
        if self.updated_at is None:
            return False
        return self.existing.processed_at not in (self.updated_at, FUTURE)

    @property
    def differs(self) -> bool:
        assert self.existing is not None
        return (
            self.incident.status != self.existing.status
            or self.incident.severity_word != self.existing.severity
            or self.content_changed
        )

    @property
    def is_older(self) -> bool:
        assert self.existing is not None
        return (
            self.is_told_by_times
            and self.existing.processed_at is not None
            and self.updated_at is not None
            and self.updated_at < self.existing.processed_at
        )

    @property
    def is_news(self) -> bool:
        """Whether the report says more than is recorded."""
        if self.is_told_by_times:
            return not self.is_older
        return self.differs


def new_situations() -> Iterator[Situation]:
    times = (None, LONG_AGO, HORIZON, RECORDED_AT, FUTURE)
    for status, severity, time in product((*STATUSES, None), SEVERITIES, times):
        incident = Incident("1", status=status, severity_word=severity, updated_at=time)
        for mapping, settings in product(MAPPINGS, SETTINGS):
            yield Situation(incident, None, mapping, settings)


def recorded_alerts() -> Iterator[RecordedAlert]:
    states = (("sent", False), ("closed", True), ("deleting", False), ("deleting", True))
    without = [
        {"has_ticket": False, "reason": reason} for reason in (None, *WANTED, Reason.ORG_OPTED_OUT)
    ]
    tickets = [
        {"has_ticket": True, "is_ticket_closed": closed, "is_ticket_touched": touched}
        for closed, touched in product((False, True), repeat=2)
    ]
    times = (None, RECORDED_AT, FUTURE)
    for (status, was_closed), severity, work, time, incomplete in product(
        states, ("low", "critical"), [*without, *tickets], times, (False, True)
    ):
        yield RecordedAlert(
            status,
            severity,
            processed_at=time,
            is_incomplete=incomplete,
            was_closed=was_closed,
            **work,
        )


def known_situations() -> Iterator[Situation]:
    times = (None, OLDER, RECORDED_AT, NEWER, FUTURE)
    incidents = [
        Incident("1", status=status, severity_word=severity, updated_at=time)
        for status, severity, time in product(
            ("sent", "closed", "deleting", "never seen"), ("critical", "never seen"), times
        )
    ]
    for existing, incident in product(recorded_alerts(), incidents):
        for settings in SETTINGS:
            yield Situation(incident, existing, MAPPED, settings)
        for mapping in (None, EXCLUDED):
            yield Situation(incident, existing, mapping, EVERYTHING_ON)
        yield Situation(incident, existing, MAPPED, EVERYTHING_ON, content_changed=True)


@pytest.fixture(scope="module")
def new() -> list[tuple[Situation, Action[str]]]:
    return [(situation, situation.plan()) for situation in new_situations()]


@pytest.fixture(scope="module")
def known() -> list[tuple[Situation, Action[str]]]:
    return [(situation, situation.plan()) for situation in known_situations()]


Rule = Callable[[Situation, Action[str]], bool]


def check(decided: list[tuple[Situation, Action[str]]], rule: Rule) -> None:
    broken = [(situation, action) for situation, action in decided if not rule(situation, action)]
    assert not broken, f"{len(broken)} of {len(decided)}, the first: {broken[0]}"


def test_a_new_incident_that_needs_work_becomes_a_ticket(new):
    def rule(situation: Situation, action: Action[str]) -> bool:
        updated_at = situation.updated_at
        needs_work = (
            situation.is_open
            and not situation.is_excluded
            and not (updated_at is not None and updated_at < HORIZON)
        )
        return needs_work == (action.kind is ActionKind.CREATE_TICKET)

    check(new, rule)


def test_a_new_incident_is_otherwise_recorded_with_the_reason(new):
    def rule(situation: Situation, action: Action[str]) -> bool:
        if situation.incident.status == "deleting":
            return (action.kind, action.reason) == (ActionKind.SKIP, Reason.DELETING)
        if action.kind is ActionKind.CREATE_TICKET:
            return action.reason is None
        if situation.is_excluded:
            expected = Reason.ORG_OPTED_OUT
        else:
            expected = Reason.BEFORE_BACKFILL if situation.is_open else Reason.ALREADY_CLOSED
        return (action.kind, action.reason) == (ActionKind.RECORD_ONLY, expected)

    check(new, rule)


def test_a_new_incident_has_nothing_to_close_or_reopen(new):
    check(new, lambda _, action: not (action.close or action.reopen or action.is_severity_rise))


@pytest.mark.parametrize("situations", ["new", "known"])
def test_tickets_always_have_a_route_and_nothing_else_has(situations, request):
    with_route = (ActionKind.CREATE_TICKET, ActionKind.COMPLETE_TICKET)

    def rule(situation: Situation, action: Action[str]) -> bool:
        if action.kind not in with_route:
            return action.route is None
        return action.route == plan_route(situation.mapping, situation.settings)

    check(request.getfixturevalue(situations), rule)


@pytest.mark.parametrize("situations", ["new", "known"])
def test_an_excluded_organization_never_gets_a_new_ticket(situations, request):
    check(
        request.getfixturevalue(situations),
        lambda situation, action: (
            not situation.is_excluded or action.kind is not ActionKind.CREATE_TICKET
        ),
    )


def test_never_a_second_ticket_and_never_a_note_without_one(known):
    with_ticket = (ActionKind.APPEND_NOTE, ActionKind.COMPLETE_TICKET)

    def rule(situation: Situation, action: Action[str]) -> bool:
        if situation.existing.has_ticket:
            return action.kind in (ActionKind.SKIP, *with_ticket)
        return action.kind not in with_ticket and not action.close and not action.reopen

    check(known, rule)


def test_only_what_is_readable_again_completes_a_ticket(known):
    def rule(situation: Situation, action: Action[str]) -> bool:
        existing = situation.existing
        is_due = existing.is_incomplete and existing.has_ticket
        return is_due == (action.kind is ActionKind.COMPLETE_TICKET)

    check(known, rule)


def test_an_older_report_is_always_skipped(known):
    """A quarantined report has no processed time of its own to be older than."""
    check(
        known,
        lambda situation, action: (
            not situation.is_older
            or situation.existing.is_incomplete
            or (action.kind, action.reason) == (ActionKind.SKIP, Reason.UNCHANGED)
        ),
    )


def test_what_says_more_is_never_skipped_and_what_does_not_always_is(known):
    check(
        known,
        lambda situation, action: (
            situation.existing.is_incomplete
            or situation.is_news == (action.kind is not ActionKind.SKIP)
        ),
    )


def test_a_ticket_closes_on_the_transition_only_and_only_if_wanted(known):
    def rule(situation: Situation, action: Action[str]) -> bool:
        existing, settings = situation.existing, situation.settings
        wanted = (
            action.kind is not ActionKind.SKIP
            and existing.has_ticket
            and situation.incident.status in CLOSED_STATUSES
            and not existing.was_closed
            and settings.auto_close_tickets
            and settings.closed_status is not None
            and not (settings.leave_touched_open and existing.is_ticket_touched)
        )
        return action.close == wanted

    check(known, rule)


def test_a_ticket_reopens_on_the_transition_or_a_rise_and_only_if_wanted(known):
    def rule(situation: Situation, action: Action[str]) -> bool:
        existing = situation.existing
        wanted = (
            action.kind is ActionKind.APPEND_NOTE
            and situation.settings.reopen_tickets
            and situation.is_open
            and (existing.was_closed or (situation.rises and existing.is_ticket_closed))
        )
        return action.reopen == wanted

    check(known, rule)


def test_deleting_changes_no_state(known):
    check(
        known,
        lambda situation, action: (
            situation.incident.status != "deleting"
            or (
                not action.close
                and not action.reopen
                and action.kind is not ActionKind.CREATE_TICKET
            )
        ),
    )


def test_a_rise_is_told_with_every_note(known):
    def rule(situation: Situation, action: Action[str]) -> bool:
        noted = action.kind is ActionKind.APPEND_NOTE
        return action.is_severity_rise == (noted and situation.rises)

    check(known, rule)


def test_a_recorded_incident_gets_a_ticket_late_only_when_it_comes_back_or_starts(known):
    def rule(situation: Situation, action: Action[str]) -> bool:
        existing = situation.existing
        comes = existing.was_closed or existing.is_incomplete or existing.reason in WANTED
        due = (
            not existing.has_ticket
            and situation.is_open
            and not situation.is_excluded
            and comes
            and (existing.is_incomplete or situation.is_news)
        )
        return due == (action.kind is ActionKind.CREATE_TICKET)

    check(known, rule)


def test_recording_always_says_why_there_is_no_ticket(known):
    check(
        known,
        lambda _, action: (action.kind is not ActionKind.RECORD_ONLY) or action.reason is not None,
    )


def test_actions_on_tickets_name_what_was_recorded(known):
    def rule(situation: Situation, action: Action[str]) -> bool:
        previous = (action.previous_status, action.previous_severity)
        if action.kind in (ActionKind.APPEND_NOTE, ActionKind.COMPLETE_TICKET):
            return previous == (situation.existing.status, situation.existing.severity)
        return previous == (None, None)

    check(known, rule)


def record(situation: Situation, action: Action[str]) -> RecordedAlert | None:
    """What is recorded after an action, as the writer does it."""
    existing, incident = situation.existing, situation.incident
    if action.kind is ActionKind.SKIP:
        return existing
    times = [situation.updated_at, usable_time(existing.processed_at, NOW) if existing else None]
    return RecordedAlert(
        status=incident.status,
        severity=incident.severity_word,
        has_ticket=action.kind is not ActionKind.RECORD_ONLY,
        processed_at=max((time for time in times if time), default=None),
        reason=action.reason,
        was_closed=was_closed_after(incident, existing is not None and existing.was_closed),
        is_ticket_closed=action.close,
    )


@pytest.mark.parametrize("situations", ["new", "known"])
def test_the_same_report_again_changes_nothing(situations, request):
    def rule(situation: Situation, action: Action[str]) -> bool:
        after = record(situation, action)
        if after is None:
            return action.reason is Reason.DELETING
        again = replace(situation, existing=after, content_changed=False).plan()
        return action.kind is ActionKind.SKIP or again == Action(ActionKind.SKIP, Reason.UNCHANGED)

    check(request.getfixturevalue(situations), rule)


# Sequences of reports

versions = st.lists(
    st.tuples(
        st.sampled_from(["sent", "auto_remediating", "closed", "dismissed", "deleting"]),
        st.sampled_from(["low", "high", "critical"]),
    ),
    min_size=1,
    max_size=6,
)


@given(versions, st.randoms(use_true_random=False), st.sampled_from(SETTINGS))
def test_in_whatever_order_versions_come_the_newest_is_recorded_with_one_ticket(
    words, shuffler, settings
):
    history = [
        Incident(
            "1",
            status=status,
            severity_word=severity,
            updated_at=RECORDED_AT + timedelta(minutes=minute),
        )
        for minute, (status, severity) in enumerate(words)
    ]
    arrivals = history + history
    shuffler.shuffle(arrivals)
    existing, created = None, 0
    for incident in arrivals:
        situation = Situation(incident, existing, MAPPED, settings)
        action = situation.plan()
        created += action.kind is ActionKind.CREATE_TICKET
        existing = record(situation, action)
    assert created <= 1
    if existing is None:
        assert {incident.status for incident in history} == {"deleting"}
    elif history[-1].status != "deleting" or existing.processed_at == history[-1].updated_at:
        assert (existing.status, existing.severity) == words[-1]
        assert existing.has_ticket == (created == 1)
    assert created == 1 or arrivals[0].is_closed or arrivals[0].is_deleting


def test_deleting_in_between_is_neither_a_closing_nor_a_reopening():
    closed = RecordedAlert("closed", "high", has_ticket=True, was_closed=True)
    deleting = Incident("1", status="deleting", severity_word="high")
    assert was_closed_after(deleting, was_closed=True)
    assert not was_closed_after(deleting, was_closed=False)
    between = replace(closed, status="deleting", was_closed=was_closed_after(deleting, True))
    back = Situation(Incident("1", status="sent"), between, MAPPED, EVERYTHING_ON).plan()
    assert back.reopen
    again = Situation(Incident("1", status="closed"), between, MAPPED, EVERYTHING_ON).plan()
    assert not again.close


def test_what_huntress_deleted_and_lists_again_is_noted():
    gone = RecordedAlert("deleted", "high", has_ticket=True, processed_at=RECORDED_AT)
    incident = Incident("1", status="sent", severity_word="high", updated_at=RECORDED_AT)
    action = Situation(incident, gone, MAPPED, EVERYTHING_ON).plan()
    assert (action.kind, action.close, action.reopen) == (ActionKind.APPEND_NOTE, False, False)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_a_route_is_the_clients_own_or_the_fallback_as_a_whole(mapping):
    route = plan_route(mapping, EVERYTHING_ON)
    is_mapped = mapping is not None and mapping.client == "client" and mapping.is_client_active
    expected = ("client", "security") if is_mapped else ("fallback client", "triage")
    assert (route.client, route.board) == expected
    assert route.is_unmapped is not is_mapped


@pytest.mark.parametrize(
    ("time", "expected"), [(None, None), (NOW, NOW), (FUTURE, None), (OLDER, OLDER)]
)
def test_a_time_in_the_future_is_unusable(time, expected):
    assert usable_time(time, NOW) == expected
