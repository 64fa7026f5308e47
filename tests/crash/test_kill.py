"""kill -9 at any moment of a poll: nothing is lost, nothing is doubled."""

import random
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, select

from tests.support.databases import postgresql_in_soak
from tests.support.installation import Installation, Polls
from tests.support.polling import add_bulk
from tests.support.processes import is_running
from tests.support.waiting import wait_until
from webapp.clock import utcnow
from webapp.huntress.simulator import Faults
from webapp.models import Alert, Comment, InboxRow, PollRun, Status, Ticket
from webapp.services.transactions import reading

KILLS = 6
AT_ONCE = 80
"""So many incidents are new, or changed, before each poll that is to be killed."""

LONGEST_SECONDS = 0.3


def kill_polls(
    installation: Installation, polls: Polls, rng: random.Random, prepare: Callable[[int], None]
) -> int:
    """Kill KILLS polls, each a moment after its claim; returns how many were still at it."""
    killed = 0
    for number in range(KILLS):
        prepare(number)
        before = lease_token(installation)
        pid = polls.start(installation.desk.connection_id, sweep=rng.random() < 0.3)

        def has_begun(before: str | None = before, pid: int = pid) -> bool:
            return lease_token(installation) != before or not is_running(pid)

        wait_until(has_begun, 3)
        time.sleep(rng.random() * LONGEST_SECONDS)
        killed += polls.kill(pid) < 0
        if rng.random() < 0.8:
            end_lease(installation)
    return killed


def lease_token(installation: Installation) -> str | None:
    return installation.desk.connection().lease_token


def end_lease(installation: Installation) -> None:
    """As if its time had gone by."""
    installation.desk.set(lease_expires_at=utcnow())


def poll_undisturbed(installation: Installation, polls: Polls) -> None:
    for _ in range(2):
        end_lease(installation)
        assert polls.run(installation.desk.connection_id, sweep=True) == 0, installation.log


def notes_by_incident() -> dict[str, int]:
    with reading() as session:
        query = (
            select(Ticket.source_reference, func.count())
            .join(Comment, Comment.ticket_id == Ticket.id)
            .group_by(Ticket.source_reference)
        )
        return dict(session.execute(query).all())


@postgresql_in_soak
def test_killed_polls_lose_and_double_nothing(installation: Installation, polls: Polls) -> None:
    desk, rng = installation.desk, random.Random(11)
    desk.set(auto_close_tickets=True, closed_status_id=desk.closed_status_id())
    desk.simulator.faults = Faults(slow_seconds=0.01)
    closed = add_bulk(desk.account, 50, utcnow(), first_id=9_000, status="closed")
    ids: list[int] = []

    def add_some(_number: int) -> None:
        first_id, newest = len(ids) + 1, utcnow()
        step = timedelta(milliseconds=10)
        ids.extend(add_bulk(desk.account, AT_ONCE, newest, step=step, first_id=first_id))

    def change_some(number: int) -> None:
        for incident in ids[number::KILLS]:
            status = "closed" if incident % 3 == 0 else "sent"
            desk.account.update_incident(incident, now=utcnow(), status=status, summary="More.")

    killed = kill_polls(installation, polls, rng, add_some)
    poll_undisturbed(installation, polls)
    assert notes_by_incident() == {str(one): 1 for one in ids}
    assert installation.count(Alert) == len(ids) + len(closed)
    assert installation.count(InboxRow) == 0

    killed += kill_polls(installation, polls, rng, change_some)
    poll_undisturbed(installation, polls)
    assert notes_by_incident() == {str(one): 2 for one in ids}
    assert installation.count(InboxRow) == 0
    is_closed = Ticket.status_id.in_(select(Status.id).where(Status.is_closed))
    assert installation.count(Ticket, is_closed) == len([one for one in ids if one % 3 == 0])
    with reading() as session:
        numbers = list(session.scalars(select(Ticket.number)))
    assert len(numbers) == len(ids) == KILLS * AT_ONCE
    assert len(set(numbers)) == len(numbers)

    assert killed >= KILLS, "too many polls had ended before they were killed"
    assert not installation.runs(PollRun.state == "running")
    interrupted = len(installation.runs(PollRun.state == "interrupted"))
    assert KILLS / 2 <= interrupted <= killed, killed
