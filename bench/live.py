"""What open pages cost that ask every few seconds, with 100,000 tickets.

Each kind of page asks as a browser does, with the tag of its last answer, while nothing changes:
through Flask's test client, everything but the network. `twenty_browsers` is the share of one core,
in percent, that twenty browsers on the ticket list take: what an answer takes here, twenty times in
ten seconds, as if the database worked in the same core. The quietest of several passes counts.
"""

import gc
import statistics
import time

from flask import Flask
from flask.testing import FlaskClient

from bench.accounts import filled_app
from bench.desk import PASSES, counted_statements, quietest, signed_in_client
from bench.desk_data import TICKETS, fill_desk_database
from webapp import clock
from webapp.web.tickets.live_answers import ASKS_EVERY_SECONDS

ROUNDS = 400
WARM_UP = 20
BROWSERS = 20


def measure_live(kind: str) -> dict[str, float]:
    """p95 milliseconds and statements of each page's question on a database of `kind`."""
    with filled_app(kind, fill_desk_database) as app:
        client = signed_in_client(app)
        gc.collect()
        gc.freeze()
        loaded = clock.utcnow().isoformat().replace("+", "%2B")
        paths = {
            "count": "/live",
            "list": f"/tickets/live?loaded={loaded}",
            "filtered": f"/tickets/live?triage=1&severity=high&untouched=1&loaded={loaded}",
            "ticket": f"/tickets/{TICKETS // 2}/live",
            "dashboard": "/dashboard/live",
        }
        return quietest([_measure_paths(app, client, paths) for _ in range(PASSES)])


def _measure_paths(app: Flask, client: FlaskClient, paths: dict[str, str]) -> dict[str, float]:
    results: dict[str, float] = {}
    for name, path in paths.items():
        results |= _measure(app, client, name, path)
    return results


def _measure(app: Flask, client: FlaskClient, name: str, path: str) -> dict[str, float]:
    headers = {"HX-Request": "true"}
    headers["If-None-Match"] = client.get(path, headers=headers).headers["ETag"]
    times, statements = [], 0
    for number in range(WARM_UP + ROUNDS):
        with counted_statements(app) as count:
            started = time.perf_counter()
            response = client.get(path, headers=headers)
            took = time.perf_counter() - started
        assert response.status_code == 304, (path, response.status)
        if number >= WARM_UP:
            times.append(took)
            statements = max(statements, count())
    results = {
        f"{name}_ms": 1000 * statistics.quantiles(times, n=20)[-1],
        f"{name}_statements": statements,
    }
    if name == "list":
        share = 100 * BROWSERS * statistics.mean(times) / ASKS_EVERY_SECONDS
        results["twenty_browsers_percent"] = share
    return results
