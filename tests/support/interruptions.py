"""Stopping a poll at any statement, as if its process died, and slipping things in between.

`Interruptions` listens to the engine: it counts the statements and commits of a poll and the
transactions it begins. At a chosen statement it raises `ProcessDied`, and from then on every
statement raises it: no clean-up of the poll reaches the database any more. Before a chosen
transaction begins, when no lock is held, it lets something else happen first.
"""

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event, text

from tests.support.waiting import wait_until
from webapp.extensions import db


class ProcessDied(BaseException):
    """Here the process ended."""


@dataclass
class Plan:
    """What happens to one poll.

    `die_at` counts statements and commits from 1. `before` maps the number of a transaction to
    what happens just before it. `dies_over` says whether a statement kills the process.
    """

    die_at: int | None = None
    before: dict[int, Callable[[], None]] = field(default_factory=dict)
    dies_over: Callable[[Any], bool] | None = None


class Interruptions:
    """One for each engine; inactive outside of `of`."""

    def __init__(self, engine: Engine) -> None:
        self._plan: Plan | None = None
        self._statements = self._begins = 0
        self._is_dead = False
        event.listen(engine, "checkout", self._on_checkout)
        event.listen(engine, "commit", self._on_commit)
        event.listen(engine, "before_cursor_execute", self._on_statement)

    @contextmanager
    def of(self, plan: Plan) -> Iterator[None]:
        """Inside the block `plan` applies; may be nested, each poll has its own plan."""
        before = self._plan, self._statements, self._begins, self._is_dead
        self._plan, self._statements, self._begins, self._is_dead = plan, 0, 0, False
        try:
            yield
        finally:
            self._plan, self._statements, self._begins, self._is_dead = before

    @property
    def statements(self) -> int:
        """How many statements and commits the present poll has made."""
        return self._statements

    def _on_checkout(self, _connection: Any, _record: Any, _proxy: Any) -> None:
        """A unit of work takes a connection out of the pool just before it begins."""
        if self._plan is None or self._is_dead:
            return
        self._begins += 1
        intruder = self._plan.before.pop(self._begins, None)
        if intruder is not None:
            with self.of(Plan()):
                contextvars.Context().run(intruder)

    def _on_commit(self, _connection: Any) -> None:
        self._count(None)

    def _on_statement(
        self, _c: Any, _cursor: Any, _sql: str, _p: Any, context: Any, _m: Any
    ) -> None:
        self._count(context)

    def _count(self, context: Any) -> None:
        if self._plan is None:
            return
        self._statements += 1
        kills = self._plan.dies_over
        if self._statements == self._plan.die_at or (kills and context and kills(context)):
            self._is_dead = True
        if self._is_dead:
            raise ProcessDied


def kill_at_every_statement(work: Callable[[], object], *, first: int = 1) -> int:
    """Begin `work` again and again, each time killed one statement later, until it comes through.

    The first try dies at the statement `first`. Returns the number of the statement that would
    have killed the last one, had it come so far.
    """
    interruptions = Interruptions(db.engine)
    for die_at in range(first, 60):
        try:
            with interruptions.of(Plan(die_at=die_at)):
                work()
        except ProcessDied:
            db.session.remove()
            assert wait_until(_nobody_holds_a_lock), "the dead still hold their locks"
        else:
            return die_at
    raise AssertionError("it never came through")


def _nobody_holds_a_lock() -> bool:
    """Whether the database has noticed who is gone: PostgreSQL's server takes a moment."""
    if db.engine.dialect.name != "postgresql":
        return True
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        " AND xact_start IS NOT NULL"
    )
    with db.engine.connect() as connection:
        return not connection.scalar(others)
