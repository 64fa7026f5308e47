"""What the triage of a desk of 100,000 tickets adds: indicators, checklists, links, files, times.

About 300,000 indicators: some are of one ticket alone, some of a handful, and a few of thousands,
such as the address of a rented server that half of the clients talked to.
"""

import hashlib
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from tests.support.desk_data import demo_account
from webapp.domain.incident import raw_text
from webapp.domain.runbooks.runbook_text import steps_of
from webapp.domain.triage.close_reasons import CloseReason
from webapp.domain.triage.indicator_kinds import FoundIndicator, IndicatorKind
from webapp.models import (
    Attachment,
    AttachmentContent,
    BellItem,
    Indicator,
    Priority,
    Runbook,
    TicketLink,
    TicketRunbook,
    TicketStep,
    TicketWatcher,
    TimeTarget,
)

REPORT_EVERY = 100
"""Each so many tickets has its whole report, those whose number ends with REPORT_AT."""

REPORT_AT = 7
TOUCH_WITHIN, CLOSE_WITHIN = timedelta(hours=4), timedelta(days=3)
SHARED_DOMAINS, SHARED_ADDRESSES, SHARED_HASHES = 300, 4_000, 9_000
FREQUENT_ADDRESS = "203.0.113.77"
"""An address that each fortieth ticket names."""

_ROWS_AT_ONCE = 10_000


def times_of(n: int, now: datetime, created: datetime, *, is_open: bool) -> dict[str, Any]:
    """When the ticket with this id is due, whether it waits, and why it was closed.

    Most open tickets of a desk of three years are overdue; each fourth is not.
    """
    start = created if n % 40 else now
    is_waiting = is_open and n % 200 == 0
    due = start + (TOUCH_WITHIN if n % 3 == 0 else CLOSE_WITHIN)
    reasons = list(CloseReason)
    return {
        "touch_due_at": start + TOUCH_WITHIN,
        "close_due_at": start + CLOSE_WITHIN,
        "due_at": due if is_open and not is_waiting else None,
        "waiting_until": now + timedelta(days=1 + n % 5) if is_waiting else None,
        "close_reason": reasons[n % len(reasons)] if not is_open and n % 9 == 0 else None,
    }


def report_text_of(n: int, threat: str) -> str:
    """What the search knows of the report of the ticket with this id."""
    return (
        f"Delete the scheduled task {threat}Update{n % 700} Reset the password of user{n % 9_000}"
        f" Isolate HOST-{n % 12_000:05d} Remove C:\\Users\\user{n % 9_000}\\AppData\\Roaming\\"
        f"{n % 4_001:x}\\{threat.replace(' ', '').lower()}.exe and its service; ask the user what"
        " was opened. A person has to confirm that the mailbox rules are gone."
    )


def whole_report(now: datetime) -> str:
    """The longest report of the simulated account, as it is kept."""
    return max(map(raw_text, demo_account(now).incident_rows.values()), key=len)


def fill_triage(session: Session, tickets: int, user_ids: list[int], now: datetime) -> None:
    """Write what belongs to the tickets with the ids from 1 to `tickets`; triggers are off."""
    _in_pieces(session, Indicator, _indicators(tickets))
    _in_pieces(session, TicketWatcher, _watchers(tickets, user_ids, now))
    _in_pieces(session, TicketLink, _links(tickets, now))
    _add_files(session, tickets, now)
    _add_checklists(session, tickets, user_ids, now)
    _in_pieces(session, BellItem, _bell(tickets, user_ids, now))
    for priority_id in session.scalars(select(Priority.id)):
        session.add(
            TimeTarget(
                priority_id=priority_id,
                touch_minutes=int(TOUCH_WITHIN.total_seconds()) // 60,
                close_minutes=int(CLOSE_WITHIN.total_seconds()) // 60,
                is_around_the_clock=True,
            )
        )


def _in_pieces(session: Session, model: Any, rows: Iterator[dict[str, Any]]) -> None:
    waiting = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == _ROWS_AT_ONCE:
            session.execute(insert(model), waiting)
            waiting = []
    if waiting:
        session.execute(insert(model), waiting)


def _indicators(tickets: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(6)
    for n in range(1, tickets + 1):
        found = list(_found(n, chance))[: chance.randrange(1, 6)]
        if n % 40 == 0:
            found[0] = FoundIndicator(IndicatorKind.IP, FREQUENT_ADDRESS)
        for one in dict.fromkeys(found):
            yield {"ticket_id": n, "kind": one.kind, "value": one.value, "key": one.key}


def _found(n: int, chance: random.Random) -> Iterator[FoundIndicator]:
    """Five indicators; the first of their lists are named far more often than the last."""
    address = int(SHARED_ADDRESSES * chance.random() ** 2)
    ending = f"{address // 250}.{address % 250}"
    yield FoundIndicator(IndicatorKind.IP, f"198.{18 + address % 2}.{ending}")
    yield FoundIndicator(IndicatorKind.SHA256, _hash(n))
    domain = int(SHARED_DOMAINS * chance.random() ** 3)
    yield FoundIndicator(IndicatorKind.DOMAIN, f"cdn{domain}.update-service{domain % 7}.example")
    yield FoundIndicator(
        IndicatorKind.PATH, f"C:\\Users\\user{n % 9_000}\\AppData\\{n % 997:x}.exe"
    )
    yield FoundIndicator(
        IndicatorKind.SHA256, _hash(-1 - int(SHARED_HASHES * chance.random() ** 2))
    )


def _hash(n: int) -> str:
    return hashlib.sha256(str(n).encode()).hexdigest()


def _watchers(tickets: int, user_ids: list[int], now: datetime) -> Iterator[dict[str, Any]]:
    for n in range(10, tickets + 1, 10):
        for place in range(1 + n // 10 % 3):
            user_id = user_ids[(n // 10 + place) % len(user_ids)]
            yield {"ticket_id": n, "user_id": user_id, "created_at": now}


def _links(tickets: int, now: datetime) -> Iterator[dict[str, Any]]:
    """Pairs, duplicates, and cases of eight parts."""
    for n in range(100, tickets - 100, 50):
        yield {"from_id": n, "to_id": n + 7, "kind": "related", "created_at": now}
        yield {"from_id": n + 9, "to_id": n, "kind": "duplicate", "created_at": now}
    for n in range(500, tickets - 100, 500):
        for part in range(8):
            yield {"from_id": n + 21 + part, "to_id": n + 20, "kind": "part", "created_at": now}


def _add_files(session: Session, tickets: int, now: datetime) -> None:
    """Files on each twentieth ticket; a content stands for ten of them, and its bytes are away."""
    contents = [
        {"sha256": _hash(n), "size": 1_000 + n, "created_at": now} for n in range(tickets // 200)
    ]
    session.execute(insert(AttachmentContent), contents)
    rows = (
        {
            "ticket_id": n,
            "sha256": contents[n // 20 % len(contents)]["sha256"],
            "name": f"screenshot {n % 77}.png",
            "created_at": now,
        }
        for n in range(7, tickets + 1, 20)
    )
    _in_pieces(session, Attachment, rows)


def _add_checklists(session: Session, tickets: int, user_ids: list[int], now: datetime) -> None:
    """A checklist for every second open ticket and each hundredth closed one, half of it done."""
    books = session.scalars(select(Runbook).order_by(Runbook.id)).all()
    steps = [len(steps_of(book.body)) for book in books]
    ids = [n for n in range(1, tickets + 1) if n % 20 == 0 or n % 100 == REPORT_AT]
    lists = (
        {
            "id": place,
            "ticket_id": n,
            "runbook_id": books[n % len(books)].id,
            "name": books[n % len(books)].name,
            "version": 1,
            "body": books[n % len(books)].body,
            "attached_at": now,
        }
        for place, n in enumerate(ids, 1)
    )
    _in_pieces(session, TicketRunbook, lists)
    done = (
        {
            "ticket_runbook_id": place,
            "position": position,
            "done_at": now,
            "done_by_id": user_ids[place % len(user_ids)],
        }
        for place, n in enumerate(ids, 1)
        for position in range(steps[n % len(books)] // 2)
    )
    _in_pieces(session, TicketStep, done)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(
            text("SELECT setval(pg_get_serial_sequence('ticket_runbooks', 'id'), :last)"),
            {"last": len(ids)},
        )


def _bell(tickets: int, user_ids: list[int], now: datetime) -> Iterator[dict[str, Any]]:
    """Two thousand for each person, of which few are unread."""
    for user_id in user_ids:
        for n in range(2_000):
            yield {
                "user_id": user_id,
                "ticket_id": 1 + (n * 37 + user_id) % tickets,
                "actor_id": user_ids[n % len(user_ids)],
                "kind": "watched",
                "created_at": now - timedelta(minutes=n),
                "read_at": now if n > 20 else None,
            }
