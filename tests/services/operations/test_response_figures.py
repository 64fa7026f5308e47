"""How quickly tickets were touched and closed, by client and by month."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import insert

from tests.support.databases import both_databases
from tests.support.desk_data import add_connection
from tests.support.polling import counted_statements
from tests.support.rows import add
from webapp.models import Client, Ticket
from webapp.services.operations.response_figures import MONTHS, TimesTaken, read_response_figures
from webapp.services.transactions import transaction

pytestmark = both_databases
TODAY = date(2026, 6, 9)
JUNE, MAY = date(2026, 6, 1), date(2026, 5, 1)
BERLIN = ZoneInfo("Europe/Berlin")
SENT = datetime(2026, 6, 2, 10, tzinfo=UTC)
_numbers = iter(range(10**6))


def ticket(client_id: int, connection_id: int | None = None, **values: Any) -> None:
    """A ticket that was sent on the second of June."""
    number = next(_numbers)
    with transaction() as session:  # as targets of then had set the times
        session.execute(
            insert(Ticket),
            [
                {
                    "number": f"F-{number}",
                    "title": "t",
                    "description": "",
                    "client_id": client_id,
                    "board_id": 1,
                    "status_id": 1,
                    "priority_id": 1,
                    "source": "huntress",
                    "connection_id": connection_id,
                    "source_reference": f"f{number}",
                    "reported_at": SENT,
                    "created_at": SENT,
                    "updated_at": SENT,
                    **values,
                }
            ],
        )


def taken(client_id: int, minutes: float, due: float | None = 30, **values: Any) -> None:
    """A ticket that was touched after so many minutes, and closed after twice as many."""
    start = values.get("reported_at", SENT)
    in_minutes = {
        "first_touched_at": minutes,
        "closed_at": 2 * minutes,
        "touch_due_at": due,
        "close_due_at": due,
    }
    times = {
        name: None if count is None else start + timedelta(minutes=count)
        for name, count in in_minutes.items()
    }
    ticket(client_id, **times, **values)


def test_medians_and_shares_by_client_and_by_month(app: Flask) -> None:
    with app.app_context():
        connection = add_connection(SENT, polling_started_at=SENT - timedelta(days=60))
        acme, zeta = add(Client(name="acme")).id, add(Client(name="Zeta <b>")).id
        for minutes in (10, 20, 60):
            taken(zeta, minutes, connection_id=connection)
        taken(acme, 40)
        taken(acme, 20, due=None)
        # sent before polling began: nobody could know
        taken(acme, 5, connection_id=connection, reported_at=SENT - timedelta(days=70))
        # touched on the last evening of May in Berlin, closed in June
        late = datetime(2026, 5, 31, 21, 30, tzinfo=UTC)
        taken(zeta, 20, reported_at=late, connection_id=connection)

        with counted_statements() as statements:
            found = read_response_figures(JUNE, None, today=TODAY, zone=BERLIN)
        assert len(statements) <= 7
        assert [row.label for row in found.by_client] == ["acme", "Zeta <b>"]
        first, second = found.by_client
        assert first.touch == TimesTaken(2, 30 * 60, 1, 0)
        assert second.touch == TimesTaken(3, 20 * 60, 3, 2)
        assert second.close == TimesTaken(4, 40 * 60, 4, 1)
        assert second.touch.share == 2 / 3
        assert len(found.by_month) == MONTHS
        june, may = found.by_month[:2]
        assert (june.label, june.month, may.month) == ("Jun 2026", JUNE, MAY)
        assert (june.touch.count, june.close.count) == (5, 6)
        assert may.touch == TimesTaken(1, 20 * 60, 1, 1)
        assert may.close.share is None

        of_acme = read_response_figures(MAY, acme, today=TODAY, zone=BERLIN)
        assert [row.client_id for row in of_acme.by_client] == [zeta]
        assert (of_acme.client_name, of_acme.by_month[0].touch.count) == ("acme", 2)
        assert read_response_figures(MAY, 999, today=TODAY, zone=BERLIN).client_name is None
