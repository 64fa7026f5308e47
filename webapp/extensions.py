"""The Flask extensions, created once and bound to the app by create_app()."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from flask import current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from sqlalchemy import Connection, Engine, MetaData, NullPool, create_engine, event, text
from sqlalchemy.exc import InvalidatePoolError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session
from sqlalchemy.pool import ConnectionPoolEntry

from webapp.config import Config
from webapp.domain.caller import caller_of

SQLITE_BUSY_MILLISECONDS = 15_000
SERVER_TIME_SECONDS = 3
RESTED_SECONDS = 1.0
"""A connection that was used so lately counts as alive. If the server was restarted meanwhile, one
request fails as if it had been under way, and the next one gets a new connection."""


class Base(DeclarativeBase):
    """The declarative base; every constraint gets a name, so that migrations can refer to it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class TokenCheck(CSRFProtect):
    """Flask-WTF's check of forms; a Referer that cannot be parsed counts as another site."""

    def protect(self, *args: Any, **options: Any) -> None:
        """Raise CSRFError for a form that does not come from this site."""
        try:
            super().protect(*args, **options)
        except ValueError as error:  # from urlsplit, when it parses the Referer
            raise CSRFError("The referrer is not an address.") from error


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
login_manager = LoginManager()
csrf = TokenCheck()
limiter = Limiter(lambda: caller_of(get_remote_address()), default_limits=[])

_USED_AT = "triagedesk_used_at"
_is_read_only: ContextVar[bool] = ContextVar("is_read_only", default=False)

ADDS_ONLY = "triagedesk_adds_only"
"""In a session's `info`: the only kind of row that it may write, and only by adding one."""


def current_config() -> Config:
    """The configuration of the running app."""
    config: Config = current_app.extensions["triagedesk_config"]
    return config


def current_version() -> str:
    """The version of the product that runs."""
    return str(current_app.extensions["triagedesk_version"])


class ReadOnlyError(RuntimeError):
    """Something tried to write where only reading is allowed, as in a GET request."""


@contextmanager
def read_only() -> Iterator[None]:
    """Make transactions that begin inside the block read-only: they never take SQLite's write lock.

    A flush inside the block raises ReadOnlyError.
    """
    with _reads_only(True):
        yield


@contextmanager
def writable(session: Session) -> Iterator[None]:
    """Let `session`, which may only add rows of one kind, do so where only reading is allowed."""
    if ADDS_ONLY not in session.info:
        raise ReadOnlyError("only a session that adds rows of one kind may be made writable")
    with _reads_only(False):
        yield


@contextmanager
def _reads_only(value: bool) -> Iterator[None]:
    token = _is_read_only.set(value)
    try:
        yield
    finally:
        _is_read_only.reset(token)


SQLITE_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "NORMAL",
    "foreign_keys": "ON",
    "busy_timeout": str(SQLITE_BUSY_MILLISECONDS),
}


def prepare_sqlite(engine: Engine) -> None:
    """Make SQLite safe for several processes.

    This sets the write-ahead log, foreign keys, a busy time-out and BEGIN IMMEDIATE. Without BEGIN
    IMMEDIATE, a transaction that reads and then writes would lose updates or fail with "database
    is locked".
    """

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for name, value in SQLITE_PRAGMAS.items():
            connection.execute(f"PRAGMA {name}={value}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if _is_read_only.get() else "BEGIN IMMEDIATE")


def prepare_postgresql(engine: Engine) -> None:
    """Ask a connection whether it is still alive before it is used again after a rest.

    To ask each time would double what a short question takes. If one is dead, all in the pool are
    given up, and a new one is made.
    """

    @event.listens_for(engine, "checkin")
    def _on_checkin(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _on_checkout(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        used_at = record.info.get(_USED_AT)
        if used_at is None or time.monotonic() - used_at < RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def read_server_time(engine: Engine) -> datetime | None:
    """Return the time (UTC) of the PostgreSQL server; None while it does not answer.

    It uses a connection of its own, so that it is inside no transaction and survives no fork.
    """
    own = create_engine(
        engine.url, poolclass=NullPool, connect_args={"connect_timeout": SERVER_TIME_SECONDS}
    )
    try:
        with own.connect() as connection:
            now: datetime = connection.scalars(text("SELECT clock_timestamp()")).one()
    except SQLAlchemyError:
        return None
    return now.astimezone(UTC)


@event.listens_for(Session, "before_flush")
def _refuse_flush(session: Session, _context: Any, _instances: Any) -> None:
    if _is_read_only.get() and (session.new or session.dirty or session.deleted):
        raise ReadOnlyError("a read-only request tried to write")
    kind = session.info.get(ADDS_ONLY)
    if kind is not None:
        others = [row for row in session.new if not isinstance(row, kind)]
        if others or session.dirty or session.deleted:
            raise ReadOnlyError(f"a session that only adds {kind.__name__} tried to write others")


@event.listens_for(Session, "do_orm_execute")
def _refuse_statement(state: ORMExecuteState) -> None:
    if ADDS_ONLY in state.session.info and not state.is_select:
        raise ReadOnlyError("a session that only adds rows tried to run another statement")
