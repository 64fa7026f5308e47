"""Eight processes write a thousand tickets at once."""

from sqlalchemy import select

from tests.support.databases import sqlite_in_soak
from tests.support.installation import Installation, Polls
from tests.support.polling import add_bulk
from webapp.clock import utcnow
from webapp.models import Ticket
from webapp.services.transactions import reading

PROCESSES = 8
INCIDENTS = 60


@sqlite_in_soak
def test_eight_polls_at_once_number_their_tickets(installation: Installation, polls: Polls) -> None:
    first = installation.desk.connection_id
    others = [installation.add_connection(f"Account {n}") for n in range(2, PROCESSES + 1)]
    add_bulk(installation.desk.account, INCIDENTS, utcnow())

    pids = [polls.start(connection_id) for connection_id in [first, *others]]
    assert [polls.wait(pid) for pid in pids] == [0] * PROCESSES, installation.log

    with reading() as session:
        numbers = sorted(session.scalars(select(Ticket.number)))
    total = PROCESSES * INCIDENTS
    assert numbers == [f"TKT-{number:06d}" for number in range(1, total + 1)], "none is missing"
    for connection_id in [first, *others]:
        assert installation.count(Ticket, Ticket.connection_id == connection_id) == INCIDENTS
    runs = installation.runs()
    assert sorted(run.connection_id for run in runs) == [first, *others]
    overlapping = max(run.started_at for run in runs) < min(run.finished_at for run in runs)
    assert overlapping or len({run.started_at for run in runs}) == PROCESSES
