"""One process at a time sends and verifies, and none has to wait for one that has ended."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import sleep

from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.processes import Command, clean_environment
from tests.support.rows import all_rows
from tests.support.security.trail import chained
from webapp.config import Config
from webapp.config.audit import AuditSettings
from webapp.domain.security.receiver import Receiver, ReceiverKind
from webapp.extensions import db
from webapp.models import AuditEvent, AuditForward, AuditSeal
from webapp.services.audit_trail.advance_trail import chain_and_seal, send_and_verify
from webapp.services.audit_trail.sole_sender import trying_to_be_sole

STDOUT = Receiver(ReceiverKind.STDOUT)

OTHER_PROCESS = """
import sys
import time
from flask import Flask
from webapp.extensions import db
from webapp.services.audit_trail.sole_sender import trying_to_be_sole
app = Flask("other")
app.config["SQLALCHEMY_DATABASE_URI"] = sys.argv[1]
db.init_app(app)
with app.app_context(), trying_to_be_sole() as is_sole:
    print(is_sole, flush=True)
    time.sleep(60)
"""


@contextmanager
def another_process(folder: Path) -> Iterator[Command]:
    """A process that is inside the block until it is killed."""
    url = db.engine.url.render_as_string(hide_password=False)
    with closing(Command(("-c", OTHER_PROCESS, url), folder, clean_environment())) as command:
        assert command.says("True")
        yield command


@both_databases
def test_while_another_process_sends_this_one_does_not(
    app: Flask, config: Config, fake_clock: FakeClock, tmp_path: Path
) -> None:
    chained(2)
    fake_clock.advance(days=1)
    chain_and_seal()
    sending = replace(config, audit=AuditSettings(forward=STDOUT, seal=STDOUT))
    with another_process(tmp_path) as other:
        send_and_verify(sending)
        assert all_rows(AuditForward) == []
        assert all_rows(AuditSeal)[0].sent_at is None
        assert len(all_rows(AuditEvent)) == 2, "not verified either"
        other.process.kill()
        other.process.wait()
        assert _comes_free()
    send_and_verify(sending)
    assert all_rows(AuditForward)[0].position == 2
    assert all_rows(AuditSeal)[0].sent_at is not None
    assert all_rows(AuditEvent)[-1].action == "audit.verified"


def _comes_free() -> bool:
    """PostgreSQL needs a moment to see that a process is gone."""
    for _ in range(200):
        with trying_to_be_sole() as is_sole:
            if is_sole:
                return True
        sleep(0.05)
    return False


@both_databases
def test_one_at_a_time_within_a_process_as_well(app: Flask) -> None:
    with trying_to_be_sole() as first, trying_to_be_sole() as second:
        assert (first, second) == (True, False)
    with trying_to_be_sole() as again:
        assert again


def test_where_files_cannot_be_locked_it_is_done_all_the_same(app: Flask, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr("webapp.services.audit_trail.sole_sender.flock", fail)
    with trying_to_be_sole() as is_sole:
        assert is_sole
