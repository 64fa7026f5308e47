"""Seals and events that leave the machine: over real TLS, in order, at least once."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.interruptions import ProcessDied
from tests.support.polling import AppThread
from tests.support.receivers.certificates import Certificates
from tests.support.rows import all_rows
from tests.support.security.syslog_server import SyslogServer
from tests.support.security.trail import add_events, chained
from webapp.config import Config
from webapp.config.audit import AuditSettings
from webapp.domain.security.chain import ChainEnd
from webapp.domain.security.receiver import Receiver, ReceiverKind
from webapp.models import AuditForward, AuditSeal
from webapp.services.audit_trail import forward_events as module
from webapp.services.audit_trail.advance_trail import advance_audit_trail, is_trail_waiting
from webapp.services.audit_trail.chain_events import chain_events
from webapp.services.audit_trail.forward_events import forward_events
from webapp.services.audit_trail.prune_events import prune_events
from webapp.services.audit_trail.seal_chain import make_seal, send_seals
from webapp.services.audit_trail.verify_chain import verify_chain

STDOUT = Receiver(ReceiverKind.STDOUT)
RFC5424 = re.compile(
    r"<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\S+) triagedesk - (seal|event) - (\{.*\})"
)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def server(certificates: Certificates) -> Iterator[SyslogServer]:
    with SyslogServer(tls=certificates.fitting()) as server:
        yield server


@pytest.fixture
def tls(config: Config, server: SyslogServer, certificates: Certificates) -> Config:
    """Seals and events go to the server."""
    receiver = Receiver(ReceiverKind.SYSLOG_TLS, "127.0.0.1", server.port)
    return replace(
        config,
        audit=AuditSettings(seal=receiver, forward=receiver),
        outbound_ca_file=certificates.ca_file,
    )


def documents(server: SyslogServer) -> list[dict[str, object]]:
    """What the messages hold; each has to be as RFC 5424 says."""
    found = []
    for message in server.messages:
        match = RFC5424.fullmatch(message)
        assert match is not None, message
        found.append(json.loads(match[5]))
    return found


# Seals


@both_databases
def test_a_day_is_sealed_once(app: Flask, fake_clock: FakeClock) -> None:
    chained(3)
    fake_clock.advance(hours=12)  # midnight, and the last events are being chained
    make_seal(fake_clock.now())  # of the day before, which had its events early
    fake_clock.advance(minutes=3)
    make_seal(fake_clock.now())
    assert make_seal(fake_clock.now()) is None
    [seal] = [one for one in all_rows(AuditSeal) if one.day == date(2026, 6, 9)]
    assert (seal.position, seal.hash) == (3, verify_chain().end.hash)


def test_days_on_which_nothing_ran_are_sealed_as_one(app: Flask, fake_clock: FakeClock) -> None:
    chained(1)
    fake_clock.advance(days=5)
    make_seal(fake_clock.now())
    assert [seal.day for seal in all_rows(AuditSeal)] == [date(2026, 6, 13)]


def test_a_clock_that_was_ahead_ends_no_seals(app: Flask, fake_clock: FakeClock) -> None:
    chained(1)
    fake_clock.advance(days=400)
    make_seal(fake_clock.now())
    fake_clock.advance(days=-399)
    assert make_seal(fake_clock.now()) is not None
    assert make_seal(fake_clock.now()) is None
    assert sorted(seal.day for seal in all_rows(AuditSeal))[0] == date(2026, 6, 9)


def test_without_events_there_is_nothing_to_seal(app: Flask, fake_clock: FakeClock) -> None:
    assert make_seal(fake_clock.now()) is None


@both_databases
def test_a_seal_is_sent_once(app: Flask, tls: Config, server: SyslogServer, fake_clock: FakeClock):
    chained(2)
    fake_clock.advance(days=1)
    seal = make_seal(fake_clock.now())
    assert seal is not None
    assert [send_seals(tls, fake_clock.now()) for _ in range(2)] == [1, 0]
    [sent] = documents(server)
    assert sent == {
        "type": "triagedesk.audit.seal",
        "day": "2026-06-09",
        "position": 2,
        "hash": seal.hash,
        "sealed_at": "2026-06-10T12:00:00.000000Z",
    }
    assert server.messages[0].startswith("<109>1 ")
    assert verify_chain([f"{sent['position']}:{sent['hash']}"]).is_whole


def test_a_seal_that_cannot_be_sent_is_tried_again(
    app: Flask, tls: Config, server: SyslogServer, fake_clock: FakeClock
) -> None:
    chained(1)
    fake_clock.advance(days=1)
    make_seal(fake_clock.now())
    away = Receiver(ReceiverKind.SYSLOG_TLS, "127.0.0.1", 1)
    assert send_seals(replace(tls, audit=AuditSettings(seal=away)), fake_clock.now()) == 0
    [seal] = all_rows(AuditSeal)
    assert (seal.sent_at, seal.error) == (None, "127.0.0.1 could not be reached.")
    assert send_seals(tls, fake_clock.now()) == 1
    [seal] = all_rows(AuditSeal)
    assert (seal.sent_at, seal.error) == (fake_clock.now(), None)


@pytest.mark.parametrize("certificate", ["for_another_name", "expired", "of_a_stranger"])
def test_nothing_is_sent_to_a_server_whose_certificate_does_not_fit(
    app: Flask,
    config: Config,
    certificates: Certificates,
    fake_clock: FakeClock,
    certificate: str,
) -> None:
    chained(1)
    fake_clock.advance(days=1)
    make_seal(fake_clock.now())
    with SyslogServer(tls=getattr(certificates, certificate)()) as server:
        receiver = Receiver(ReceiverKind.SYSLOG_TLS, "127.0.0.1", server.port)
        settings = replace(
            config,
            audit=AuditSettings(seal=receiver),
            outbound_ca_file=certificates.ca_file,
        )
        assert send_seals(settings, fake_clock.now()) == 0
    assert server.messages == []
    assert "certificate" in (all_rows(AuditSeal)[0].error or "")


def test_a_seal_goes_to_standard_output(
    app: Flask, config: Config, fake_clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    chained(1)
    fake_clock.advance(days=1)
    make_seal(fake_clock.now())
    assert send_seals(replace(config, audit=AuditSettings(seal=STDOUT)), fake_clock.now()) == 1
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["type"] == "triagedesk.audit.seal"


# Events


@both_databases
def test_events_are_forwarded_in_their_order_and_each_line_is_its_hash(
    app: Flask, tls: Config, server: SyslogServer, fake_clock: FakeClock
) -> None:
    chained(5)
    chained(1, action="session.refused")
    assert forward_events(tls, fake_clock.now()) == 6
    assert forward_events(tls, fake_clock.now()) == 0
    sent = documents(server)
    assert [one["position"] for one in sent] == [1, 2, 3, 4, 5, 6]
    before = "0" * 64
    for one in sent:
        line = str(one["line"])
        assert sha256(line.encode()).hexdigest() == one["hash"]
        assert json.loads(line)[2] == before
        before = str(one["hash"])
    assert (sent[0]["action"], sent[0]["failed"]) == ("thing.changed", False)
    assert sent[0]["after"] == {"name": "new 0", "größe": 1.5}
    assert sent[5]["failed"] is True
    assert [message.split(">")[0] for message in server.messages[4:]] == ["<110", "<108"]


def test_what_is_not_chained_waits(app: Flask, tls: Config, fake_clock: FakeClock) -> None:
    add_events(1)
    assert forward_events(tls, fake_clock.now()) == 0
    chain_events(fake_clock.now())
    assert forward_events(tls, fake_clock.now()) == 1


def test_a_connection_that_is_cut_is_made_again_and_nothing_is_missing(
    app: Flask,
    tls: Config,
    server: SyslogServer,
    fake_clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    chained(5)
    server.resets = {2, 3}
    assert [forward_events(tls, fake_clock.now()) for _ in range(2)] == [2, 0]
    [mark] = all_rows(AuditForward)
    assert (mark.position, bool(mark.error)) == (2, True)
    assert forward_events(tls, fake_clock.now()) == 3
    assert [one["position"] for one in documents(server)] == [1, 2, 3, 4, 5]


def test_a_process_that_ends_before_it_noted_what_it_sent_sends_it_again(
    app: Flask,
    tls: Config,
    server: SyslogServer,
    fake_clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chained(2)

    def die(*_: object) -> None:
        raise ProcessDied

    with monkeypatch.context() as patch:
        patch.setattr(module, "_move_bookmark", die)
        with pytest.raises(ProcessDied):
            forward_events(tls, fake_clock.now())
    assert forward_events(tls, fake_clock.now()) == 2
    assert [one["position"] for one in documents(server)] == [1, 2, 1, 2]


def test_after_a_pruning_a_new_receiver_gets_what_is_kept(
    app: Flask, tls: Config, server: SyslogServer, fake_clock: FakeClock
) -> None:
    fake_clock.advance(days=-2_000)
    chained(3)
    fake_clock.advance(days=9)
    chained(2)
    prune_events(fake_clock.now() - timedelta(days=1), fake_clock.now())
    chain_events(fake_clock.now())
    assert forward_events(tls, fake_clock.now()) == 3
    sent = documents(server)
    assert [one["position"] for one in sent] == [4, 5, 6]
    line = str(sent[0]["line"])
    assert sha256(line.encode()).hexdigest() == sent[0]["hash"]


@both_databases
def test_a_pruning_amid_the_forwarding_gives_no_line_a_wrong_place(
    app: Flask,
    tls: Config,
    server: SyslogServer,
    fake_clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_clock.advance(days=-2_000)
    chained(3)
    fake_clock.advance(days=9)
    chained(2)
    read, now = module.read_pruned_end, fake_clock.now()

    def prune_meanwhile(session: Session) -> ChainEnd:
        end = read(session)
        AppThread(app, lambda: prune_events(now - timedelta(days=1), now)).outcome(60)
        return end

    monkeypatch.setattr(module, "read_pruned_end", prune_meanwhile)
    forward_events(tls, now)
    sent = documents(server)
    places = [one["position"] for one in sent]
    assert places in ([1, 2, 3, 4, 5], [4, 5]), "PostgreSQL shows what was deleted since"
    assert all(sha256(str(one["line"]).encode()).hexdigest() == one["hash"] for one in sent)


def test_a_server_on_this_machine_takes_them_without_tls(
    app: Flask, config: Config, fake_clock: FakeClock
) -> None:
    chained(1)
    with SyslogServer() as server:
        receiver = Receiver(ReceiverKind.SYSLOG, "127.0.0.1", server.port)
        settings = replace(config, audit=AuditSettings(forward=receiver))
        assert forward_events(settings, fake_clock.now()) == 1
    assert len(documents(server)) == 1


def test_what_one_wrote_cannot_pose_as_another_message(
    app: Flask, tls: Config, server: SyslogServer, fake_clock: FakeClock
) -> None:
    chained(1, subject_id="x\n<110>1 2026 evil", after={"a": "\r\n\x00 größe"})
    forward_events(tls, fake_clock.now())
    [message] = server.messages
    assert message.isprintable()


def test_all_of_it_is_done_in_one_go(
    app: Flask, tls: Config, server: SyslogServer, fake_clock: FakeClock
) -> None:
    add_events(2)
    advance_audit_trail(tls)
    fake_clock.advance(days=1)
    add_events(1)
    advance_audit_trail(tls)
    kinds = [one["type"] for one in documents(server)]
    assert kinds.count("triagedesk.audit.event") == 3 + 1  # that the log was verified
    assert kinds.count("triagedesk.audit.seal") == 2
    [first, second] = sorted(all_rows(AuditSeal), key=lambda one: one.day)
    assert (first.position, second.position) == (2, 4)


def test_a_part_that_fails_keeps_no_other_from_running(
    app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("no seal")

    monkeypatch.setattr("webapp.services.audit_trail.advance_trail.make_seal", fail)
    add_events(1)
    settings = replace(config, audit=AuditSettings(forward=STDOUT))
    advance_audit_trail(settings)
    assert len(all_rows(AuditForward)) == 1
    assert "A part of the work on the audit log failed" in caplog.text


def test_whether_something_waits_to_be_sent(
    app: Flask, config: Config, tls: Config, fake_clock: FakeClock
) -> None:
    assert is_trail_waiting(config), "the first verification"
    advance_audit_trail(config)
    chain_events(fake_clock.now())
    assert not is_trail_waiting(config)
    assert is_trail_waiting(replace(tls, audit=replace(tls.audit, seal=None))), "events"
    assert forward_events(tls, fake_clock.now()) == 1
    assert not is_trail_waiting(replace(tls, audit=replace(tls.audit, seal=None)))
    fake_clock.advance(hours=23)
    make_seal(fake_clock.now())
    assert is_trail_waiting(tls), "a seal"
    send_seals(tls, fake_clock.now())
    assert not is_trail_waiting(tls)
    fake_clock.advance(hours=1)
    assert is_trail_waiting(config), "a day has passed"
