"""Adding, editing and deleting targets of the team, which only admins may do."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.notices.target_kinds import Kind
from webapp.models import OutboxRow, Policy, PolicyStep, Target
from webapp.models.outbox import OutboxState
from webapp.models.policy import step_targets
from webapp.outbound.webhook import new_secret
from webapp.services.audit import record_event
from webapp.services.desk.edit_rows import (
    EditConflictError,
    last_editor,
    name_is_taken,
    read_name,
    version_of,
)
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.lookups import get_row
from webapp.services.notices.targets.destinations import VIA
from webapp.services.notices.targets.values import (
    SIGNING_SECRET,
    Settings,
    read_settings,
    settings_of,
    shown_settings,
)
from webapp.services.transactions import NO_SYNC, transaction

KIND_OF_EVENT = "target"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetValues:
    """What a person enters about a target; `settings` holds the settings of its kind by name.

    An empty secret keeps the stored one. `tells_alarms` is None where nobody chose: then the first
    target of the team tells alarms.
    """

    name: str
    settings: Mapping[str, str | None]
    tells_alarms: bool | None = None
    tells_summaries: bool = False


@dataclass(frozen=True, slots=True)
class AddedTarget:
    """A target that was added, with its signing secret if one was made for it."""

    target: Target
    new_secret: str | None


def get_team_target(session: Session, target_id: int, *, lock: bool = False) -> Target:
    """Return a target of the team; raises NotFoundError, for a person's contact method too."""
    sentence = f"There is no target {target_id}."
    target = get_row(session, Target, target_id, sentence, lock=lock)
    if target.user_id is not None:
        raise NotFoundError(sentence)
    return target


def target_version(target: Target) -> str:
    """The version of the values that can be edited, without the secrets."""
    return version_of({**_audited(target), "settings": dict(target.settings)})


def add_target(kind: Kind, values: TargetValues, *, actor_id: int | None = None) -> AddedTarget:
    """Add a target of the team; a webhook without a signing secret gets one. Raises FieldError."""
    name, settings = _read(kind, values, None)
    made = None
    if kind is Kind.WEBHOOK and SIGNING_SECRET not in settings.secret:
        made = new_secret()
        settings = Settings(settings.plain, {SIGNING_SECRET: made})
    with transaction() as session:
        _check_name(session, name, None)
        is_first = values.tells_alarms is None and is_first_target(session)
        target = Target(
            name=name,
            kind=kind.value,
            settings=dict(settings.plain),
            secrets=settings.sealed(),
            tells_alarms=is_first or bool(values.tells_alarms),
            tells_summaries=values.tells_summaries,
            created_at=clock.utcnow(),
        )
        session.add(target)
        _flush_name(session, name)
        after = {"kind": kind.value, **_audited(target), "secrets": target.secrets}
        record_target_event(session, "added", target, after=after, actor_id=actor_id)
    return AddedTarget(target, made)


def edit_target(
    target_id: int, values: TargetValues, *, seen: str | None = None, actor_id: int | None = None
) -> bool:
    """Save a target's values; returns False if nothing changed.

    Raises FieldError, NotFoundError, and EditConflictError if `seen` is outdated.
    """
    with transaction() as session:
        target = get_team_target(session, target_id, lock=True)
        stored = settings_of(target)
        name, settings = _read(Kind(target.kind), values, stored)
        _check_name(session, name, target_id)
        before, version = _audited(target), target_version(target)
        has_new_secret = dict(settings.secret) != dict(stored.secret)
        target.name = name
        target.settings = dict(settings.plain)
        target.tells_alarms = bool(values.tells_alarms)
        target.tells_summaries = values.tells_summaries
        after = _audited(target)
        if target_version(target) == version and not has_new_secret:
            return False
        if seen is not None and seen != version:
            current = {"name": before["name"], **dict(stored.plain)}
            raise EditConflictError(current, last_editor(session, KIND_OF_EVENT, target_id))
        if has_new_secret:
            target.secrets = settings.sealed()
        is_masked = after["settings"] == before["settings"] and settings.plain != stored.plain
        if has_new_secret or is_masked:
            after["secrets"] = True
        _flush_name(session, name)
        record_target_event(
            session, "changed", target, before=before, after=after, actor_id=actor_id
        )
    return True


def delete_target(target_id: int, *, actor_id: int | None = None) -> str:
    """Delete a target, and drop what waits for it; returns its name.

    What it was sent stays in the outbox. Raises NotFoundError, and RefusedError while a policy or a
    contact method uses it.
    """
    with transaction() as session:
        target = get_team_target(session, target_id, lock=True)
        _refuse_while_used(session, target)
        session.execute(
            update(OutboxRow)
            .where(OutboxRow.target_id == target_id, OutboxRow.state == OutboxState.PENDING)
            .values(state=OutboxState.DROPPED, answer="The target was deleted."),
            execution_options=NO_SYNC,
        )
        before = {"kind": target.kind, **_audited(target)}
        record_target_event(session, "deleted", target, before=before, actor_id=actor_id)
        session.delete(target)
        return target.name


def policies_of(session: Session, target_id: int) -> list[str]:
    """Return the names of the policies that tell a target, in order."""
    query = (
        select(Policy.name, Policy.position)
        .join(PolicyStep, PolicyStep.policy_id == Policy.id)
        .join(step_targets, step_targets.c.step_id == PolicyStep.id)
        .where(step_targets.c.target_id == target_id)
        .order_by(Policy.position, Policy.name)
        .distinct()
    )
    return [row.name for row in session.execute(query)]


def is_first_target(session: Session) -> bool:
    """Whether the team has no target yet."""
    return session.scalar(select(Target.id).where(Target.user_id.is_(None)).limit(1)) is None


def record_target_event(
    session: Session,
    what: str,
    target: Target,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    actor_id: int | None = None,
) -> None:
    """Record what was done to a target; of secrets the log says only that they changed."""
    record_event(
        session,
        action=f"{KIND_OF_EVENT}.{what}",
        subject_type=KIND_OF_EVENT,
        subject_id=target.id,
        before=before,
        after=after,
        actor_id=actor_id,
    )


def _read(kind: Kind, values: TargetValues, stored: Settings | None) -> tuple[str, Settings]:
    """Return name and settings; raises FieldError with what is wrong with all of them."""
    problems: dict[str, str] = {}
    name = read_name(values.name, problems)
    try:
        settings = read_settings(kind, values.settings, stored)
    except FieldError as error:
        raise FieldError({**problems, **error.fields}) from None
    if problems:
        raise FieldError(problems)
    return name, settings


def _audited(target: Target) -> dict[str, object]:
    return {
        "name": target.name,
        "settings": shown_settings(target),
        "tells_alarms": target.tells_alarms,
        "tells_summaries": target.tells_summaries,
    }


def _check_name(session: Session, name: str, target_id: int | None) -> None:
    """Raise FieldError if another target of the team has the name, regardless of case."""
    query = select(Target.id, Target.name).where(Target.user_id.is_(None))
    for key, other in session.execute(query):
        if key != target_id and other.casefold() == name.casefold():
            raise name_is_taken(KIND_OF_EVENT, other)


def _flush_name(session: Session, name: str) -> None:
    """Flush; raise FieldError if another request took the name just now."""
    try:
        session.flush()
    except IntegrityError as error:
        raise name_is_taken(KIND_OF_EVENT, name) from error


def _refuse_while_used(session: Session, target: Target) -> None:
    policies = policies_of(session, target.id)
    if policies:
        raise RefusedError(
            f"{target.name} is told by {_listed(policies)}. Choose another target there first."
        )
    borrowers = session.scalar(
        select(func.count()).where(
            Target.user_id.is_not(None),
            Target.kind == target.kind,
            Target.settings[VIA].as_integer() == target.id,
        )
    )
    if borrowers:
        raise RefusedError(
            f"{target.name} cannot be deleted: contact methods of people send with its account"
            f" ({borrowers}). They have to delete those first."
        )


def _listed(names: list[str]) -> str:
    kind = "policy" if len(names) == 1 else "policies"
    return f"the {kind} {', '.join(f'“{name}”' for name in names)}"
