"""Telling of open tickets that nobody has touched for as long as a policy says."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, not_, or_, select, true
from sqlalchemy.orm import Session

from webapp.domain.incident import Severity
from webapp.domain.notices.events import UNTOUCHED
from webapp.domain.notices.policy import ANY, UNMAPPED, Conditions, PolicyRule, Rules
from webapp.models import Alert, Escalation, Policy, Ticket
from webapp.models.ticket import SOURCE_HUNTRESS
from webapp.services.notices.read_rules import muted_clients, read_rules
from webapp.services.notices.tell import Happening, tell
from webapp.services.transactions import DATABASE_AWAY, reading, transaction

BATCH = 50
"""The most tickets in one transaction, so that a poll need not wait for it for long."""

LOOKS_BACK = timedelta(days=7)
"""A ticket that became untouched longer ago, while nobody ran this, is not told of."""

log = logging.getLogger(__name__)

_IS_UNTOUCHED = (
    Ticket.source == SOURCE_HUNTRESS,
    Ticket.closed_at.is_(None),
    Ticket.untouched_since.is_not(None),
    # whoever has one that came back from waiting has not looked at it since
    or_(Ticket.assignee_id.is_(None), Ticket.first_touched_at.is_not(None)),
    Ticket.is_muted.is_(False),
)
_KNOWN_SEVERITIES = tuple(one.value for one in Severity if one is not Severity.UNKNOWN)


def tell_untouched(now: datetime) -> None:
    """Tell of each ticket once, by the first policy that fits it; the others are only read.

    One that comes back from waiting is told of anew.

    A ticket that cannot be told of is logged, keeps no other from being told of, and is tried again
    with the next call.
    """
    with reading() as session:
        rules = read_rules(session)
    for place, policy in enumerate(rules.policies):
        if policy.steps and _takes_untouched(policy, rules, now):
            _tell_of(policy, rules.policies[:place], rules, now)


def _takes_untouched(policy: PolicyRule, rules: Rules, now: datetime) -> bool:
    conditions = policy.conditions
    is_about_it = UNTOUCHED in conditions.events and bool(conditions.untouched_minutes)
    return is_about_it and conditions.hold_at(now, rules.holidays)


def _tell_of(
    policy: PolicyRule, earlier: Sequence[PolicyRule], rules: Rules, now: datetime
) -> None:
    others = [one.conditions for one in earlier if _takes_untouched(one, rules, now)]
    last_id, found = 0, BATCH
    while found == BATCH:
        with reading() as session:
            ids = _find(session, policy, others, now, last_id)
        if ids and not _tell(ids, policy):
            for key in ids:
                _tell([key], policy)
        found, last_id = len(ids), max(ids, default=0)


def _find(
    session: Session,
    policy: PolicyRule,
    others: Sequence[Conditions],
    now: datetime,
    last_id: int,
) -> Sequence[int]:
    """Return the next tickets that fall to `policy`, and not to the conditions of `others`."""
    patience = timedelta(minutes=policy.conditions.untouched_minutes or 0)
    since = select(Policy.created_at).where(Policy.id == policy.id).scalar_subquery()
    was_told = (
        select(Escalation.id)
        .where(
            Escalation.ticket_id == Ticket.id,
            Escalation.event == UNTOUCHED,
            Escalation.began_at >= Ticket.untouched_since,
        )
        .exists()
    )
    return session.scalars(
        select(Ticket.id)
        .outerjoin(
            Alert,
            and_(
                Alert.connection_id == Ticket.connection_id,
                Alert.external_alert_id == Ticket.source_reference,
            ),
        )
        .where(
            *_IS_UNTOUCHED,
            Ticket.id > last_id,
            Ticket.untouched_since <= now - patience,
            Ticket.untouched_since > now - patience - LOOKS_BACK,
            Ticket.untouched_since >= since,
            Ticket.client_id.not_in(list(muted_clients(session, now))),
            *_fits(policy.conditions),
            *(not_(and_(true(), *_fits(one))) for one in others),
            ~was_told,
        )
        .order_by(Ticket.id)
        .limit(BATCH)
    ).all()


def _fits(conditions: Conditions) -> Iterator[ColumnElement[bool]]:
    """Yield SQL for `Conditions.fit`, without the event and the hours."""
    if conditions.severities:
        yield _is_of(conditions.severities)
    if conditions.board_ids:
        yield Ticket.board_id.in_(conditions.board_ids)
    if conditions.client_ids:
        yield Ticket.client_id.in_(conditions.client_ids)
    if conditions.mapping != ANY:
        yield Ticket.is_unmapped.is_(conditions.mapping == UNMAPPED)


def _is_of(severities: Sequence[str]) -> ColumnElement[bool]:
    """SQL for `Occasion.severity_class`: a word that is not known, and none, count as high."""
    is_named = Alert.parsed_severity.in_(severities)
    if Severity.HIGH.value not in severities:
        return and_(Alert.parsed_severity.is_not(None), is_named)
    is_unknown = Alert.parsed_severity.not_in(_KNOWN_SEVERITIES)
    return or_(Alert.parsed_severity.is_(None), is_named, is_unknown)


def _tell(ids: Sequence[int], policy: PolicyRule) -> bool:
    """Tell of those that are still untouched; return whether that could be done.

    Somebody else may have told of them meanwhile: the rows are locked, and each is told once.
    """
    try:
        with transaction() as session:
            still = session.execute(
                select(Ticket.id, Ticket.untouched_since)
                .where(Ticket.id.in_(ids), *_IS_UNTOUCHED)
                .order_by(Ticket.id)
                .with_for_update(skip_locked=True, key_share=True)
            ).all()
            happenings = [
                Happening(event=UNTOUCHED, ticket_id=key, is_once=True, once_since=since)
                for key, since in still
            ]
            tell(session, happenings, only_policy=policy.id)
    except DATABASE_AWAY:
        raise
    except Exception:  # one faulty ticket keeps no other from being told
        log.exception("Telling of untouched tickets failed: %s", ", ".join(map(str, ids)))
        return False
    return True
