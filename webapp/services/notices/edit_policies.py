"""Adding, editing, ordering and deleting policies, which only admins may do."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.notices.policy import (
    Conditions,
    PolicyError,
    PolicyRule,
    StepRule,
    check_steps,
    read_conditions,
)
from webapp.domain.notices.policy_words import Names, about_words, steps_words
from webapp.models import Board, Client, Policy, PolicyStep, Target
from webapp.services.audit import changes_between, record_event
from webapp.services.desk.edit_rows import (
    EditConflictError,
    check_name_is_free,
    last_editor,
    name_is_taken,
    read_name,
    version_of,
)
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.notices.read_names import read_names
from webapp.services.notices.read_rules import as_rule
from webapp.services.transactions import transaction

KIND = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValues:
    """What a person sets; `conditions` is what `read_conditions` reads."""

    name: str | None
    conditions: Mapping[str, Any]
    steps: Sequence[StepRule] = ()
    repeats: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPolicy:
    """Values that can be: each field was checked, whether rows exist was not."""

    name: str
    conditions: Conditions
    steps: tuple[StepRule, ...] = field(default=())
    repeats: int = 0

    def as_rule(self, key: int) -> PolicyRule:
        """Return the policy as data, under an id."""
        return PolicyRule(
            id=key,
            name=self.name,
            conditions=self.conditions,
            steps=self.steps,
            repeats=self.repeats,
        )


def check_policy(values: PolicyValues) -> CheckedPolicy:
    """Return the values checked; raises FieldError with a sentence for each wrong field."""
    errors: dict[str, str] = {}
    name = read_name(values.name, errors)
    conditions = Conditions()
    try:
        conditions = read_conditions(values.conditions)
    except PolicyError as error:
        errors |= error.fields
    steps = tuple(
        replace(step, target_ids=tuple(sorted(set(step.target_ids)))) for step in values.steps
    )
    errors |= check_steps(steps, values.repeats)
    if errors:
        raise FieldError(errors)
    repeats = values.repeats if steps else 0
    return CheckedPolicy(name=name, conditions=conditions, steps=steps, repeats=repeats)


def policy_version(policy: Policy) -> str:
    """A text that differs as soon as something that the form shows differs."""
    rule = as_rule(policy)
    if rule is None:
        return version_of({"unreadable": policy.conditions})
    return version_of(_plain(rule))


def add_policy(values: PolicyValues, *, actor_id: int | None = None) -> Policy:
    """Add a policy at the end of the order. Raises FieldError."""
    checked = check_policy(values)
    with transaction() as session:
        return insert_policy(session, checked, actor_id=actor_id)


def insert_policy(
    session: Session, checked: CheckedPolicy, *, actor_id: int | None = None
) -> Policy:
    """Add a checked policy at the end of the order, in the caller's transaction.

    Raises FieldError where its name is taken or something that it points to is gone.
    """
    targets = _check_rows(session, checked)
    check_name_is_free(session, Policy, checked.name, KIND)
    now = clock.utcnow()
    row = Policy(
        name=checked.name,
        position=(session.scalar(select(func.max(Policy.position))) or 0) + 1,
        is_enabled=True,
        conditions=checked.conditions.as_json(),
        repeats=checked.repeats,
        created_at=now,
        updated_at=now,
        steps=_new_steps(checked, targets),
    )
    session.add(row)
    _flush(session, checked.name)
    after = _in_words(checked.as_rule(row.id), read_names(session))
    _record(session, row.id, "added", after=after, actor_id=actor_id)
    return row


def edit_policy(
    policy_id: int, values: PolicyValues, *, seen: str | None = None, actor_id: int | None = None
) -> bool:
    """Save a policy; returns False if nothing changed.

    What is already being told goes on with the policy as it is now. Raises FieldError,
    NotFoundError, and EditConflictError unless `seen` is the stored `policy_version`.
    """
    checked = check_policy(values)
    with transaction() as session:
        row = _lock(session, policy_id)
        before, after = as_rule(row), checked.as_rule(policy_id)
        if before == after:
            return False
        names = read_names(session)
        old = {"name": row.name} if before is None else _in_words(before, names)
        if seen is not None and seen != policy_version(row):
            raise EditConflictError(old, last_editor(session, KIND, policy_id))
        targets = _check_rows(session, checked)
        check_name_is_free(session, Policy, checked.name, KIND, row_id=policy_id)
        row.name = checked.name
        row.conditions = checked.conditions.as_json()
        row.repeats = checked.repeats
        row.updated_at = clock.utcnow()
        row.steps = _new_steps(checked, targets)
        _flush(session, checked.name)
        was, now_is = changes_between(old, _in_words(after, names))
        _record(session, policy_id, "changed", before=was, after=now_is, actor_id=actor_id)
        return True


def delete_policy(policy_id: int, *, actor_id: int | None = None) -> str:
    """Delete a policy; returns its name. What it told stays told, and no step of it follows.

    Raises NotFoundError.
    """
    with transaction() as session:
        row = _lock(session, policy_id)
        rule = as_rule(row)
        words = {"name": row.name} if rule is None else _in_words(rule, read_names(session))
        session.delete(row)
        _record(session, policy_id, "deleted", before=words, actor_id=actor_id)
        return row.name


def switch_policy(policy_id: int, *, is_enabled: bool, actor_id: int | None = None) -> bool:
    """Switch a policy on or off; returns False if it is like this already.

    While it is off, events fall to the policies below it. Raises NotFoundError.
    """
    with transaction() as session:
        row = _lock(session, policy_id)
        if row.is_enabled == is_enabled:
            return False
        row.is_enabled = is_enabled
        action = "enabled" if is_enabled else "disabled"
        _record(session, policy_id, action, after={"name": row.name}, actor_id=actor_id)
        return True


def find_policy_id(session: Session, name: str) -> int:
    """Return the id of the policy with this name, in upper or lower case; raises NotFoundError."""
    wanted = name.strip().casefold()
    for row in session.execute(select(Policy.id, Policy.name)):
        if row.name.casefold() == wanted:
            return int(row.id)
    raise NotFoundError(f"There is no policy named {name}; `triagedesk policy list` lists them.")


def _lock(session: Session, policy_id: int) -> Policy:
    query = select(Policy).where(Policy.id == policy_id).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFoundError("There is no such policy (any more).")
    return row


def _check_rows(session: Session, checked: CheckedPolicy) -> dict[int, Target]:
    """Return the targets of the steps by id; raises FieldError where a row is gone."""
    errors: dict[str, str] = {}
    conditions = checked.conditions
    if _missing(session, Board, conditions.board_ids):
        errors["board_ids"] = "A board that was chosen is gone: choose again."
    if _missing(session, Client, conditions.client_ids):
        errors["client_ids"] = "A client that was chosen is gone: choose again."
    wanted = {key for step in checked.steps for key in step.target_ids}
    found = session.scalars(select(Target).where(Target.id.in_(wanted), Target.user_id.is_(None)))
    targets = {target.id: target for target in found}
    for place, step in enumerate(checked.steps):
        if not targets.keys() >= set(step.target_ids):
            errors[f"steps-{place}-tells"] = "A target that was chosen is gone: choose again."
    if errors:
        raise FieldError(errors)
    return targets


def _missing(session: Session, model: type[Board] | type[Client], ids: Collection[int]) -> bool:
    if not ids:
        return False
    found = session.scalar(select(func.count()).where(model.id.in_(ids)))
    return found != len(set(ids))


def _new_steps(checked: CheckedPolicy, targets: Mapping[int, Target]) -> list[PolicyStep]:
    return [
        PolicyStep(
            position=place,
            after_minutes=step.after_minutes,
            tells_on_call=step.tells_on_call,
            tells_everybody=step.tells_everybody,
            targets=[targets[key] for key in step.target_ids],
        )
        for place, step in enumerate(checked.steps)
    ]


def _flush(session: Session, name: str) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        raise name_is_taken(KIND, name) from error


def _plain(rule: PolicyRule) -> dict[str, object]:
    return {
        "name": rule.name,
        "conditions": rule.conditions.as_json(),
        "steps": [asdict(step) for step in rule.steps],
        "repeats": rule.repeats,
    }


def _in_words(rule: PolicyRule, names: Names) -> dict[str, object]:
    """The values as the audit log and a conflict show them."""
    return {
        "name": rule.name,
        "about": about_words(rule.conditions, names),
        "steps": steps_words(rule, names),
    }


def _record(
    session: Session,
    policy_id: int,
    what: str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    actor_id: int | None,
) -> None:
    record_event(
        session,
        action=f"{KIND}.{what}",
        subject_type=KIND,
        subject_id=policy_id,
        before=before,
        after=after,
        actor_id=actor_id,
    )
