"""Server time and SQL statements of the desk's pages with 100,000 tickets.

Each page is asked for by somebody who is signed in, through Flask's test client: everything but
the network. Figures: p95 in milliseconds, how much of that this process used (on a busy machine
the rest is waiting; SQLite works in this process, PostgreSQL beside it), and the most statements
any request sent. All is measured several times over, and the quietest time counts: whoever else
uses the machine can only slow it down.
"""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psutil
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from bench.accounts import filled_app
from bench.desk_data import TICKETS, fill_desk_database
from bench.triage_data import FREQUENT_ADDRESS
from tests.support.desk_data import ADMIN
from tests.support.security.sessions import COOKIE, begin
from webapp.domain.triage.list_columns import ListDisplay
from webapp.extensions import db
from webapp.services.people.users import find_user
from webapp.services.tickets.rows.list_display import set_list_display

PASSES = 4
ROUNDS = 40
WARM_UP = 3
DEEP_PAGES = 60
EXPORT_WARM_UP = 5_000
FILTERS = (
    *("priority=1&assignee=me", "client=77", "board=1&assignee=nobody", "triage=1", "severity=low"),
    *("untouched_for=24", "closed_in_huntress=1", "state=closed&board=3&sort=priority"),
    *("state=closed&severity=critical", "status=2&sort=oldest", "older_than=720&within=2000"),
    *("raised=1", "no_reference=1", "state=closed&no_reference=1&sort=priority"),
    *("host=HOST-00123", "host=host-00123&state=closed", "watching=me", "waiting=1", "overdue=1"),
    *("watching=me&state=closed", "overdue=1&sort=due", "sort=due", "untouched=1&sort=newest"),
    *("state=closed&closed_as=accepted_risk", "state=closed&closed_as=duplicate&sort=priority"),
    *(f"indicator=ip:{FREQUENT_ADDRESS}", f"indicator=ip:{FREQUENT_ADDRESS}&state=closed"),
    *("indicator=domain:cdn0.update-service0.example", "open_in_huntress=1&state=closed"),
)
SEARCHES = (
    *("TKT-000123", "54321", "emotet", "host-0012", '"encoded powershell"', "dental qakbot"),
    *("windows", "incident", "bakery company 0103", "reimaged lockbit", "10.5", "nothingatall"),
    *(FREQUENT_ADDRESS, "akiraupdate", "mailbox rules", "müller"),
)
SEARCHES_WITH_FILTERS = (
    *("q=client:bakery+emotet", "q=is:untouched+windows", "q=client:dental+priority:critical"),
    *("q=host:host-00", "q=client:dental", "q=assignee:person+is:overdue", "q=assignee:me"),
    *(f"q=ip:{FREQUENT_ADDRESS}", "q=emotet&priority=2", "q=windows&assignee=nobody&triage=1"),
    *("q=lockbit&state=closed&severity=critical", "q=priority:high+status:open+qakbot"),
    *("q=board:triage+akira", "q=reimaged&untouched=1&sort=oldest", "q=is:raised+windows"),
    *("q=reference:PSA-12345", "q=older_than:720+windows", "q=is:watching+is:untouched"),
    *("q=client:company&state=closed", "q=client:care+is:untouched&sort=newest"),
)


def measure_desk(kind: str) -> dict[str, float]:
    """p95 milliseconds and statements of each page on a database of `kind`, and the export."""
    with filled_app(kind, fill_desk_database) as app:
        client = signed_in_client(app)
        gc.collect()
        gc.freeze()  # as the web server does: what was there before is not looked through again
        asked = pages(client)
        results = quietest([_measure_pages(app, client, asked) for _ in range(PASSES)])
        return results | _measure_export(client)


def quietest(passes: Sequence[dict[str, float]]) -> dict[str, float]:
    """The least of each time and each share of it, and the most of everything else."""
    return {
        name: (min if name.endswith(("_ms", "_percent")) else max)(one[name] for one in passes)
        for name in passes[0]
    }


def _measure_pages(
    app: Flask, client: FlaskClient, asked: dict[str, Sequence[str]]
) -> dict[str, float]:
    results: dict[str, float] = {}
    for name, paths in asked.items():
        with _list_display(app, ListDisplay(is_grouped=name == "grouped")):
            results |= _measure(app, client, name, paths)
    return results


@contextmanager
def _list_display(app: Flask, display: ListDisplay) -> Iterator[None]:
    """Meanwhile, the list is shown so to the person who asks for pages."""
    with app.app_context():
        set_list_display(find_user(ADMIN[0]).id, display)
    yield
    with app.app_context():
        set_list_display(find_user(ADMIN[0]).id, ListDisplay())


def pages(client: FlaskClient) -> dict[str, Sequence[str]]:
    """The addresses of each kind of page; a kind is measured over all of its addresses."""
    deep = list(_deep(client, "/tickets"))
    return {
        "list": ["/tickets", "/tickets?state=closed", "/tickets?state=closed&sort=priority"],
        "filtered": [f"/tickets?{query}" for query in FILTERS],
        "search": [f"/tickets?q={query.replace(' ', '+')}" for query in SEARCHES],
        "search_with_filters": [f"/tickets?{query}" for query in SEARCHES_WITH_FILTERS],
        "deep": [*deep, *_deep(client, "/tickets?state=closed")],
        "grouped": ["/tickets", "/tickets?q=windows", "/tickets?triage=1", *deep],
        "ticket": [f"/tickets/{n}" for n in range(7, TICKETS, TICKETS // 20)],
        "dashboard": ["/"],
        "response_times": ["/response-times", "/response-times?client=77"],
    }


def _deep(client: FlaskClient, path: str) -> Iterator[str]:
    """Pages 50 to 60."""
    for number in range(DEEP_PAGES):
        html = client.get(path).text
        link = html.rpartition('rel="next"')[0].rpartition('href="')[2]
        path = link.partition('"')[0].replace("&amp;", "&")
        if number >= DEEP_PAGES - 10:
            yield path


def signed_in_client(app: Flask) -> FlaskClient:
    """A browser in which an admin is signed in."""
    client = app.test_client()
    with app.app_context():
        client.set_cookie(COOKIE, begin(find_user(ADMIN[0]).id, "bench"))
    return client


def _measure(app: Flask, client: FlaskClient, name: str, paths: Sequence[str]) -> dict[str, float]:
    for path in paths[:WARM_UP]:
        client.get(path)
    times, cpu_times, statements = [], [], 0
    for number in range(max(ROUNDS, 3 * len(paths))):
        path = paths[number % len(paths)]
        with counted_statements(app) as count:
            started, cpu_started = time.perf_counter(), time.thread_time()
            response = client.get(path)
            times.append(1000 * (time.perf_counter() - started))
            cpu_times.append(1000 * (time.thread_time() - cpu_started))
        assert response.status_code == 200, (path, response.status)
        statements = max(statements, count())
    p95, cpu = (statistics.quantiles(one, n=20)[-1] for one in (times, cpu_times))
    return {f"{name}_ms": p95, f"{name}_cpu_ms": cpu, f"{name}_statements": statements}


@contextmanager
def counted_statements(app: Flask) -> Iterator[Callable[[], int]]:
    """Counts the statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            sent.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield lambda: len(sent)
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _measure_export(client: FlaskClient) -> dict[str, float]:
    """Everything that is closed as CSV, and how much the process grows after the first rows."""
    process = psutil.Process()
    started, lines, base, peak = time.perf_counter(), 0, 0, 0
    for piece in client.get("/tickets/export?state=closed", buffered=False).iter_encoded():
        lines += piece.count(b"\r\n")
        memory = process.memory_info().rss
        base = base or (memory if lines > EXPORT_WARM_UP else 0)
        peak = max(peak, memory)
    assert lines > TICKETS // 2, lines
    return {
        "export_rows": lines,
        "export_seconds": time.perf_counter() - started,
        "export_growth_mb": (peak - base) / 2**20,
    }
