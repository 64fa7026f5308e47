"""Tickets that nobody touches: each is told of once, and the others cost next to nothing."""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import insert, select

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import counted_statements
from tests.support.receivers.notices_data import add_policy, add_target
from tests.support.rows import add, all_rows
from webapp.domain.incident import parse_word
from webapp.domain.notices.events import UNTOUCHED
from webapp.models import Alert, Board, Client, ClientMute, Escalation, Policy, Status, Ticket
from webapp.models.ticket import SOURCE_HUNTRESS
from webapp.services.notices.read_facts import read_facts
from webapp.services.notices.read_rules import read_rules
from webapp.services.notices.run_steps import occasion_of
from webapp.services.notices.silence import untouched
from webapp.services.notices.silence.untouched import tell_untouched
from webapp.services.transactions import reading, transaction

WORDS = ("critical", "High", "low", "severe", None)


def add_tickets(desk: Desk, count: int, **values: Any) -> None:
    """Untouched tickets of Huntress with an alert each."""
    connection, now = desk.connection(), desk.clock.now()
    severity = values.pop("severity", "low")
    with transaction() as session:
        first = session.query(Ticket).count() + 1
        status = session.scalars(select(Status.id).where(~Status.is_closed)).first()
        session.execute(
            insert(Ticket),
            [
                {
                    "number": f"T-{key}",
                    "title": "An incident",
                    "description": "",
                    "client_id": connection.fallback_client_id,
                    "board_id": connection.fallback_board_id,
                    "status_id": status,
                    "priority_id": connection.high_priority_id,
                    "source": SOURCE_HUNTRESS,
                    "connection_id": connection.id,
                    "source_reference": f"x{key}",
                    "is_unmapped": True,
                    "created_at": now,
                    "updated_at": now,
                    **values,
                }
                for key in range(first, first + count)
            ],
        )
        session.execute(
            insert(Alert),
            [
                {
                    "connection_id": connection.id,
                    "external_alert_id": f"x{key}",
                    "status": "sent",
                    "severity": severity,
                    "parsed_severity": parse_word(severity),
                    "observed_at": now,
                    "created_at": now,
                }
                for key in range(first, first + count)
            ],
        )


def add_patient_policy(name: str, **conditions: Any) -> int:
    return add_policy(
        name, [(0, [add_target(name)])], events=(UNTOUCHED,), untouched_minutes=30, **conditions
    )


def told() -> dict[int, int | None]:
    """The tickets that were told of, each with its policy."""
    found = all_rows(Escalation)
    assert len({one.ticket_id for one in found}) == len(found), "each once"
    return {one.ticket_id: one.policy_id for one in found}


@both_databases
def test_thousands_that_do_not_fit_cost_a_few_statements(polled: Desk) -> None:
    add_patient_policy("critical", severities=("critical",))
    add_patient_policy("also critical", severities=("critical", "high"))
    add_tickets(polled, 5_000)
    add_tickets(polled, 2, severity="critical")
    polled.clock.advance(minutes=31)
    tell_untouched(polled.clock.now())
    assert len(told()) == 2
    with counted_statements() as statements:
        tell_untouched(polled.clock.now())
    assert len(statements) < 12
    assert not any("FOR UPDATE" in one for one in statements)


@both_databases
def test_every_ticket_falls_to_the_policy_that_the_rules_choose(polled: Desk) -> None:
    board = add(Board(name="Other")).id
    client = add(Client(name="Other")).id
    muted = add(Client(name="Muted")).id
    now = polled.clock.now()
    add(ClientMute(client_id=muted, starts_at=now, until=now + timedelta(hours=9)))
    never = {"zone": "UTC", "begins": "03:00", "ends": "03:01", "weekdays": [now.weekday()]}
    for place, conditions in enumerate(
        (
            {"severities": ("high",), "board_ids": (board,)},
            {"severities": ("critical", "low"), "mapping": "mapped"},
            {"client_ids": (client,), "mapping": "unmapped"},
            {"severities": ("low", "high")},
            {"board_ids": (board,)},
        )
    ):
        add_patient_policy(f"p{place}", **conditions)
    asleep = add_patient_policy("asleep")
    with transaction() as session:
        policy = session.get_one(Policy, asleep)
        policy.conditions = {**policy.conditions, "hours": never, "outside": "skip"}
        policy.position = -1
    choices: list[dict[str, Any]] = [
        {"severity": word, "is_unmapped": is_unmapped, **extra}
        for word, is_unmapped, extra in product(
            WORDS, (True, False), ({}, {"board_id": board}, {"client_id": client})
        )
    ]
    for values in choices:
        add_tickets(polled, 1, **values)
    add_tickets(polled, 1, client_id=muted)
    polled.clock.advance(minutes=31)
    now = polled.clock.now()
    tell_untouched(now)
    with reading() as session:
        rules = read_rules(session)
        facts = read_facts(session, list(session.scalars(select(Ticket.id))))
    expected = {
        key: found[0].id
        for key, one in facts.items()
        if one.client_id != muted
        and (found := rules.choose(occasion_of(UNTOUCHED, one), now)) is not None
    }
    assert len(facts) == len(choices) + 1
    assert told() == expected
    assert len(set(expected.values())) == 5, "each policy that is awake takes some"


@both_databases
def test_what_another_process_told_of_meanwhile_is_not_told_again(
    polled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_patient_policy("all")
    add_tickets(polled, 3)
    polled.clock.advance(minutes=31)
    begin: Callable[[], Any] = untouched.transaction

    @contextmanager
    def second() -> Any:
        monkeypatch.setattr(untouched, "transaction", begin)
        tell_untouched(polled.clock.now())
        with begin() as session:
            yield session

    monkeypatch.setattr(untouched, "transaction", second)
    tell_untouched(polled.clock.now())
    assert len(told()) == 3


def test_one_that_cannot_be_told_of_keeps_no_other(
    polled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_patient_policy("all")
    add_tickets(polled, 3)
    polled.clock.advance(minutes=31)
    poison, tell = all_rows(Ticket)[1].id, untouched.tell

    def stumble(session: Any, happenings: Any, **options: Any) -> None:
        if poison in {one.ticket_id for one in happenings}:
            raise ValueError("a message that cannot be")
        tell(session, happenings, **options)

    monkeypatch.setattr(untouched, "tell", stumble)
    tell_untouched(polled.clock.now())
    assert set(told()) == {one.id for one in all_rows(Ticket)} - {poison}
    monkeypatch.undo()
    tell_untouched(polled.clock.now())
    assert len(told()) == 3
