"""The preview runs the past through policies as the chain would."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.notices.events import CLOSED, CREATED, REOPENED, UNTOUCHED
from webapp.domain.notices.hours import read_hours
from webapp.domain.notices.policy import Conditions, Occasion, PolicyRule, Rules, StepRule
from webapp.domain.notices.preview import (
    Addressee,
    Happened,
    Settled,
    TicketHistory,
    forecast,
    simulate,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
END = NOON + timedelta(days=2)
OPS, HOOK, PAGER = (
    Addressee(1, "Ops"),
    Addressee(2, "Hook", is_machine=True, takes_all=True),
    Addressee(3, "Pager", is_machine=True, follows_to_end=True),
)
KNOWN = {one.key: one for one in (OPS, HOOK, PAGER)}
OFFICE = read_hours({"zone": "UTC", "begins": "08:00", "ends": "18:00"})
NIGHT = read_hours({"zone": "UTC", "begins": "22:00", "ends": "07:00", "skips_holidays": False})


def occasion(event: str = CREATED, severity: str = "critical") -> Occasion:
    return Occasion(event=event, severity=severity, board_id=1, client_id=1, is_unmapped=False)


def ticket(
    key: int = 1,
    at: datetime = NOON,
    *,
    severity: str = "critical",
    origin: object = 7,
    taken: float | None = None,
    closed: float | None = None,
    first_poll: datetime | None = None,
    happened: Sequence[Happened] = (),
) -> TicketHistory:
    """A ticket that was taken or closed so many minutes after it was created."""
    settled, later = [], list(happened)
    if taken is not None:
        settled.append(Settled(at + timedelta(minutes=taken)))
    if closed is not None:
        moment = at + timedelta(minutes=closed)
        settled.append(Settled(moment, is_closed=True))
        later.append(Happened(moment, occasion(CLOSED, severity)))
    return TicketHistory(
        ticket_id=key,
        origin=(1, origin),
        created_at=at,
        happened=[Happened(at, occasion(CREATED, severity), first_poll), *later],
        settled=settled,
        waits_as=occasion(UNTOUCHED, severity),
    )


def policy(*steps: StepRule, key: int = 1, repeats: int = 0, **conditions: object) -> PolicyRule:
    about = Conditions(**conditions)  # type: ignore[arg-type]
    return PolicyRule(id=key, name=str(key), conditions=about, steps=steps, repeats=repeats)


def step(*targets: Addressee, after: int = 0) -> StepRule:
    return StepRule(after_minutes=after, target_ids=tuple(one.key for one in targets))


def audience(step: StepRule) -> list[Addressee]:
    return [KNOWN[key] for key in step.target_ids if key in KNOWN]


def minutes(
    histories: Sequence[TicketHistory], *policies: PolicyRule, **rules: object
) -> list[tuple[float, str]]:
    """The messages by minutes since noon, and their targets."""
    known = Rules(policies=policies, **rules)  # type: ignore[arg-type]
    sent = simulate(histories, known, audience, until=END)
    return [((one.at - NOON) / timedelta(minutes=1), one.addressee.label) for one in sent]


THREE = policy(step(OPS), step(OPS, after=10), step(HOOK, after=10), repeats=2)


def test_steps_follow_until_the_last_is_repeated() -> None:
    assert minutes([ticket()], THREE) == [
        (0, "Ops"),
        (10, "Ops"),
        (20, "Hook"),
    ], "a webhook gets an event once"
    again = policy(step(OPS), step(OPS, after=10), repeats=2)
    assert minutes([ticket()], again) == [(minute, "Ops") for minute in (0, 10, 20, 30)]


@pytest.mark.parametrize(
    ("taken", "sent"),
    [
        (5, [(0, "Ops"), (5, "Ops")]),
        (15, [(0, "Ops"), (10, "Ops"), (15, "Ops")]),
        (25, [(0, "Ops"), (10, "Ops"), (20, "Hook"), (25, "Ops"), (25, "Hook")]),
    ],
)
def test_whoever_was_told_hears_that_it_was_taken(
    taken: float, sent: list[tuple[float, str]]
) -> None:
    assert minutes([ticket(taken=taken)], THREE) == sent


def test_it_ends_with_the_period() -> None:
    late = ticket(at=END - timedelta(minutes=15))
    assert [label for _, label in minutes([late], THREE)] == ["Ops", "Ops"]


def test_a_step_that_reaches_nobody_is_not_waited_for() -> None:
    nobody = StepRule(tells_on_call=True)
    assert minutes([ticket()], policy(nobody, step(OPS, after=30))) == [(0, "Ops")]


def test_a_policy_without_steps_and_no_policy_send_nothing() -> None:
    assert minutes([ticket()], policy()) == []
    assert minutes([ticket()]) == []
    assert minutes([ticket(severity="low")], policy(step(OPS), severities=("high",))) == []


def test_tickets_of_one_organization_within_two_minutes_are_one_message() -> None:
    close = [ticket(1), ticket(2, NOON + timedelta(minutes=1)), ticket(3, origin=8)]
    assert minutes(close, policy(step(OPS))) == [(0, "Ops"), (0, "Ops")]
    apart = [ticket(1), ticket(2, NOON + timedelta(minutes=3))]
    assert minutes(apart, policy(step(OPS))) == [(0, "Ops"), (3, "Ops")]
    assert minutes(close, policy(step(HOOK))) == [(0, "Hook"), (0, "Hook"), (1, "Hook")]


def test_quiet_hours_hold_what_is_not_critical_in_one_message() -> None:
    night = NOON + timedelta(hours=11)
    held = [ticket(key, night, severity="high", origin=key) for key in (1, 2, 3)]
    assert minutes(held, policy(step(OPS)), quiet_hours=NIGHT) == [(19 * 60, "Ops")]
    critical = [ticket(at=night)]
    assert minutes(critical, policy(step(OPS)), quiet_hours=NIGHT) == [(11 * 60, "Ops")]
    assert (
        minutes([ticket(at=night, severity="high", taken=5)], policy(step(OPS)), quiet_hours=NIGHT)
        == []
    )


def test_a_policy_that_holds_holds_all_but_what_takes_everything() -> None:
    evening = ticket(at=NOON + timedelta(hours=8))
    sent = minutes([evening], policy(step(OPS, HOOK, PAGER), hours=OFFICE))
    assert sent == [(8 * 60, "Hook"), (20 * 60, "Ops"), (20 * 60, "Pager")]


def test_the_first_poll_is_one_summary() -> None:
    ended = NOON + timedelta(minutes=9)
    found = [
        ticket(key, NOON + timedelta(minutes=key), first_poll=ended, origin=key)
        for key in range(1, 6)
    ]
    sent = minutes(found, policy(step(OPS, HOOK, PAGER), step(OPS, after=10)))
    assert [one for one in sent if one[1] != "Hook"] == [(9, "Ops"), (9, "Pager")]
    assert len([one for one in sent if one[1] == "Hook"]) == 5


def test_reopened_is_told_anew() -> None:
    again = Happened(NOON + timedelta(minutes=60), occasion(REOPENED))
    told = policy(step(OPS), step(OPS, after=10), events=(CREATED, REOPENED))
    sent = minutes([ticket(closed=5, happened=[again])], told)
    assert sent == [(0, "Ops"), (5, "Ops"), (60, "Ops"), (70, "Ops")]


def test_something_newer_takes_the_place_of_what_is_told() -> None:
    again = Happened(NOON + timedelta(minutes=5), occasion(REOPENED))
    told = policy(step(OPS), step(OPS, after=10), events=(CREATED, REOPENED))
    sent = minutes([ticket(happened=[again])], told)
    assert sent == [(0, "Ops"), (5, "Ops"), (15, "Ops")]


def test_closed_is_told_once_to_each() -> None:
    told = policy(step(OPS))
    closed = policy(step(OPS, HOOK), key=2, events=(CLOSED,))
    assert minutes([ticket(closed=5)], told, closed) == [(0, "Ops"), (5, "Ops"), (5, "Hook")]


def test_a_machine_that_follows_a_ticket_hears_of_its_end_after_it_was_taken() -> None:
    sent = minutes([ticket(taken=5, closed=60)], policy(step(PAGER, OPS)))
    assert sent == [(0, "Ops"), (0, "Pager"), (5, "Ops"), (5, "Pager"), (60, "Pager")]


def test_untouched_is_told_once_unless_somebody_took_it() -> None:
    patient = policy(step(OPS), events=(UNTOUCHED,), untouched_minutes=30)
    assert minutes([ticket()], patient) == [(30, "Ops")]
    assert minutes([ticket(taken=29)], patient) == []
    other = policy(step(HOOK), key=2, events=(UNTOUCHED,), untouched_minutes=30)
    assert minutes([ticket()], patient, other) == [(30, "Ops")]


def test_counts_by_target_day_and_night() -> None:
    histories = [
        ticket(1),
        ticket(2, NOON + timedelta(hours=12)),
        ticket(3, NOON + timedelta(hours=1)),
    ]
    rules = Rules(policies=(policy(step(OPS), step(HOOK, after=30)),))
    found = forecast(histories, rules, audience, UTC, until=END)
    assert {name: (one.day, one.night) for name, one in found.by_target.items()} == {
        "Hook": (2, 1),
        "Ops": (2, 1),
    }
    assert found.words == "6 messages: 2 at night"
    assert forecast([], rules, audience, UTC, until=END).words == "no message"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2000), st.none() | st.integers(1, 300), st.none() | st.integers(1, 300)
        ),
        max_size=6,
    ),
    st.lists(st.tuples(st.integers(1, 60), st.sampled_from([OPS, HOOK, PAGER])), max_size=4),
    st.integers(0, 3),
    st.booleans(),
)
def test_nobody_is_told_to_take_what_was_taken(
    tickets: list[tuple[int, int | None, int | None]],
    steps: list[tuple[int, Addressee]],
    repeats: int,
    is_quiet: bool,
) -> None:
    histories = [
        ticket(key, NOON + timedelta(minutes=at), taken=taken, closed=closed, origin=key)
        for key, (at, taken, closed) in enumerate(tickets)
    ]
    told = policy(*(step(one, after=after) for after, one in steps), repeats=repeats)
    rules = Rules(policies=(told,), quiet_hours=NIGHT if is_quiet else None)
    for history in histories:
        sent = simulate([history], rules, audience, until=END)
        ends = [one.at for one in history.settled]
        assert all(history.created_at <= one.at <= END for one in sent)
        assert not ends or all(one.at <= max(ends) for one in sent)
        assert len(sent) <= (len(steps) + repeats) + 2 * len(KNOWN)
    together = simulate(histories, rules, audience, until=END)
    alone = [
        one for history in histories for one in simulate([history], rules, audience, until=END)
    ]
    assert len(together) <= len(alone)
