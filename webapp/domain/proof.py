"""The daily proof: what became of each incident that Huntress lists, according to our books.

`account_for` gives exactly one `Account` to an incident. Where it is UNEXPLAINED, the `Finding`
says what is wrong with the books. An incident that no poll could have seen yet is NOT_DUE: it is
neither listed nor missed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from webapp.domain.incident import DELETING, Incident
from webapp.domain.plan import Reason, usable_time

PROOF_DAYS = 30
MOST_DAYS = 365
_WHOLE_SECOND = timedelta(seconds=1)
"""Huntress's times have whole seconds: what was sent at 12:00:05 may have been sent just before
12:00:06."""


class Account(StrEnum):
    """What became of an incident; all but NOT_DUE are the names of the proof's counts."""

    TICKETED = "ticketed"
    EXCLUDED = "excluded"
    CLOSED = "closed"
    RECORDED = "recorded"
    QUARANTINED = "quarantined"
    UNEXPLAINED = "unexplained"
    NOT_DUE = "not_due"


COUNTED = tuple(one for one in Account if one is not Account.NOT_DUE)


class Problem(StrEnum):
    """What is wrong with the books of an unexplained incident."""

    MISSING = "missing"
    ALERT_GONE = "alert_gone"
    TICKET_GONE = "ticket_gone"
    OTHER_TICKET = "other_ticket"
    NO_REASON = "no_reason"
    REPORT_GONE = "report_gone"
    OUTDATED = "outdated"


@dataclass(frozen=True, slots=True)
class BookedAlert:
    """The alert of an incident.

    `has_ticket` says that it names a ticket, `is_ticket_there` that this ticket exists, and
    `is_ticket_its_own` that the ticket is about this incident.
    """

    status: str | None
    severity: str | None
    reason: str | None = None
    processed_at: datetime | None = None
    is_incomplete: bool = False
    has_ticket: bool = False
    is_ticket_there: bool = False
    is_ticket_its_own: bool = False


@dataclass(frozen=True, slots=True)
class Booked:
    """Everything in our books about one incident.

    `has_ticket` says that a ticket is about it, whether or not an alert names that ticket. The
    others say where its inbox row is; at most one of them is true.
    """

    alert: BookedAlert | None = None
    has_ticket: bool = False
    is_waiting: bool = False
    is_quarantined: bool = False
    is_dismissed: bool = False


@dataclass(frozen=True, slots=True)
class Polled:
    """What the polls of a connection must have seen, by Huntress's clock (UTC).

    `until` is when the last successful poll began, None before there was one. `horizon` is how far
    back the first poll went. `has_swept` says that all open incidents were once listed, also those
    before the horizon; the sweep lists incidents of `swept_statuses`.
    """

    until: datetime | None
    horizon: datetime | None = None
    has_swept: bool = False
    swept_statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of an incident; `problem` is set where it is unexplained."""

    account: Account
    problem: Problem | None = None


def account_for(incident: Incident, booked: Booked, polled: Polled, now: datetime) -> Finding:
    """Say what became of `incident`, which Huntress lists at `now` (its clock, UTC).

    What waits in the inbox is known, and counts as what was recorded of it before; an incident of
    which nothing was recorded yet counts as recorded. A report in quarantine is in quarantine, with
    a ticket or without one.
    """
    if booked.is_quarantined:
        return Finding(Account.QUARANTINED)
    if booked.alert is None:
        return _without_alert(incident, booked, polled, now)
    problem = _problem_of(incident, booked.alert, booked, polled, now)
    if problem is not None:
        return Finding(Account.UNEXPLAINED, problem)
    return Finding(_account_of(booked.alert))


def _without_alert(incident: Incident, booked: Booked, polled: Polled, now: datetime) -> Finding:
    if booked.has_ticket:
        return Finding(Account.UNEXPLAINED, Problem.ALERT_GONE)
    if booked.is_waiting or booked.is_dismissed or incident.status == DELETING:
        return Finding(Account.RECORDED)  # one that is about to be deleted is never recorded
    updated_at = usable_time(incident.updated_at, now)
    is_before = polled.horizon is not None and updated_at and updated_at < polled.horizon
    if is_before and not (polled.has_swept and incident.status in polled.swept_statuses):
        return Finding(Account.RECORDED)  # left out, as older than the backfill
    came_at = usable_time(incident.sent_at, now) or updated_at
    if polled.until is None or (came_at is not None and not _was_seen(came_at, polled)):
        return Finding(Account.NOT_DUE)
    return Finding(Account.UNEXPLAINED, Problem.MISSING)


def _problem_of(
    incident: Incident, alert: BookedAlert, booked: Booked, polled: Polled, now: datetime
) -> Problem | None:
    """Return what is wrong with an alert.

    An alert and its ticket are written together, so that at no time one of them is not yet there.
    Of an erased incident nothing but its id is kept, so that nothing can be wrong with it.
    """
    if alert.reason == Reason.ERASED:
        return None
    if alert.has_ticket and not alert.is_ticket_there:
        return Problem.TICKET_GONE
    if alert.has_ticket and not alert.is_ticket_its_own:
        return Problem.OTHER_TICKET
    if booked.is_waiting or booked.is_dismissed:
        return None
    if alert.is_incomplete:
        return Problem.REPORT_GONE
    if not alert.has_ticket and alert.reason is None:
        return Problem.NO_REASON
    return Problem.OUTDATED if _is_outdated(incident, alert, polled, now) else None


def _is_outdated(incident: Incident, alert: BookedAlert, polled: Polled, now: datetime) -> bool:
    """Whether Huntress changed the incident before the last poll, and the books do not show it."""
    changed_at = usable_time(incident.updated_at, now)
    if changed_at is None or polled.until is None or not _was_seen(changed_at, polled):
        return False
    recorded_at = usable_time(alert.processed_at, now)
    if recorded_at is None or changed_at > recorded_at:
        return True
    says_other = (incident.status, incident.severity_word) != (alert.status, alert.severity)
    return changed_at == recorded_at and says_other


def _was_seen(time: datetime, polled: Polled) -> bool:
    return polled.until is not None and time + _WHOLE_SECOND <= polled.until


def _account_of(alert: BookedAlert) -> Account:
    if alert.has_ticket:
        return Account.TICKETED
    if alert.reason in (Reason.ORG_OPTED_OUT, Reason.ERASED):
        return Account.EXCLUDED
    return Account.CLOSED if alert.reason == Reason.ALREADY_CLOSED else Account.RECORDED


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return the counts as a sentence without a full stop.

    For instance "212 listed: 190 tickets, 18 excluded, 3 closed when first seen, 1 in quarantine,
    0 unexplained". Zeros are left out, but for tickets and the unexplained.
    """
    tickets, recorded = counts["ticketed"], counts["recorded"]
    parts = [
        f"{tickets} {'ticket' if tickets == 1 else 'tickets'}",
        f"{counts['excluded']} excluded" if counts["excluded"] else "",
        f"{counts['closed']} closed when first seen" if counts["closed"] else "",
        f"{recorded} recorded without a ticket" if recorded else "",
        f"{counts['quarantined']} in quarantine" if counts["quarantined"] else "",
        f"{counts['unexplained']} unexplained",
    ]
    return f"{counts['listed']} listed: {', '.join(part for part in parts if part)}"
