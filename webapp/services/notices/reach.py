"""Whether criticals reach somebody: for the dashboard, Health, doctor and the checklist."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any

from sqlalchemy import cast, exists, literal, null, select, union_all
from sqlalchemy.orm import Session

from webapp.domain.notices.policy import Rules, StepRule
from webapp.domain.notices.reach import Places, Reach, StepAudience, judge_reach
from webapp.domain.notices.target_kinds import Kind
from webapp.models import Board, Client, Connection, NotificationSettings, Policy, Target, User
from webapp.services.notices.read_rules import read_rules_with
from webapp.services.on_call.plan import OnCallPlan
from webapp.services.on_call.who_is_on_call import who_is_on_call

NOBODY_ON_CALL = "nobody is on call"
NO_MAIL_SERVER = "no mail server is set up"
_TARGET, _BOARD, _CLIENT = "target", "board", "client"
_IS_POLLED = Connection.polling_started_at.is_not(None) & Connection.disconnected_at.is_(None)


@dataclass(frozen=True, slots=True)
class ReachView:
    """How it stands: `is_needed` once a connection is started.

    `is_decided` says that there are policies, or that those that are offered were declined.
    """

    reach: Reach
    is_needed: bool
    is_decided: bool
    has_policies: bool

    @property
    def is_alarming(self) -> bool:
        """Whether criticals are reported, and reach nobody."""
        return self.is_needed and not self.reach.is_well


def read_reach(session: Session, now: datetime, plan: OnCallPlan | None = None) -> ReachView:
    """Return whether a critical ticket that is created at `now` (UTC) reaches somebody.

    `plan` is the plan of on-call duty, if the caller has read it.
    """
    settings = NotificationSettings
    rules, facts = read_rules_with(
        session,
        exists().where(Policy.id > 0).label("has_policies"),
        exists().where(_IS_POLLED).label("is_polled"),
        exists().where(settings.mail_host.is_not(None)).label("has_mail_server"),
        exists().where(settings.policies_offered_at.is_not(None)).label("is_answered"),
    )
    found = _read_rows(session, rules) if rules.policies else []
    places = Places(
        boards={row.id: row.name for row in found if row.what == _BOARD},
        clients={row.id: row.name for row in found if row.what == _CLIENT},
    )
    audiences = _Audiences(session, now, found, plan, has_mail_server=facts.has_mail_server)
    return ReachView(
        reach=judge_reach(rules, places, audiences.of, now),
        is_needed=facts.is_polled,
        is_decided=facts.is_answered or facts.has_policies,
        has_policies=facts.has_policies,
    )


def _read_rows(session: Session, rules: Rules) -> list[Any]:
    """All targets, and the boards and clients that policies name, in one statement."""
    boards = {key for policy in rules.policies for key in policy.conditions.board_ids}
    clients = {key for policy in rules.policies for key in policy.conditions.client_ids}
    targets = select(
        literal(_TARGET).label("what"),
        *(Target.id, Target.name, Target.kind, Target.user_id, Target.paused_at),
        *(Target.confirmed_at, User.may_work.label("may_work"), User.name.label("person")),
    ).outerjoin(User, User.id == Target.user_id)
    nothing = [cast(null(), column.type) for column in list(targets.selected_columns)[3:]]
    named = [
        select(literal(what), model.id, model.name, *nothing).where(model.id.in_(sorted(keys)))
        for what, model, keys in ((_BOARD, Board, boards), (_CLIENT, Client, clients))
        if keys
    ]
    return sorted(session.execute(union_all(targets, *named)), key=attrgetter("id"))


class _Audiences:
    """Whom steps reach; who is on call is read once, when a step asks for it."""

    def __init__(
        self,
        session: Session,
        now: datetime,
        found: Sequence[Any],
        plan: OnCallPlan | None,
        *,
        has_mail_server: bool,
    ) -> None:
        self._session = session
        self._now = now
        self._plan = plan
        self._has_mail_server = has_mail_server
        targets = [row for row in found if row.what == _TARGET]
        self._targets = [row for row in targets if row.user_id is None or row.may_work]

    @cached_property
    def _on_call(self) -> User | None:
        return who_is_on_call(self._session, self._now, self._plan)

    def of(self, step: StepRule) -> StepAudience:
        """Return whether a step reaches somebody."""
        problems: list[str] = []
        chosen = [
            one
            for one in self._targets
            if one.id in step.target_ids or (step.tells_everybody and one.user_id is not None)
        ]
        if step.tells_on_call and not step.tells_everybody:
            chosen += self._of_person(problems)
        usable = [one for one in chosen if self._what_is_wrong(one) is None]
        problems += [why for one in chosen if (why := self._what_is_wrong(one)) is not None]
        if step.tells_everybody and not chosen:
            problems.append("nobody has a contact method")
        return StepAudience(bool(usable), tuple(dict.fromkeys(problems)))

    def _of_person(self, problems: list[str]) -> list[Any]:
        if self._on_call is None:
            problems.append(NOBODY_ON_CALL)
            return []
        own = [one for one in self._targets if one.user_id == self._on_call.id]
        if not own:
            problems.append(f"{self._on_call.name} is on call and has no contact method")
        return own

    def _what_is_wrong(self, one: Any) -> str | None:
        """Why nothing is delivered to a target; None where something is."""
        name = one.name if one.user_id is None else f"{one.person}’s {one.name}"
        if one.paused_at is not None:
            return f"{name} is paused"
        if one.user_id is not None and one.confirmed_at is None:
            return f"{name} is not confirmed"
        if one.kind == Kind.EMAIL.value and not self._has_mail_server:
            return f"{NO_MAIL_SERVER} for {name}"
        return None
