"""The worker and a timer's poll keep up with the same list, and one broken piece stops no other."""

import logging

import pytest
from flask import current_app
from sqlalchemy.exc import OperationalError

from tests.support.databases import both_databases
from tests.support.rows import audit_actions
from tests.support.security.trail import add_events
from webapp.services.audit_trail.verify_chain import verify_chain
from webapp.services.operations import upkeep
from webapp.services.operations.upkeep import do_upkeep

SHARED = (
    "go_on_with_all",
    "delete_old_records",
    "clean_scratch",
    "refresh_statistics",
    "relink_waiting",
    "finish_reencryption",
    "note_keys",
    "chain_and_seal",
)
ALONE = ("prove_due", *SHARED, "send_and_verify")


def keep_up(*, has_worker: bool) -> None:
    do_upkeep(current_app.extensions["triagedesk_config"], has_worker=has_worker)


@pytest.mark.parametrize("broken", ALONE)
def test_whatever_breaks_everything_else_is_done(
    app: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    done: list[str] = []

    def replace(name: str) -> None:
        def work(*_arguments: object, **_options: object) -> dict[str, int]:
            done.append(name)
            if name == broken:
                raise ValueError(name)
            return {}

        monkeypatch.setattr(upkeep, name, work)

    for name in ALONE:
        replace(name)
    keep_up(has_worker=True)
    assert tuple(done) == SHARED
    done.clear()
    keep_up(has_worker=False)
    assert tuple(done) == ALONE
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == (2 if broken in SHARED else 1)
    assert all(record.exc_info for record in errors)


def test_a_database_that_is_away_is_a_line_for_each_piece(
    app: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OperationalError("SELECT 1", {}, Exception("database is locked\nreally"))

    monkeypatch.setattr(upkeep, "go_on_with_all", fail)
    keep_up(has_worker=True)
    [record] = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert record.getMessage().endswith("clients and people has to wait: database is locked")
    assert record.exc_info is None


@both_databases
def test_what_is_left_to_do_is_done(app: object) -> None:
    add_events(2)
    keep_up(has_worker=True)
    assert verify_chain().waiting == 0
    assert "audit.verified" not in audit_actions(), "a job of its own where there is a worker"
    keep_up(has_worker=False)
    assert "audit.verified" in audit_actions()
