"""What the policies would have sent in the last 30 days, as they are and as they may become."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.notices.policy import PolicyRule, Rules, StepRule
from webapp.domain.notices.preview import Addressee, Audience, Forecast, forecast
from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.models import NotificationSettings, Policy
from webapp.services.notices.edit_policies import CheckedPolicy
from webapp.services.notices.read_history import read_history
from webapp.services.notices.read_rules import read_rules
from webapp.services.notices.recipients import Recipient, RecipientBook
from webapp.services.people.set_preferences import UTC_NAME
from webapp.services.transactions import reading

NEW_POLICY = 0
"""The id under which a policy is tried that is not stored yet."""


@dataclass(frozen=True, slots=True)
class PolicyPreview:
    """What the stored policies would have sent (`stored`), and with the edited one in place.

    `edited` is None where nothing is edited. `tickets` is how many tickets were looked at. Night is
    22:00 to 07:00 in `time_zone`.
    """

    stored: Forecast
    edited: Forecast | None
    tickets: int
    time_zone: str


def preview_policies(
    draft: CheckedPolicy | None = None, policy_id: int | None = None
) -> PolicyPreview:
    """Return the preview; `draft` stands in the place of the policy `policy_id`, or at the end.

    Nothing is written. Whom steps tell is decided by who is on call now.
    """
    now = clock.utcnow()
    with reading() as session:
        rules = read_rules(session)
        edited = None if draft is None else _with_draft(session, rules, draft, policy_id)
        settings = session.get(NotificationSettings, 1)
        zone = settings.time_zone if settings else UTC_NAME
        histories = read_history(session, now)
        audience = _audience(session, now)
        run = [
            None if one is None else forecast(histories, one, audience, ZoneInfo(zone), until=now)
            for one in (rules, edited)
        ]
    stored, with_draft = run
    if stored is None:  # pragma: no cover - the stored policies are always run
        raise ValueError("nothing was run")
    return PolicyPreview(stored=stored, edited=with_draft, tickets=len(histories), time_zone=zone)


def _with_draft(
    session: Session, rules: Rules, draft: CheckedPolicy, policy_id: int | None
) -> Rules:
    """The rules with the draft where it would stand: it counts as enabled."""
    rule = draft.as_rule(policy_id or NEW_POLICY).with_team()
    order = session.scalars(select(Policy.id).order_by(Policy.position, Policy.id)).all()
    known: dict[int, PolicyRule] = {one.id: one for one in rules.policies}
    known[rule.id] = rule
    places = [*order, *([] if rule.id in order else [rule.id])]
    return replace(rules, policies=tuple(known[key] for key in places if key in known))


def _audience(session: Session, now: datetime) -> Audience:
    book = RecipientBook(session, now)
    known: dict[StepRule, tuple[Addressee, ...]] = {}

    def of(step: StepRule) -> tuple[Addressee, ...]:
        if step not in known:
            usable = [one for one in book.of(step) if not one.is_paused]
            known[step] = tuple(_addressee(one, step) for one in usable)
        return known[step]

    return of


def _addressee(one: Recipient, step: StepRule) -> Addressee:
    is_on_call = step.tells_on_call and one.person_id is not None and not step.tells_everybody
    kind = KINDS[Kind(one.kind)]
    return Addressee(
        key=one.target_id,
        label=f"Whoever is on call ({kind.label})" if is_on_call else one.name,
        is_machine=kind.is_machine,
        takes_all=kind.takes_all,
        follows_to_end=one.kind == Kind.PAGERDUTY.value,
    )
