"""Targets as their pages and commands show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.models import OutboxRow, Target, User
from webapp.models.outbox import OutboxState
from webapp.services.errors import NotFoundError
from webapp.services.notices.targets.edit_targets import (
    get_team_target,
    is_first_target,
    policies_of,
    target_version,
)
from webapp.services.notices.targets.values import Settings, settings_of, shown_settings
from webapp.services.notices.targets.webhook_secrets import count_secrets
from webapp.services.transactions import reading


class TargetState(StrEnum):
    """How a target is doing."""

    OK = "ok"
    FAILING = "failing"
    PAUSED = "paused"
    NEVER_USED = "never used"


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A target with what waits for it; `is_refused` says that the receiver's refusal paused it."""

    target: Target
    pending: int
    oldest_pending_at: datetime | None
    paused_by: str | None = None

    @property
    def kind_label(self) -> str:
        """The name of its kind."""
        return KINDS[Kind(self.target.kind)].label

    @property
    def state(self) -> TargetState:
        """How it is doing."""
        if self.target.paused_at is not None:
            return TargetState.PAUSED
        if self.target.failing_since is not None:
            return TargetState.FAILING
        return TargetState.OK if self.target.last_success_at else TargetState.NEVER_USED

    @property
    def is_refused(self) -> bool:
        """Whether it is paused because its receiver refused it."""
        return self.target.paused_at is not None and self.target.paused_by_id is None

    def as_dict(self) -> dict[str, Any]:
        """The target for `--json`; no secret is in it, and of a webhook's address only the host."""
        target = self.target
        return {
            "id": target.id,
            "name": target.name,
            "kind": target.kind,
            "state": self.state.value,
            "settings": shown_settings(target),
            "tells_alarms": target.tells_alarms,
            "tells_summaries": target.tells_summaries,
            "pending": self.pending,
            "last_success_at": _iso(target.last_success_at),
            "failing_since": _iso(target.failing_since),
            "last_answer": target.last_answer,
            "paused_at": _iso(target.paused_at),
            "pause_reason": target.pause_reason,
        }


@dataclass(frozen=True, slots=True)
class TargetView:
    """One target with everything that its page shows; an edit passes `version` back."""

    row: TargetRow
    settings: Settings
    version: str
    policies: Sequence[str]
    secrets: int


def list_targets() -> list[TargetRow]:
    """Return the targets of the team by name."""
    with reading() as session:
        targets = session.scalars(
            select(Target)
            .where(Target.user_id.is_(None))
            .order_by(func.lower(Target.name), Target.id)
            .execution_options(populate_existing=True)
        ).all()
        return _rows(session, targets)


def read_target(target_id: int) -> TargetView:
    """Return one target; raises NotFoundError."""
    with reading() as session:
        target = get_team_target(session, target_id)
        [row] = _rows(session, [target])
        return TargetView(
            row=row,
            settings=settings_of(target),
            version=target_version(target),
            policies=policies_of(session, target_id),
            secrets=count_secrets(target) if target.kind == Kind.WEBHOOK.value else 0,
        )


def find_target(name: str) -> Target:
    """Return the target of the team with this name, regardless of case; raises NotFoundError."""
    wanted = name.strip().casefold()
    for row in list_targets():
        if row.target.name.casefold() == wanted:
            return row.target
    raise NotFoundError(
        f"There is no target named {name.strip()}; `triagedesk target list` shows them."
    )


def has_no_targets() -> bool:
    """Whether the team has no target yet."""
    with reading() as session:
        return is_first_target(session)


def _rows(session: Session, targets: Sequence[Target]) -> list[TargetRow]:
    waiting = {
        row.target_id: (row.rows, row.oldest)
        for row in session.execute(
            select(
                OutboxRow.target_id,
                func.count().label("rows"),
                func.min(OutboxRow.created_at).label("oldest"),
            )
            .where(OutboxRow.state == OutboxState.PENDING)
            .group_by(OutboxRow.target_id)
        )
    }
    pausers = {target.paused_by_id for target in targets} - {None}
    names = dict(session.execute(select(User.id, User.name).where(User.id.in_(pausers))).all())
    return [
        TargetRow(
            target=target,
            pending=waiting[target.id][0] if target.id in waiting else 0,
            oldest_pending_at=waiting[target.id][1] if target.id in waiting else None,
            paused_by=names.get(target.paused_by_id) if target.paused_by_id else None,
        )
        for target in targets
    ]


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
