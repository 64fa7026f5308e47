"""What an idle cycle costs: API calls, and SQL statements besides BEGIN and COMMIT."""

from sqlalchemy import event

from bench.accounts import API_KEY, API_SECRET, bench_desk, build_account
from webapp.extensions import db
from webapp.huntress.simulator import Simulator
from webapp.services.polling.poll_connection import poll_connection

TRANSACTION_WORDS = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")


def measure_idle(kind: str) -> dict[str, float]:
    """Calls and statements of a poll that finds nothing new, after two that did."""
    account = build_account(incidents=50, agents=10, organizations=5)
    with (
        Simulator(account, api_key=API_KEY, api_secret=API_SECRET) as simulator,
        bench_desk(kind, simulator.base_url) as desk,
    ):
        for _ in range(2):
            poll_connection(desk.connection_id, trigger="command")
        statements: list[str] = []
        event.listen(
            db.engine, "before_cursor_execute", lambda *call: statements.append(call[2].strip())
        )
        outcome = poll_connection(desk.connection_id, trigger="command")
        own = [one for one in statements if not one.upper().startswith(TRANSACTION_WORDS)]
        return {"calls": outcome.as_dict()["api_calls"], "statements": len(own)}
