"""Muting a client: its tickets are made and marked, and nobody is told of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.untrusted import clean_line
from webapp.models import Client, ClientMute, Escalation, Ticket, User
from webapp.models.columns import NAME_LENGTH
from webapp.services.audit import record_event
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import get_row
from webapp.services.notices.settle import hold_for_client, release_for_client
from webapp.services.transactions import NO_SYNC, reading, transaction

LONGEST_MUTE = timedelta(days=90)
SHOWN_ENDED = 20


@dataclass(frozen=True, slots=True)
class MuteRow:
    """A mute with the names that pages show."""

    mute: ClientMute
    client: str
    by: str | None

    @property
    def holds(self) -> bool:
        """Whether it still mutes the client."""
        return self.mute.ended_at is None and self.mute.until > clock.utcnow()

    def as_dict(self) -> dict[str, Any]:
        """The mute for `--json`; times are UTC."""
        mute = self.mute
        return {
            "id": mute.id,
            "client_id": mute.client_id,
            "client": self.client,
            "until": mute.until.isoformat(),
            "reason": mute.reason,
            "by": self.by,
            "starts_at": mute.starts_at.isoformat(),
            "ended_at": None if mute.ended_at is None else mute.ended_at.isoformat(),
        }


def mute_client(
    client_id: int,
    until: datetime | None,
    *,
    reason: str | None = None,
    actor_id: int | None = None,
) -> ClientMute:
    """Mute a client until a time (UTC); one that is muted gets the new end and reason.

    Raises FieldError for an end that has passed or is too far away, and NotFoundError.
    """
    now = clock.utcnow()
    ends_at = _read_end(until, now)
    words = clean_line(reason, NAME_LENGTH)
    with transaction() as session:
        _get_client(session, client_id)
        mute = _find_mute(session, client_id, now)
        before = None if mute is None else {"until": mute.until, "reason": mute.reason}
        if mute is None:
            mute = ClientMute(client_id=client_id, starts_at=now, created_by_id=actor_id)
            session.add(mute)
        elif ends_at < mute.until:
            _end_earlier(session, client_id, mute.until, ends_at)
        mute.until, mute.reason = ends_at, words
        hold_for_client(session, client_id, ends_at)
        record_event(
            session,
            action="client.muted",
            subject_type="client",
            subject_id=client_id,
            before=before,
            after={"until": ends_at, "reason": words},
            actor_id=actor_id,
        )
        return mute


def end_mute(client_id: int, *, actor_id: int | None = None) -> None:
    """End a client's mute now. Raises NotFoundError, and RefusedError if it is not muted."""
    now = clock.utcnow()
    with transaction() as session:
        client = _get_client(session, client_id)
        mute = _find_mute(session, client_id, now)
        if mute is None:
            raise RefusedError(f"{client.name} is not muted.")
        mute.ended_at, mute.ended_by_id = now, actor_id
        _end_earlier(session, client_id, mute.until, now)
        _record_end(session, client_id, mute.until, actor_id)


def record_ended_mutes(now: datetime) -> int:
    """Record the mutes that have ended by their time, each once; returns how many they are."""
    with reading() as session:
        if session.scalar(select(ClientMute.id).where(*_has_run_out(now)).limit(1)) is None:
            return 0
    with transaction() as session:
        ended = session.execute(
            update(ClientMute)
            .where(*_has_run_out(now))
            .values(ended_at=ClientMute.until)
            .returning(ClientMute.client_id, ClientMute.until),
            execution_options=NO_SYNC,
        ).all()
        for client_id, until in ended:
            _record_end(session, client_id, until, None)
    return len(ended)


def list_mutes(*, with_ended: bool = False) -> list[MuteRow]:
    """Return the mutes that hold now, the first to end first; `with_ended` adds the last others."""
    now = clock.utcnow()
    with reading() as session:
        rows = _read(session, _holds(now), ClientMute.until.asc())
        if with_ended:
            is_over = (ClientMute.until <= now) | ClientMute.ended_at.is_not(None)
            rows += _read(session, [is_over], ClientMute.id.desc(), SHOWN_ENDED)
        return rows


def find_mute(client_id: int) -> MuteRow | None:
    """Return the mute of a client that holds now."""
    with reading() as session:
        is_it = [*_holds(clock.utcnow()), ClientMute.client_id == client_id]
        return next(iter(_read(session, is_it, ClientMute.id.desc())), None)


def find_client(name: str) -> int:
    """Return the id of the client with this name, regardless of case; raises FieldError."""
    with reading() as session:
        query = select(Client.id).where(func.lower(Client.name) == name.strip().lower())
        found = session.scalars(query.order_by(Client.is_active.desc(), Client.id)).first()
    if found is None:
        raise FieldError({"client": f"There is no client named {name.strip()}."})
    return found


def _read_end(until: datetime | None, now: datetime) -> datetime:
    if until is None:
        raise FieldError({"until": "Enter a day and a time."})
    if until <= now:
        raise FieldError({"until": "This time has passed already."})
    if until > now + LONGEST_MUTE:
        days = LONGEST_MUTE.days
        raise FieldError({"until": f"A client can be muted for at most {days} days."})
    return until


def _get_client(session: Session, client_id: int) -> Client:
    """Return the client, locked, so that two people cannot mute it at the same time."""
    return get_row(session, Client, client_id, f"There is no client {client_id}.", lock=True)


def _find_mute(session: Session, client_id: int, now: datetime) -> ClientMute | None:
    query = select(ClientMute).where(ClientMute.client_id == client_id, *_holds(now))
    return session.scalars(query.order_by(ClientMute.id.desc()).with_for_update()).first()


def _end_earlier(session: Session, client_id: int, old_end: datetime, due_at: datetime) -> None:
    """Let escalations and messages of the client go on at `due_at` that wait for the old end."""
    tickets = select(Ticket.id).where(Ticket.client_id == client_id)
    session.execute(
        update(Escalation)
        .where(
            Escalation.ended_at.is_(None),
            Escalation.due_at == old_end,
            Escalation.ticket_id.in_(tickets),
        )
        .values(due_at=due_at),
        execution_options=NO_SYNC,
    )
    release_for_client(session, client_id, held=old_end, at=due_at)


def _holds(now: datetime) -> list[Any]:
    return [ClientMute.until > now, ClientMute.ended_at.is_(None)]


def _has_run_out(now: datetime) -> list[Any]:
    return [ClientMute.until <= now, ClientMute.ended_at.is_(None)]


def _read(
    session: Session, conditions: Sequence[Any], order: Any, limit: int = 1_000
) -> list[MuteRow]:
    query = (
        select(ClientMute, Client.name, User.name)
        .join(Client, Client.id == ClientMute.client_id)
        .outerjoin(User, User.id == ClientMute.created_by_id)
        .where(*conditions)
        .order_by(order, ClientMute.id)
        .limit(limit)
    )
    return [MuteRow(*row) for row in session.execute(query)]


def _record_end(session: Session, client_id: int, until: datetime, actor_id: int | None) -> None:
    record_event(
        session,
        action="client.unmuted",
        subject_type="client",
        subject_id=client_id,
        before={"until": until},
        actor_id=actor_id,
    )
