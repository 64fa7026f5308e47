"""Verifying the audit log: every link is computed again from what is stored, in constant memory."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Row, func, select

from webapp.domain.security.chain import ChainEnd, LinkedEvent, link_text
from webapp.domain.security.chain_check import (
    StoredEvent,
    StoredLink,
    find_change,
    find_gap,
    is_out_of_order,
    out_of_order_words,
)
from webapp.models import AuditEvent, AuditForward, AuditLink, AuditSeal
from webapp.services.audit_trail.chain_end import read_pruned_end
from webapp.services.audit_trail.missing_triggers import list_missing_triggers, missing_words
from webapp.services.audit_trail.prune_events import PRUNED
from webapp.services.audit_trail.redact_events import REDACTED
from webapp.services.errors import FieldError
from webapp.services.transactions import reading

BATCH = 1_000
MOST_SENTENCES = 50
MOST_WALKS = 3
"""Retention may delete links during a walk; it begins again then."""

HASH_LENGTH = 64


@dataclass(slots=True)
class ChainReport:
    """What verifying found: `problems` say what was tampered with, `remarks` what to look at.

    Of each the first 50 are kept. `end` is the last link. `waiting` is how many events have no link
    yet, the oldest of `waiting_since` (UTC). Links up to `pruned` were deleted by retention.
    """

    end: ChainEnd = field(default_factory=ChainEnd)
    pruned: int = 0
    links: int = 0
    problems: list[str] = field(default_factory=list)
    problem_count: int = 0
    remarks: list[str] = field(default_factory=list)
    waiting: int = 0
    waiting_since: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing was tampered with."""
        return self.problem_count == 0

    def note(self, problem: str | None) -> None:
        """Add a problem, if there is one."""
        if problem is not None:
            self.problem_count += 1
            if len(self.problems) < MOST_SENTENCES:
                self.problems.append(problem)

    def remark(self, sentence: str) -> None:
        """Add something to look at."""
        if len(self.remarks) < MOST_SENTENCES:
            self.remarks.append(sentence)

    def as_dict(self) -> dict[str, object]:
        """Return the JSON document of `audit verify --json`."""
        return {
            "whole": self.is_whole,
            "links": self.links,
            "position": self.end.position,
            "hash": self.end.hash,
            "deleted_by_retention": self.pruned,
            "problems": self.problems,
            "problem_count": self.problem_count,
            "remarks": self.remarks,
            "waiting": self.waiting,
            "waiting_since": self.waiting_since.isoformat() if self.waiting_since else None,
        }


@dataclass(frozen=True, slots=True)
class _Seal:
    """A place of the chain that somebody has noted, and what it was called.

    `is_ours` says that it is kept here, and not from elsewhere.
    """

    hash: str | None
    words: str
    is_ours: bool = True


_Seals = Mapping[int, Sequence[_Seal]]


def verify_chain(known_seals: Sequence[str] = ()) -> ChainReport:
    """Compute every link again and compare the chain with its seals.

    `known_seals` are seals that were kept elsewhere, as `POSITION:HASH`; FieldError if one does not
    look like that.
    """
    given = [_parse_seal(one) for one in known_seals]
    for _ in range(MOST_WALKS):
        report = _walk(_by_position([*_read_seals(), *given]))
        with reading() as session:
            pruned, missing = read_pruned_end(session), list_missing_triggers(session)
        if pruned.position == report.pruned:
            break
    report.note(missing_words(missing))
    _look_at_pruning(report, pruned)
    _look_at_waiting(report)
    _look_at_redactions(report)
    return report


def list_chain_lines(after: int = 0) -> Iterator[tuple[int, str, str]]:
    """Yield position, stored hash and line of every link after `after`, for others to compute.

    The line of an event that is gone is empty. The SHA-256 of a line is the hash, if all is well.
    """
    with reading() as session:
        before = read_pruned_end(session)
    for link, event in _read_links(before.position):
        if link.position > after:
            text = (
                ""
                if event is None
                else link_text(before, event.linked, link.details_digest, link.chained_at)
            )
            yield link.position, link.hash, text
        before = ChainEnd(link.position, link.hash)


def _by_position(seals: Iterable[tuple[int, _Seal]]) -> _Seals:
    found: dict[int, list[_Seal]] = defaultdict(list)
    for position, seal in seals:
        found[position].append(seal)
    return found


def _walk(seals: _Seals) -> ChainReport:
    with reading() as session:
        pruned = read_pruned_end(session)
    report = ChainReport(end=pruned, pruned=pruned.position)
    _compare(report, seals.get(pruned.position, ()))
    newest: datetime | None = None
    for link, event in _read_links(pruned.position):
        gap = find_gap(report.end, link)
        report.note(gap)
        report.note(find_change(report.end if gap is None else None, link, event))
        if event is not None:
            if is_out_of_order(newest, event):
                report.remark(out_of_order_words(event))
            newest = max(newest or event.linked.happened_at, event.linked.happened_at)
        report.end = ChainEnd(link.position, link.hash)
        report.links += 1
        _compare(report, seals.get(link.position, ()))
    _look_beyond(report, seals)
    return report


def _compare(report: ChainReport, seals: Sequence[_Seal]) -> None:
    for seal in seals:
        if seal.hash not in (None, report.end.hash):
            report.note(
                f"Link {report.end.position} is not the one that was sealed: {seal.words} names"
                " another hash, so the chain was written anew."
            )


def _look_beyond(report: ChainReport, seals: _Seals) -> None:
    """Look at the seals of links that are not there: behind the end, or deleted by retention."""
    for position, found in seals.items():
        for seal in found:
            if position > report.end.position:
                report.note(
                    f"The end was cut off: {seal.words} names link {position}, but the chain ends"
                    f" at {report.end.position}."
                )
            elif position < report.pruned and not seal.is_ours:
                report.remark(
                    f"{seal.words.capitalize()} names link {position}, which retention has"
                    f" deleted with all up to {report.pruned}: nothing is left to compare it with."
                )


def _read_links(position: int) -> Iterator[tuple[StoredLink, StoredEvent | None]]:
    """Every link after `position`, with its event; a batch at a time."""
    event, link = AuditEvent.__table__.c, AuditLink.__table__.c
    statement = (
        select(*(column.label(f"link_{column.name}") for column in link), *event)
        .select_from(AuditLink.__table__.outerjoin(AuditEvent.__table__, event.id == link.event_id))
        .order_by(link.position)
        .limit(BATCH)
    )
    while True:
        with reading() as session:
            rows = session.execute(statement.where(link.position > position)).all()
        for row in rows:
            yield _stored_link(row), _stored_event(row)
        if len(rows) < BATCH:
            return
        position = rows[-1].link_position


def _stored_link(row: Row[tuple[object, ...]]) -> StoredLink:
    return StoredLink(
        position=row.link_position,
        event_id=row.link_event_id,
        details_salt=row.link_details_salt,
        details_digest=row.link_details_digest,
        hash=row.link_hash,
        chained_at=row.link_chained_at,
    )


def _stored_event(row: Row[tuple[object, ...]]) -> StoredEvent | None:
    if row.id is None:
        return None
    linked = LinkedEvent(
        id=row.id,
        happened_at=row.happened_at,
        actor_id=row.actor_id,
        action=row.action,
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        address=row.address,
        session_ref=row.session_ref,
        device_ref=row.device_ref,
    )
    return StoredEvent(linked, row.before, row.after, row.redacted_at)


def _read_seals() -> list[tuple[int, _Seal]]:
    """The places that our own seals and bookmarks name."""
    with reading() as session:
        bookmarks = session.scalars(select(AuditForward)).all()
        seals = session.execute(select(AuditSeal.position, AuditSeal.hash, AuditSeal.day)).all()
    return [
        *((one.position, _Seal(one.hash, f"the bookmark of {one.receiver}")) for one in bookmarks),
        *((one.position, _Seal(one.hash, f"the seal of {one.day}")) for one in seals),
    ]


def _parse_seal(text: str) -> tuple[int, _Seal]:
    position, _, digest = text.strip().partition(":")
    is_number = position.isascii() and position.isdecimal() and len(position) <= 18
    is_hash = len(digest) == HASH_LENGTH and set(digest.lower()) <= set("0123456789abcdef")
    if not (is_number and is_hash):
        sentence = "A seal is POSITION:HASH, for example 4711: and 64 digits from 0 to f."
        raise FieldError({"seal": sentence})
    return int(position), _Seal(digest.lower(), "the seal that was given", is_ours=False)


def _look_at_pruning(report: ChainReport, pruned: ChainEnd) -> None:
    """Look for the event that tells of the last deletion; retention always keeps that one."""
    if pruned.position == 0:
        return
    with reading() as session:
        told = session.scalars(select(AuditEvent.after).where(AuditEvent.action == PRUNED)).all()
    is_told = any(
        ((after or {}).get("position"), (after or {}).get("hash")) == (pruned.position, pruned.hash)
        for after in told
    )
    if not is_told:
        report.note(
            f"The links up to {pruned.position} and their events were deleted, and no event tells"
            " of it."
        )


def _look_at_waiting(report: ChainReport) -> None:
    """Count the events without a link."""
    with reading() as session:
        report.waiting, report.waiting_since = session.execute(
            select(
                func.count(),
                func.min(AuditEvent.happened_at, type_=AuditEvent.happened_at.type),
            )
            .select_from(AuditEvent)
            .outerjoin(AuditLink, AuditLink.event_id == AuditEvent.id)
            .where(AuditLink.event_id.is_(None))
        ).one()


def _look_at_redactions(report: ChainReport) -> None:
    """Compare the erased details with the events that tell of each erasure."""
    with reading() as session:
        erased = session.execute(
            select(AuditEvent.redacted_at, func.count())
            .where(AuditEvent.redacted_at.is_not(None))
            .group_by(AuditEvent.redacted_at)
        ).all()
        for moment, count in erased:
            told = session.scalars(
                select(AuditEvent.after).where(
                    AuditEvent.action == REDACTED, AuditEvent.happened_at == moment
                )
            ).all()
            explained = sum((after or {}).get("events", 0) for after in told)
            if count > explained:
                report.note(
                    f"The details of {count - explained:,} events were erased on"
                    f" {moment:%Y-%m-%d at %H:%M:%S} UTC, and no event tells of it."
                )
