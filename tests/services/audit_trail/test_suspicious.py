"""What needs a look: who is guessed at, from where, a log that was tampered with, what waits."""

from dataclasses import replace

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.desk_data import add_people
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from tests.support.security.trail import add_events, chained, tamper
from webapp.config import Config
from webapp.config.audit import AuditSettings
from webapp.domain.security.receiver import Receiver, ReceiverKind
from webapp.models import AuditEvent
from webapp.services.audit import Origin
from webapp.services.audit_trail.advance_trail import advance_audit_trail
from webapp.services.audit_trail.chain_events import chain_events
from webapp.services.audit_trail.check_daily import verify_daily
from webapp.services.audit_trail.seal_chain import make_seal, send_seals
from webapp.services.operations.check_audit import check_audit
from webapp.services.transactions import reading
from webapp.services.watch.find_in_security import find_in_security

AWAY = Receiver(ReceiverKind.SYSLOG, "127.0.0.1", 1)


def found(config: Config, clock: FakeClock) -> list[tuple[str, str, str]]:
    with reading() as session:
        return [
            (one.kind.value, one.subject, one.sentence)
            for one in find_in_security(session, config, clock.now())
        ]


def check_audit_is_well(config: Config, clock: FakeClock) -> bool:
    return next(iter(check_audit(config, clock.now()))).is_ok


def test_where_all_is_well_nothing_is_found(
    app: Flask, config: Config, fake_clock: FakeClock
) -> None:
    chained(3)
    assert found(config, fake_clock) == []
    assert [one.is_ok for one in check_audit(config, fake_clock.now())] == [True, True]


@both_databases
def test_twenty_failures_for_one_account_within_a_day(
    app: Flask, config: Config, fake_clock: FakeClock
) -> None:
    admin, helpdesk = add_people()
    for action in ("session.refused", "presence.refused", "factor.copy_suspected"):
        chained(6, action=action, subject_type="user", subject_id=admin.id)
    chained(19, action="session.refused", subject_type="user", subject_id=helpdesk.id)
    chained(30, action="session.refused", subject_type="user", subject_id=None)
    chained(30, action="user.renamed", subject_type="user", subject_id=admin.id)
    assert found(config, fake_clock) == []
    chained(2, action="session.refused", subject_type="user", subject_id=admin.id)
    sentence = "Signing in as Ada Okafor failed 20 times within a day."
    assert found(config, fake_clock) == [("sign-in-guessing", f"user:{admin.id}", sentence)]
    [_, check] = check_audit(config, fake_clock.now())
    assert (check.name, check.is_ok, check.detail) == ("sign-ins", False, sentence)
    assert "Failures and refusals" in check.hint
    fake_clock.advance(days=1, seconds=1)
    chain_events(fake_clock.now())
    assert found(config, fake_clock) == []


@both_databases
def test_fifty_refusals_from_one_address(app: Flask, config: Config, fake_clock: FakeClock) -> None:
    admin, _ = add_people()
    place = Origin("198.51.100.4")
    chained(49, action="access.refused", origin=place)
    chained(60, action="access.refused", origin=Origin("198.51.100.5"), actor_id=admin.id)
    assert found(config, fake_clock) == []
    chained(1, action="session.refused", origin=place)
    assert found(config, fake_clock) == [
        (
            "refusals",
            "198.51.100.4",
            "50 requests and sign-ins from 198.51.100.4 were refused in a day.",
        )
    ]


def test_many_accounts_are_no_flood_of_alarms(
    app: Flask, config: Config, fake_clock: FakeClock
) -> None:
    for number in range(30):
        add_events(20, action="session.refused", subject_type="user", subject_id=1_000 + number)
    chain_events(fake_clock.now())
    assert len(found(config, fake_clock)) == 20
    [_, check] = check_audit(config, fake_clock.now())
    assert check.detail.endswith("27 more like this.")


def test_the_log_is_verified_once_a_day(app: Flask, fake_clock: FakeClock) -> None:
    chained(3)
    assert verify_daily(fake_clock.now())
    assert not verify_daily(fake_clock.now())
    event = all_rows(AuditEvent)[-1]
    assert (event.action, event.after) == ("audit.verified", {"links": 3, "position": 3})
    fake_clock.advance(days=1)
    assert verify_daily(fake_clock.now())


def test_a_clock_that_was_ahead_ends_no_verification(
    app: Flask, config: Config, fake_clock: FakeClock
) -> None:
    chained(3)
    fake_clock.advance(days=400)
    verify_daily(fake_clock.now())
    chain_events(fake_clock.now())
    fake_clock.advance(days=-400)
    check, _ = check_audit(config, fake_clock.now())
    assert (check.is_ok, "the last time is 2027-07-14 12:00 UTC" in check.detail) == (False, True)
    assert verify_daily(fake_clock.now())
    assert not verify_daily(fake_clock.now())
    chain_events(fake_clock.now())
    assert check_audit_is_well(config, fake_clock)
    fake_clock.advance(days=2, minutes=1)
    assert not check_audit_is_well(config, fake_clock)


@both_databases
def test_a_log_that_was_tampered_with_is_told_until_it_is_whole(
    app: Flask, config: Config, fake_clock: FakeClock
) -> None:
    chained(3)
    tamper("UPDATE audit_events SET action = 'thing.hidden' WHERE id = 2")
    advance_audit_trail(config)
    chain_events(fake_clock.now())
    [(kind, _, sentence)] = found(config, fake_clock)
    assert kind == "audit-tampered"
    assert sentence.startswith(
        "The audit log was tampered with. Link 2 does not fit: event 2 (thing.hidden on"
    )
    check, _ = check_audit(config, fake_clock.now())
    assert (check.is_ok, "audit verify" in check.hint) == (False, True)
    tamper("UPDATE audit_events SET action = 'thing.changed' WHERE id = 2")
    fake_clock.advance(days=1)
    advance_audit_trail(config)
    chain_events(fake_clock.now())
    assert found(config, fake_clock) == []
    check, _ = check_audit(config, fake_clock.now())
    assert check.detail == "whole; verified on 2026-06-10 12:00 UTC, 5 links"


def test_events_that_wait_for_their_links(
    app: Flask, config: Config, fake_clock: FakeClock
) -> None:
    chained(2)
    add_events(1)
    fake_clock.advance(minutes=9)
    assert found(config, fake_clock) == []
    fake_clock.advance(minutes=2)
    [(kind, subject, sentence)] = found(config, fake_clock)
    assert (kind, subject) == ("audit-waiting", "chain")
    assert sentence == "Events of the audit log have been waiting for their links 11 min."


@both_databases
def test_an_event_that_waits_behind_later_ones(
    app: Flask, config: Config, fake_clock: FakeClock
) -> None:
    """On PostgreSQL events may be committed after others with higher ids."""
    chained(3)
    tamper("DELETE FROM audit_chain WHERE position = 2")
    fake_clock.advance(minutes=11)
    assert [(kind, subject) for kind, subject, _ in found(config, fake_clock)] == [
        ("audit-waiting", "chain")
    ]


def test_a_seal_that_does_not_leave(app: Flask, config: Config, fake_clock: FakeClock) -> None:
    chained(2)
    fake_clock.advance(days=1)
    make_seal(fake_clock.now())
    sending = replace(config, audit=AuditSettings(seal=AWAY))
    send_seals(sending, fake_clock.now())
    assert found(sending, fake_clock) == []
    fake_clock.advance(hours=1, seconds=1)
    assert found(config, fake_clock) == [], "nothing is to be sent"
    assert found(sending, fake_clock) == [
        (
            "audit-waiting",
            "seal",
            "The seal of 2026-06-09 has not left this machine. 127.0.0.1 could not be reached.",
        )
    ]


def test_events_that_do_not_leave(app: Flask, config: Config, fake_clock: FakeClock) -> None:
    chained(2)
    sending = replace(config, audit=AuditSettings(forward=AWAY))
    advance_audit_trail(sending)
    fake_clock.advance(minutes=61)
    chain_events(fake_clock.now())
    [(kind, subject, sentence)] = found(sending, fake_clock)
    assert (kind, subject) == ("audit-waiting", "forward")
    assert sentence.endswith("syslog://127.0.0.1:1. 127.0.0.1 could not be reached.")
    assert found(config, fake_clock) == []


@pytest.mark.parametrize("subject", ["٣", "x", "99999999999999999999"])
def test_an_account_that_is_none_is_named_by_what_stands_there(
    app: Flask, config: Config, fake_clock: FakeClock, subject: str
) -> None:
    chained(20, action="session.refused", subject_type="user", subject_id=subject)
    [(_, _, sentence)] = found(config, fake_clock)
    assert f"the account {subject}" in sentence
