"""Connections to PostgreSQL that wait in the pool for the next unit of work."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import create_engine, func, select, text

from webapp import extensions
from webapp.extensions import db
from webapp.services.transactions import DATABASE_AWAY, reading, transaction

pytestmark = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
PID = select(func.pg_backend_pid())


def ask() -> int:
    """The number of the server process that answers."""
    with reading() as session:
        return session.scalars(PID).one()


@pytest.fixture
def pings(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often a connection was asked whether it is alive."""
    asked: list[object] = []
    ping = db.engine.dialect.do_ping

    def note(connection: object) -> bool:
        asked.append(connection)
        return ping(connection)

    monkeypatch.setattr(db.engine.dialect, "do_ping", note)
    return lambda: len(asked)


def end_server_process(pid: int) -> None:
    """As when the server is started anew: the connection is dead, and its client does not know."""
    other = create_engine(db.engine.url)
    with other.connect() as connection:
        assert connection.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    other.dispose()


def test_a_connection_that_rested_is_asked_and_replaced_if_dead(
    pings: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extensions, "RESTED_SECONDS", 0.0)
    first, before = ask(), pings()
    assert (ask(), pings()) == (first, before + 1)
    end_server_process(first)
    second = ask()
    assert second != first
    assert (ask(), pings()) == (second, before + 3)


def test_one_that_was_just_used_is_not_asked(
    pings: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extensions, "RESTED_SECONDS", 3_600.0)
    assert len({ask() for _ in range(5)}) == 1
    assert pings() == 0


def test_if_it_is_dead_all_the_same_one_question_fails(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extensions, "RESTED_SECONDS", 3_600.0)
    first = ask()
    end_server_process(first)
    with pytest.raises(DATABASE_AWAY):
        ask()
    assert ask() != first


def test_reading_sends_its_statements_alone(app: Flask) -> None:
    """Each is a transaction of its own at the server; one that writes is not cut up so."""
    transaction_id = select(func.pg_current_xact_id())
    with reading() as session:
        assert session.scalars(transaction_id).one() != session.scalars(transaction_id).one()
    with transaction() as session:
        assert session.scalars(transaction_id).one() == session.scalars(transaction_id).one()
