"""What in the audit log needs a look: guessing, refusals, a broken chain, what did not leave."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.config.audit import AuditSettings
from webapp.domain.security.events import (
    FAILED_PROOFS,
    FAILURES,
    GLASS_BROKEN,
    TRAIL_BROKEN,
)
from webapp.models import AuditEvent, AuditForward, AuditLink, AuditSeal, User
from webapp.services.audit_trail.chain_events import read_chain_floor
from webapp.services.audit_trail.check_daily import read_last_verification
from webapp.services.audit_trail.missing_triggers import list_missing_triggers, missing_words
from webapp.services.lookups import LARGEST_ID

WITHIN = timedelta(days=1)
MOST_FAILURES_OF_AN_ACCOUNT = 20
MOST_REFUSALS_OF_AN_ADDRESS = 50
UNCHAINED_AFTER = timedelta(minutes=10)
"""Events are chained within a minute, by a timer's `poll --due` as well."""

UNVERIFIED_AFTER = timedelta(days=2)
UNSENT_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something to look at, in a sentence; `about` tells several of one kind apart."""

    about: str
    sentence: str


def find_guessed_accounts(session: Session, now: datetime) -> Iterator[Suspicion]:
    """Yield accounts at which signing in, a factor or a confirmation failed 20 times in a day."""
    count = func.count()
    rows = session.execute(
        select(AuditEvent.subject_id, count)
        .where(
            AuditEvent.happened_at > now - WITHIN,
            AuditEvent.action.in_(FAILED_PROOFS),
            AuditEvent.subject_type == "user",
            AuditEvent.subject_id.is_not(None),
        )
        .group_by(AuditEvent.subject_id)
        .having(count >= MOST_FAILURES_OF_AN_ACCOUNT)
    ).all()
    names = _names(session, [key for key, _ in rows if key])
    for key, failures in rows:
        name = names.get(key or "", f"the account {key}")
        yield Suspicion(
            f"user:{key}", f"Signing in as {name} failed {failures:,} times within a day."
        )


def find_refused_addresses(session: Session, now: datetime) -> Iterator[Suspicion]:
    """Yield addresses from which 50 requests or sign-ins of strangers were refused in a day."""
    count = func.count()
    rows = session.execute(
        select(AuditEvent.address, count)
        .where(
            AuditEvent.happened_at > now - WITHIN,
            AuditEvent.action.in_(FAILURES),
            AuditEvent.actor_id.is_(None),
            AuditEvent.address.is_not(None),
        )
        .group_by(AuditEvent.address)
        .having(count >= MOST_REFUSALS_OF_AN_ADDRESS)
    )
    for address, refusals in rows:
        sentence = f"{refusals:,} requests and sign-ins from {address} were refused in a day."
        yield Suspicion(address or "", sentence)


def find_broken_glass(session: Session, now: datetime) -> Iterator[Suspicion]:
    """Yield break-glass accounts that were used within a day."""
    rows = session.execute(
        select(AuditEvent.subject_id, func.count())
        .where(AuditEvent.happened_at > now - WITHIN, AuditEvent.action == GLASS_BROKEN)
        .group_by(AuditEvent.subject_id)
    ).all()
    names = _names(session, [key for key, _ in rows if key])
    for key, count in rows:
        name = names.get(key or "", f"The account {key}")
        times = "once" if count == 1 else f"{count:,} times"
        yield Suspicion(
            f"user:{key}", f"{name} signed in with a break-glass account {times} within a day."
        )


def find_broken_chain(session: Session) -> Iterator[Suspicion]:
    """Yield that the last daily verification found the log tampered with, or triggers are gone."""
    missing = missing_words(list_missing_triggers(session))
    if missing is not None:
        yield Suspicion("triggers", missing)
    last = read_last_verification(session)
    if last is not None and last.action == TRAIL_BROKEN:
        first = (last.after or {}).get("first_problem", "")
        yield Suspicion("", f"The audit log was tampered with. {first}".strip())


def find_unverified(session: Session, now: datetime) -> Iterator[Suspicion]:
    """Yield that the last daily verification is days away, back or, by a wrong clock, ahead."""
    last = read_last_verification(session)
    if last is not None and abs(now - last.happened_at) > UNVERIFIED_AFTER:
        when = f"{last.happened_at:%Y-%m-%d %H:%M} UTC"
        yield Suspicion(
            "verification", f"The audit log is verified daily; the last time is {when}."
        )


def find_unchained(session: Session, now: datetime) -> Iterator[Suspicion]:
    """Yield that events have been waiting for their links, also such as were committed late."""
    oldest = session.scalar(
        select(func.min(AuditEvent.happened_at, type_=AuditEvent.happened_at.type))
        .outerjoin(AuditLink, AuditLink.event_id == AuditEvent.id)
        .where(AuditEvent.id > read_chain_floor(session), AuditLink.event_id.is_(None))
    )
    if oldest is not None and now - oldest > UNCHAINED_AFTER:
        minutes = (now - oldest) // timedelta(minutes=1)
        yield Suspicion(
            "chain", f"Events of the audit log have been waiting for their links {minutes:,} min."
        )


def find_unsent(session: Session, settings: AuditSettings, now: datetime) -> Iterator[Suspicion]:
    """Yield that a seal or events should have left the machine and have not."""
    if settings.seal is not None:
        seal = session.scalars(
            select(AuditSeal)
            .where(AuditSeal.sent_at.is_(None), AuditSeal.sealed_at < now - UNSENT_AFTER)
            .order_by(AuditSeal.day)
            .limit(1)
        ).one_or_none()
        if seal is not None:
            why = f" {seal.error}" if seal.error else ""
            yield Suspicion("seal", f"The seal of {seal.day} has not left this machine.{why}")
    if settings.forward is not None:
        yield from _find_unforwarded(session, str(settings.forward), now)


def _find_unforwarded(session: Session, receiver: str, now: datetime) -> Iterator[Suspicion]:
    mark = session.scalars(
        select(AuditForward).where(AuditForward.receiver == receiver)
    ).one_or_none()
    oldest = session.scalar(
        select(func.min(AuditLink.chained_at, type_=AuditLink.chained_at.type)).where(
            AuditLink.position > (mark.position if mark else 0)
        )
    )
    if oldest is not None and now - oldest > UNSENT_AFTER:
        why = f" {mark.error}" if mark and mark.error else ""
        yield Suspicion("forward", f"Events have not been forwarded to {receiver}.{why}")


def _names(session: Session, keys: list[str]) -> dict[str, str]:
    numbers = [int(key) for key in keys if key.isascii() and key.isdecimal()]
    ids = [number for number in numbers if number <= LARGEST_ID]
    rows = session.execute(select(User.id, User.name).where(User.id.in_(ids)))
    return {str(key): name for key, name in rows}
