"""What every page says at its top wherever polling is not well."""

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.domain.polling_health import Judgement, State, Tone
from webapp.services.connections.connection_health import ConnectionHealth
from webapp.services.operations.watch_queue import recent_queue_status
from webapp.services.schedule.judge_polling import JudgedConnection, judge_connections

SHOWN_CONNECTIONS = 2


@dataclass(frozen=True, slots=True)
class Banner:
    """What is not well: connections, the worst first, and what keeps all of them from being polled.

    `problem` is a sentence about the job queue, a worker or the scheduler; None where they run or
    are not needed. `more` counts the connections that are left out for brevity.
    """

    problem: str | None
    connections: Sequence[JudgedConnection | ConnectionHealth]
    more: int

    @property
    def is_bad(self) -> bool:
        """Whether something is wrong; otherwise polling is only stopped on purpose."""
        return self.problem is not None or self.connections[0].judgement.tone is Tone.BAD


def read_banner() -> Banner | None:
    """Return what is not well with polling, None if all is well; one statement, never a wait."""
    return banner_of(judge_connections())


def banner_of(judged: Sequence[JudgedConnection | ConnectionHealth]) -> Banner | None:
    """`read_banner` of connections that were read already."""
    ill = [one for one in judged if not one.judgement.is_well]
    ill.sort(key=lambda one: one.judgement.tone is not Tone.BAD)
    needs_workers = any(one.judgement.needs_workers for one in judged)
    problem = _queue_problem() if needs_workers else None
    if not ill and problem is None:
        return None
    return Banner(problem, ill[:SHOWN_CONNECTIONS], len(ill[SHOWN_CONNECTIONS:]))


def what_stops_polls(judgement: Judgement) -> str | None:
    """What keeps a connection from being polled although it is well itself, None if nothing does.

    It is a sentence about the job queue, a worker or the scheduler; see Banner.problem.
    """
    is_well = judgement.state in (State.COMPLETED, State.PENDING)
    return _queue_problem() if is_well and judgement.needs_workers else None


def _queue_problem() -> str | None:
    status = recent_queue_status()
    return status.problem if status else None


def are_polls_well() -> bool:
    """Whether no connection that was started and is not stopped is overdue or in error."""
    return not any(one.is_started and one.judgement.tone is Tone.BAD for one in judge_connections())
