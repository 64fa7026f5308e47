"""Helpers for tests of the poll cycle: bulk accounts, scripted answers, bad reports, threads."""

import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event, func, select

from tests.support.poller import Desk
from webapp import create_app
from webapp.extensions import db
from webapp.huntress.client import HuntressClient
from webapp.huntress.simulator import Fault, Faults, SimulatedAccount
from webapp.huntress.simulator.rows import iso
from webapp.models import Alert, PollRun, Ticket
from webapp.services.polling import write_incidents
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.transactions import reading

INCIDENTS = "/v1/incident_reports"
KILLED = 9
"""The exit code of a process that a report killed."""
OnRequest = Callable[[int, str], Fault | None]


def report(incident_id: object, at: datetime, **fields: object) -> dict[str, object]:
    """A small incident report without organization or agent, updated at `at`."""
    return {
        "id": incident_id,
        "subject": f"HIGH - Incident {incident_id}",
        "severity": "high",
        "status": "sent",
        "organization_id": None,
        "agent_id": None,
        "sent_at": iso(at),
        "updated_at": iso(at),
        **fields,
    }


def add_bulk(
    account: SimulatedAccount,
    count: int,
    newest: datetime,
    *,
    step: timedelta = timedelta(seconds=1),
    first_id: int = 1,
    **fields: object,
) -> list[int]:
    """Add `count` small incidents; the first id is the newest, each further one `step` older."""
    ids = range(first_id, first_id + count)
    with account.lock:
        for number, incident_id in enumerate(ids):
            account.incident_rows[incident_id] = report(
                incident_id, newest - number * step, **fields
            )
    return list(ids)


def page_answer(rows: Sequence[object], next_token: str | None = None) -> Fault:
    """Any page of incident reports at all, in the place of the simulator's own."""
    pagination = {"next_page_token": next_token} if next_token else {}
    body = json.dumps({"incident_reports": list(rows), "pagination": pagination}).encode()
    return Fault(status=200, body=body)


def on_list_calls(act: Callable[[int], Fault | None]) -> OnRequest:
    """`on_request` that asks `act` for the n-th call (from 1) of the incident list only."""
    calls = [0]

    def on_request(_number: int, path: str) -> Fault | None:
        if path != INCIDENTS:
            return None
        calls[0] += 1
        return act(calls[0])

    return on_request


def set_faults(desk: Desk, **switches: Any) -> None:
    """Other faults from now on (none: all is well); calls are counted anew."""
    desk.simulator.faults = Faults(**switches)


def break_reports(monkeypatch: Any, *ids: object, error: Exception | None = None) -> set[str]:
    """Writing the tickets of `ids` raises from now on; discard an id from the result to mend it."""
    broken = {str(one) for one in ids}
    build = vars(write_incidents)["build_body"]

    def build_body(incident: Any, context: Any) -> Any:
        if incident.id in broken:
            raise error or ValueError("a builder that stumbles")
        return build(incident, context)

    monkeypatch.setattr(write_incidents, "build_body", build_body)
    return broken


def ticketed_ids(desk: Desk) -> list[str]:
    """The incident ids of all tickets, sorted; a doubled one would be there twice."""
    with reading() as session:
        return sorted(session.scalars(select(Ticket.source_reference)))


def alert_count(desk: Desk, *conditions: Any) -> int:
    """How many alerts meet `conditions`."""
    with reading() as session:
        return session.scalars(select(func.count()).select_from(Alert).where(*conditions)).one()


def runs(desk: Desk) -> list[PollRun]:
    """The connection's runs, oldest first, as they are in the database."""
    with reading() as session:
        return list(
            session.scalars(
                select(PollRun)
                .where(PollRun.connection_id == desk.connection_id)
                .order_by(PollRun.id)
                .execution_options(populate_existing=True)
            )
        )


def asked(desk: Desk, start: int = 0) -> list[str]:
    """The paths that were asked for, with the list's status filter; from request `start` on."""
    return [
        f"{one.path}?{one.query['status']}" if "status" in one.query else one.path
        for one in desk.simulator.requests[start:]
    ]


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Collects the SQL statements of the block, BEGIN and COMMIT left out."""
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.upper().startswith(("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")):
            statements.append(statement)

    engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


class AppThread(threading.Thread):
    """Runs `work` in a thread with an app context of its own; `outcome` raises what it raised."""

    def __init__(self, app: Any, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._app = app
        self._work = work
        self._result: Any = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        with self._app.app_context():
            try:
                self._result = self._work()
            except BaseException as error:  # noqa: BLE001 - handed to the test
                self._error = error
            finally:
                db.session.remove()

    def outcome(self, timeout: float = 30.0) -> Any:
        self.join(timeout)
        assert not self.is_alive(), "the thread did not end"
        if self._error is not None:
            raise self._error
        return self._result


def use_small_pages(monkeypatch: Any, size: int) -> None:
    """The client asks for `size` incident reports a page."""
    method = HuntressClient.list_incident_reports
    defaults = method.__kwdefaults__ or {}
    monkeypatch.setattr(method, "__kwdefaults__", {**defaults, "limit": size})


def kill_over(monkeypatch: Any, incident_id: object) -> None:
    """Whatever process writes the ticket of this incident dies at once, as if killed."""
    build = vars(write_incidents)["build_body"]

    def build_body(incident: Any, context: Any) -> Any:
        if incident.id == str(incident_id):
            os._exit(KILLED)
        return build(incident, context)

    monkeypatch.setattr(write_incidents, "build_body", build_body)


def poll_in_child(desk: Desk, app: Any, *, minutes: float = 5) -> int:
    """Let `minutes` pass and poll in a process of its own; returns its exit code."""
    desk.clock.advance(minutes=minutes)
    db.session.remove()
    db.engine.dispose()
    child = multiprocessing.get_context("fork").Process(target=_poll_and_exit, args=(desk, app))
    child.start()
    child.join(60)
    assert child.exitcode is not None, "the child process hangs"
    return child.exitcode


def _poll_and_exit(desk: Desk, app: Any) -> None:
    own_app = create_app(app.extensions["triagedesk_config"])
    with own_app.app_context():
        outcome = poll_connection(desk.connection_id, trigger="command")
    os._exit(0 if outcome.is_success else 1)
