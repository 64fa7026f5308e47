"""Whom a step of a policy tells: targets, whoever is on call, or all people."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from webapp.domain.notices.policy import StepRule
from webapp.domain.notices.target_kinds import KINDS, Kind, TargetKind
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
        return _traits(self.kind).is_machine

    @property
    def takes_all(self) -> bool:
        """Whether it gets every event singly and at once, whatever the hours."""
        return _traits(self.kind).takes_all


@lru_cache(maxsize=len(Kind))  # it is asked for every row
def _traits(kind: str) -> TargetKind:
    return KINDS[Kind(kind)]


@dataclass
class RecipientBook:
    """The recipients as they are at `now`, read once for a transaction."""

    session: Session
    now: datetime
    _known: dict[tuple[StepRule, datetime], tuple[Recipient, ...]] = field(default_factory=dict)
    _on_call: dict[datetime, int | None] = field(default_factory=dict)

    def of(self, step: StepRule, at: datetime | None = None) -> tuple[Recipient, ...]:
        """Return whom `step` tells, each target once; `at` (default: now) is when they are told."""
        told_at = at or self.now
        if (step, told_at) not in self._known:
            found = tuple(one for one in self._all if self._is_told(step, one, told_at))
            self._known[step, told_at] = found
        return self._known[step, told_at]

    def _is_told(self, step: StepRule, one: Recipient, at: datetime) -> bool:
        """A step that tells everybody names the targets of its policy (see `read_rules`)."""
        if one.target_id in step.target_ids:
            return True
        if one.person_id is None:
            return False
        return step.tells_everybody or (
            step.tells_on_call and one.person_id == self._who_is_on_call(at)
        )

    @cached_property
    def _all(self) -> tuple[Recipient, ...]:
        return find_recipients(self.session)

    def _who_is_on_call(self, at: datetime) -> int | None:
        if at not in self._on_call:
            person = who_is_on_call(self.session, at)
            self._on_call[at] = None if person is None else person.id
        return self._on_call[at]


def find_recipients(session: Session, *conditions: ColumnElement[bool]) -> tuple[Recipient, ...]:
    """Return the targets that fit `conditions`, without contact methods that cannot be used."""
    rows = session.execute(
        select(Target.id, Target.name, Target.kind, Target.user_id, Target.paused_at, User.name)
        .outerjoin(User, User.id == Target.user_id)
        .where(
            *conditions,
            or_(Target.user_id.is_(None), Target.confirmed_at.is_not(None) & User.may_work),
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
