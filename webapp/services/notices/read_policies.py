"""Reading policies for people: each as a sentence, and what their forms choose among."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from webapp.domain.notices.policy import PolicyRule
from webapp.domain.notices.policy_words import Names, about_words, policy_words, steps_words
from webapp.models import Board, Client, NotificationSettings, Policy, Target
from webapp.services.errors import NotFoundError
from webapp.services.notices.edit_policies import policy_version
from webapp.services.notices.read_names import read_names
from webapp.services.notices.read_rules import as_rule
from webapp.services.people.set_preferences import UTC_NAME
from webapp.services.transactions import reading

UNREADABLE = "Its conditions cannot be read any more: save it anew."


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy and its words; `rule` is None where its conditions cannot be read any more."""

    id: int
    name: str
    is_enabled: bool
    rule: PolicyRule | None
    about: str
    steps: str
    words: str
    version: str


@dataclass(frozen=True, slots=True)
class PolicyChoices:
    """What the form of a policy chooses among; inactive boards and clients are left out.

    `time_zone` is the one of the notification settings.
    """

    targets: Sequence[Target]
    boards: Sequence[Board]
    clients: Sequence[Client]
    time_zone: str


def list_policies() -> list[PolicyView]:
    """Return all policies in order."""
    with reading() as session:
        return policy_views(session)


def policy_views(session: Session) -> list[PolicyView]:
    """`list_policies` within the caller's transaction."""
    names = read_names(session)
    found = session.scalars(
        select(Policy)
        .order_by(Policy.position, Policy.id)
        .options(selectinload(Policy.steps))
        .execution_options(populate_existing=True)
    )
    return [_view(policy, names) for policy in found]


def read_policy(policy_id: int) -> PolicyView:
    """Return one policy; raises NotFoundError."""
    with reading() as session:
        policy = session.get(Policy, policy_id, populate_existing=True)
        if policy is None:
            raise NotFoundError("There is no such policy (any more).")
        return _view(policy, read_names(session))


def read_policy_choices(keeps: PolicyRule | None = None) -> PolicyChoices:
    """Return what a form offers; what the policy `keeps` names stays among it, even if inactive."""
    is_board_offered = Board.is_active | Board.id.in_(keeps.conditions.board_ids if keeps else ())
    chosen_clients = keeps.conditions.client_ids if keeps else ()
    is_client_offered = Client.is_active | Client.id.in_(chosen_clients)
    with reading() as session:
        settings = session.get(NotificationSettings, 1)
        return PolicyChoices(
            targets=session.scalars(
                select(Target).where(Target.user_id.is_(None)).order_by(Target.name)
            ).all(),
            boards=session.scalars(
                select(Board).where(is_board_offered).order_by(Board.name)
            ).all(),
            clients=session.scalars(
                select(Client).where(is_client_offered).order_by(Client.name)
            ).all(),
            time_zone=settings.time_zone if settings else UTC_NAME,
        )


def _view(policy: Policy, names: Names) -> PolicyView:
    rule = as_rule(policy)
    return PolicyView(
        id=policy.id,
        name=policy.name,
        is_enabled=policy.is_enabled,
        rule=rule,
        about=UNREADABLE if rule is None else about_words(rule.conditions, names),
        steps="" if rule is None else steps_words(rule, names),
        words=UNREADABLE if rule is None else policy_words(rule, names),
        version=policy_version(policy),
    )
