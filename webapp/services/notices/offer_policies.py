"""The three policies that are offered at the start: taken with a few choices, or declined."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.incident import Severity
from webapp.domain.notices.events import CREATED, REOPENED, SEVERITY_RAISED
from webapp.domain.notices.hours import HoursError, read_hours
from webapp.domain.notices.policy import StepRule
from webapp.domain.notices.target_kinds import Kind
from webapp.models import NotificationSettings, OnCallMember, Policy, Target
from webapp.services.audit import record_event
from webapp.services.errors import FieldError, RefusedError
from webapp.services.notices.edit_policies import PolicyValues, check_policy, insert_policy
from webapp.services.on_call.who_is_on_call import who_is_on_call
from webapp.services.people.set_preferences import UTC_NAME
from webapp.services.transactions import reading, transaction

ANSWERED = "Policies were set up already: see the list."
SUMMARY_AT = "07:30"
CRITICAL_REPEATS = 6
OPENING_DAYS = (0, 1, 2, 3, 4)
OPENS, CLOSES = "08:00", "18:00"
NAMES = {
    Severity.CRITICAL: "Critical incidents",
    Severity.HIGH: "High incidents",
    Severity.LOW: "Low incidents",
}
_TELLS_OF = (CREATED, SEVERITY_RAISED, REOPENED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferChoice:
    """What a person chooses with the offer: a target (None for everybody), and opening hours.

    `hours` is what `read_hours` reads.
    """

    target_id: int | None
    hours: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OfferPage:
    """What the page of the offer shows: what there is to tell, and what is missing."""

    targets: Sequence[Target]
    time_zone: str
    is_open: bool
    has_rotation: bool
    on_call: str | None
    has_mail_server: bool
    has_contact_methods: bool


def read_offer() -> OfferPage:
    """Return what the offer stands on; it is open until it is answered or a policy exists."""
    now = clock.utcnow()
    with reading() as session:
        settings = session.get(NotificationSettings, 1)
        person = who_is_on_call(session, now)
        return OfferPage(
            targets=session.scalars(
                select(Target).where(Target.user_id.is_(None)).order_by(Target.name)
            ).all(),
            time_zone=settings.time_zone if settings else UTC_NAME,
            is_open=_is_open(session, settings),
            has_rotation=_has_rotation(session),
            on_call=None if person is None else person.name,
            has_mail_server=bool(settings and settings.mail_host),
            has_contact_methods=bool(
                session.scalar(
                    select(
                        exists().where(
                            Target.user_id.is_not(None), Target.confirmed_at.is_not(None)
                        )
                    )
                )
            ),
        )


def take_offer(choice: OfferChoice, *, actor_id: int | None = None) -> None:
    """Add the three policies, and the daily summary where there is a mail target.

    Without a rotation, the critical policy tells the chosen target. Raises FieldError, and
    RefusedError where the offer is not open any more.
    """
    try:
        hours = read_hours(choice.hours)
    except HoursError as error:
        raise FieldError({"hours": str(error)}) from None
    now = clock.utcnow()
    with transaction() as session:
        settings = _answer(session, now)
        target = None if choice.target_id is None else session.get(Target, choice.target_id)
        if choice.target_id is not None and (target is None or target.user_id is not None):
            raise FieldError({"target_id": "This target is gone: choose another one."})
        named = StepRule(target_ids=(target.id,)) if target else StepRule(tells_everybody=True)
        for values in _policies(named, hours.as_json() if hours else {}, _has_rotation(session)):
            insert_policy(session, check_policy(values), actor_id=actor_id)
        _set_summary(session, settings, target, actor_id)
        settings.updated_at = now
        _record(session, "taken", actor_id, target=target.name if target else "everybody")


def decline_offer(*, actor_id: int | None = None) -> None:
    """Note that nobody wants the offered policies. Raises RefusedError like `take_offer`."""
    with transaction() as session:
        _answer(session, clock.utcnow())
        _record(session, "declined", actor_id)


def _policies(named: StepRule, hours: dict[str, Any], has_rotation: bool) -> list[PolicyValues]:
    first = StepRule(tells_on_call=True) if has_rotation else named
    again = StepRule(
        after_minutes=10,
        target_ids=first.target_ids,
        tells_on_call=first.tells_on_call,
        tells_everybody=first.tells_everybody,
    )
    everybody = StepRule(after_minutes=10, target_ids=named.target_ids, tells_everybody=True)
    return [
        PolicyValues(
            name=NAMES[Severity.CRITICAL],
            conditions=_about(Severity.CRITICAL),
            steps=(first, again, everybody),
            repeats=CRITICAL_REPEATS,
        ),
        PolicyValues(
            name=NAMES[Severity.HIGH],
            conditions={**_about(Severity.HIGH), "hours": hours},
            steps=(named,),
        ),
        PolicyValues(name=NAMES[Severity.LOW], conditions=_about(Severity.LOW)),
    ]


def _about(severity: Severity) -> dict[str, Any]:
    return {"events": _TELLS_OF, "severities": (severity.value,)}


def _is_open(session: Session, settings: NotificationSettings | None) -> bool:
    if settings is not None and settings.policies_offered_at is not None:
        return False
    return not session.scalar(select(func.count()).select_from(Policy))


def _has_rotation(session: Session) -> bool:
    return bool(session.scalar(select(func.count()).select_from(OnCallMember)))


def _answer(session: Session, now: datetime) -> NotificationSettings:
    """Note that the offer is answered; raises RefusedError where it was."""
    settings = session.get(NotificationSettings, 1, with_for_update=True)
    if not _is_open(session, settings):
        raise RefusedError(ANSWERED)
    if settings is None:
        settings = NotificationSettings(id=1, holidays=[])
        session.add(settings)
    settings.policies_offered_at = now
    session.flush()
    return settings


def _set_summary(
    session: Session, settings: NotificationSettings, target: Target | None, actor_id: int | None
) -> None:
    """Let the daily summary go to a mail target, where there is one and none was set."""
    mails = session.scalars(
        select(Target)
        .where(Target.user_id.is_(None), Target.kind == Kind.EMAIL.value)
        .order_by(Target.id)
    ).all()
    if not mails or settings.daily_summary_at is not None:
        return
    settings.daily_summary_at = SUMMARY_AT
    if not any(one.tells_summaries for one in mails):
        chosen = target if target in mails else mails[0]
        if chosen is not None:
            chosen.tells_summaries = True
    told = [one.name for one in mails if one.tells_summaries]
    record_event(
        session,
        action="notification_settings.changed",
        subject_type="notification_settings",
        before={"daily_summary_at": None},
        after={"daily_summary_at": SUMMARY_AT, "summaries_to": told},
        actor_id=actor_id,
    )


def _record(session: Session, what: str, actor_id: int | None, **values: object) -> None:
    record_event(
        session,
        action=f"policy_offer.{what}",
        subject_type="policy_offer",
        after=values or None,
        actor_id=actor_id,
    )
