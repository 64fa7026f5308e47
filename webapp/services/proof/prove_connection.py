"""The proof: everything that Huntress lists of the last days, laid beside our books.

The walk goes by id and knows neither cursor nor sweep. Each page is compared when it has come; what
is unexplained goes into the inbox and on the proof's record in one transaction. A proof that is
interrupted has therefore healed and told what it found, and may be made again at any time.
"""

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.cursor_walk import Page, WalkError
from webapp.domain.detail_fetch import reserve_of
from webapp.domain.incident import Incident, parse_incident
from webapp.domain.proof import COUNTED, MOST_DAYS, PROOF_DAYS, Account, account_for
from webapp.domain.proof_walk import ProofWalk
from webapp.extensions import current_config
from webapp.huntress.client import HuntressClient
from webapp.huntress.errors import HuntressError
from webapp.models import Connection, Proof
from webapp.services.audit import record_event
from webapp.services.calls.open_client import open_client, require_credentials
from webapp.services.edition import require_enterprise
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import get_connection
from webapp.services.polling.collect_incidents import Collected, newest_by_key, read_report
from webapp.services.polling.cycle import CLOCK_TOLERANCE
from webapp.services.proof.books import Books, read_books, read_seen
from webapp.services.proof.heal import Unexplained, heal
from webapp.services.transactions import NO_SYNC, reading, transaction

LONGEST_WAIT = timedelta(minutes=10)
"""How long a proof waits for calls that nobody else needs."""

LOOKS_EVERY = 5.0
INTERRUPTED = "The proof was interrupted; what it had found by then is on record."
NO_FREE_CALLS = (
    "No call to Huntress was free for a proof: polls and other tools of the account used them up."
    " The daily proof is tried again hourly."
)

log = logging.getLogger(__name__)


class NoFreeCallsError(Exception):
    """Polls and other tools leave no call for a proof; the message is for people."""

    def __init__(self) -> None:
        super().__init__(NO_FREE_CALLS)


@dataclass
class _Walk:
    """A proof that is being made. `keys` are the incidents that were counted so far."""

    proof_id: int
    connection_id: int
    client: HuntressClient
    longest_wait: timedelta
    keys: set[str] = field(default_factory=set)


def prove_connection(
    connection_id: int,
    days: int = PROOF_DAYS,
    actor_id: int | None = None,
    *,
    longest_wait: timedelta = LONGEST_WAIT,
) -> Proof:
    """Lay every incident of the last `days` that Huntress lists beside our books.

    Incidents that no poll could have seen yet are left out. Only calls are made that are free, for
    which it waits up to `longest_wait`, and no lease is taken: polls go on meanwhile. Whatever is
    unexplained is put into the inbox at once and stays on record. Errors of Huntress are part of
    the proof (`error`). Safe to repeat and to run twice at a time.
    Raises NotFoundError, EditionError, FieldError (a number of days outside 1 to 365),
    MissingCredentialsError, and RefusedError where no poll has succeeded yet.
    """
    require_enterprise()
    if not 1 <= days <= MOST_DAYS:
        raise FieldError({"days": f"Choose 1 to {MOST_DAYS} days."})
    proof_id, connection = _begin(connection_id, days, actor_id)
    error: str | None = None
    calls = 0
    try:
        with closing(open_client(connection, current_config())) as client:
            walk = _Walk(proof_id, connection_id, client, longest_wait)
            try:
                _walk(walk, days)
            finally:
                calls = client.budget.calls
    except (SystemExit, KeyboardInterrupt):
        _finish(proof_id, INTERRUPTED, calls, actor_id)
        raise
    except HuntressError as problem:
        error = problem.sentence
    except (WalkError, NoFreeCallsError) as problem:
        error = str(problem)
    except Exception as problem:
        log.exception("the proof of connection %s failed", connection_id)
        error = f"Internal error ({type(problem).__name__}); the log has the details."
    return _finish(proof_id, error, calls, actor_id)


def _begin(connection_id: int, days: int, actor_id: int | None) -> tuple[int, Connection]:
    """Insert the proof's row and close those that were interrupted."""
    now = clock.utcnow()
    with transaction() as session:
        connection = get_connection(session, connection_id)
        require_credentials(connection)
        if read_seen(session, connection_id).until is None:
            raise RefusedError(
                "No poll of this connection has succeeded yet, so there is nothing to prove."
            )
        _close_interrupted(session, connection_id, now)
        proof = Proof(
            connection_id=connection_id,
            day=now.date(),
            days=days,
            started_at=now,
            started_by_id=actor_id,
        )
        session.add(proof)
        session.flush()
        return proof.id, connection


def _close_interrupted(session: Session, connection_id: int, now: datetime) -> None:
    session.execute(
        update(Proof)
        .where(
            Proof.connection_id == connection_id,
            Proof.finished_at.is_(None),
            Proof.started_at < now - 2 * LONGEST_WAIT,
        )
        .values(finished_at=now, error=INTERRUPTED),
        execution_options=NO_SYNC,
    )


def _walk(walk: _Walk, days: int) -> None:
    """Walk and compare page by page. Raises HuntressError, WalkError, NoFreeCallsError."""
    pages: ProofWalk | None = None
    while pages is None or not pages.is_finished:
        _wait_for_free_calls(walk.client, walk.longest_wait)
        page = walk.client.list_incident_reports(
            pages.next_token if pages else None, sort_field="id", sort_direction="desc"
        )
        if pages is None:
            pages = ProofWalk(low=page.answered_at - timedelta(days=days))
        _compare(walk, page, pages.take(page))


def _wait_for_free_calls(client: HuntressClient, longest: timedelta) -> None:
    """Wait until more calls are free than polls keep in reserve. Raises NoFreeCallsError."""
    reserve = reserve_of(current_config().huntress_calls_per_minute)
    give_up_at = clock.utcnow() + longest
    while client.budget.free_calls() <= reserve:
        if clock.utcnow() >= give_up_at:
            raise NoFreeCallsError
        clock.sleep(LOOKS_EVERY)


def _compare(walk: _Walk, page: Page, rows: Sequence[object]) -> None:
    """Count the rows of a page; heal those that are unexplained."""
    now = page.answered_at + CLOCK_TOLERANCE
    newest = newest_by_key(read_report(row, now) for row in rows)
    listed = [(row, parse_incident(row.raw)) for key, row in newest.items() if key not in walk.keys]
    if not listed:
        return
    walk.keys.update(row.key for row, _ in listed)
    with reading() as session:
        books = read_books(session, walk.connection_id, [row.key for row, _ in listed])
    counts: dict[Account, int] = dict.fromkeys(COUNTED, 0)
    suspects = _count(counts, listed, books, now)
    with transaction() as session:
        found = _look_again(session, walk.connection_id, counts, suspects, now)
        _record(session, walk, counts, [one.row.key for one in found])


def _count(
    counts: dict[Account, int],
    listed: Sequence[tuple[Collected, Incident]],
    books: Books,
    now: datetime,
) -> list[tuple[Collected, Incident]]:
    """Add up what became of the incidents; return those that seem to be unexplained."""
    suspects = []
    for row, incident in listed:
        account = account_for(incident, books.of(row.key), books.polled, now).account
        if account is Account.UNEXPLAINED:
            suspects.append((row, incident))
        elif account is not Account.NOT_DUE:
            counts[account] += 1
    return suspects


def _look_again(
    session: Session,
    connection_id: int,
    counts: dict[Account, int],
    suspects: Sequence[tuple[Collected, Incident]],
    now: datetime,
) -> list[Unexplained]:
    """Judge the suspects again while no poll writes; heal and return what is unexplained."""
    if not suspects:
        return []
    get_connection(session, connection_id, lock=True)
    books = read_books(session, connection_id, [row.key for row, _ in suspects])
    found = []
    for row, incident in suspects:
        finding = account_for(incident, books.of(row.key), books.polled, now)
        if finding.account is not Account.NOT_DUE:
            counts[finding.account] += 1
        if finding.problem is not None:
            found.append(Unexplained(row, incident, finding.problem))
    heal(session, connection_id, found, books, clock.utcnow())
    for one in found:
        log.warning(
            "connection %s: incident %s was unexplained (%s)",
            connection_id,
            one.row.key,
            one.problem.value,
        )
    return found


def _record(
    session: Session, walk: _Walk, counts: dict[Account, int], unexplained: Sequence[str]
) -> None:
    """Add a page's counts to the proof's row, so that they always add up to what was listed."""
    proof = session.get_one(Proof, walk.proof_id, populate_existing=True)
    for account, count in counts.items():
        setattr(proof, account.value, getattr(proof, account.value) + count)
    proof.listed += sum(counts.values())
    proof.healed += len(unexplained)
    proof.unexplained_ids = [*proof.unexplained_ids, *unexplained]
    proof.calls = walk.client.budget.calls


def _finish(proof_id: int, error: str | None, calls: int, actor_id: int | None) -> Proof:
    with transaction() as session:
        proof = session.get_one(Proof, proof_id, populate_existing=True)
        proof.finished_at = clock.utcnow()
        proof.error = error
        proof.calls = calls
        names = ("listed", *(account.value for account in COUNTED), "healed", "error")
        record_event(
            session,
            action="connection.proved",
            subject_type="connection",
            subject_id=proof.connection_id,
            after={name: getattr(proof, name) for name in names},
            actor_id=actor_id,
        )
        return proof
