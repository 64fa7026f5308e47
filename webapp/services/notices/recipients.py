"""Whom a step of a policy tells: targets, whoever is on call, or all people."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from webapp.domain.notices.policy import StepRule
from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.models import Target, User
from webapp.services.on_call.who_is_on_call import who_is_on_call


@dataclass(frozen=True, slots=True)
class Recipient:
    """A target to write a row for; `person_id` is whose contact method it is."""

    target_id: int
    name: str
    kind: str
    person_id: int | None
    is_paused: bool

    @property
    def is_machine(self) -> bool:
        """Whether it gets every event singly."""
        return KINDS[Kind(self.kind)].is_machine

    @property
    def takes_all(self) -> bool:
        """Whether it gets every event singly and at once, whatever the hours."""
        return KINDS[Kind(self.kind)].takes_all


@dataclass
class RecipientBook:
    """The recipients as they are at `now`, each kind of step read once for a transaction."""

    session: Session
    now: datetime
    _known: dict[StepRule, tuple[Recipient, ...]] = field(default_factory=dict)

    def of(self, step: StepRule) -> tuple[Recipient, ...]:
        """Return whom `step` tells, each target once."""
        if step not in self._known:
            self._known[step] = self._read(step)
        return self._known[step]

    def _read(self, step: StepRule) -> tuple[Recipient, ...]:
        conditions: list[ColumnElement[bool]] = []
        if step.target_ids:
            conditions.append(Target.id.in_(step.target_ids))
        if step.tells_on_call:
            person = who_is_on_call(self.session, self.now)
            if person is not None:
                conditions.append(Target.user_id == person.id)
        if step.tells_everybody:  # its policy's targets are named by it, see `read_rules`
            conditions.append(Target.user_id.is_not(None))
        return find_recipients(self.session, conditions)


def find_recipients(
    session: Session, conditions: Iterable[ColumnElement[bool]]
) -> tuple[Recipient, ...]:
    """Return the targets that fit any of `conditions`, without unconfirmed contact methods."""
    wanted = list(conditions)
    if not wanted:
        return ()
    rows = session.execute(
        select(Target.id, Target.name, Target.kind, Target.user_id, Target.paused_at, User.name)
        .outerjoin(User, User.id == Target.user_id)
        .where(
            or_(*wanted),
            or_(Target.user_id.is_(None), Target.confirmed_at.is_not(None) & User.is_active),
        )
        .order_by(Target.id)
    )
    return tuple(
        Recipient(
            target_id=key,
            name=name if person is None else f"{person}: {name}",
            kind=kind,
            person_id=person_id,
            is_paused=paused_at is not None,
        )
        for key, name, kind, person_id, paused_at, person in rows
    )
