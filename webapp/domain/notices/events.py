"""The events that can be told, in one table: a new kind is one entry."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.domain.notices.message import Stage
from webapp.domain.triage.bell import Bell


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of event.

    `type` is what webhooks call it. `label` stands in the form of a policy. `headline` begins the
    message's title. The steps of an event that `waits` go on until somebody takes the ticket.
    """

    type: str
    label: str
    headline: str
    stage: Stage
    waits: bool = True


CREATED = "created"
SEVERITY_RAISED = "severity_raised"
REOPENED = "reopened"
CLOSED = "closed"
QUARANTINED = "quarantined"
UNTOUCHED = "untouched"
DUE_SOON = Bell.DUE_SOON.value
OVERDUE = Bell.OVERDUE.value

EVENTS: Mapping[str, Event] = {
    CREATED: Event("ticket.created", "A ticket is created", "", Stage.BEGINS),
    SEVERITY_RAISED: Event(
        "ticket.severity_raised", "Its severity rises", "Severity raised", Stage.BEGINS
    ),
    REOPENED: Event("ticket.reopened", "It is reopened", "Reopened", Stage.BEGINS),
    CLOSED: Event("ticket.closed", "It is closed", "Closed", Stage.OVER, waits=False),
    QUARANTINED: Event(
        "ticket.quarantined", "A report cannot be read", "Unreadable report", Stage.BEGINS
    ),
    UNTOUCHED: Event(
        "ticket.untouched", "Nobody has touched it for a while", "Untouched", Stage.GOES_ON
    ),
    DUE_SOON: Event("ticket.due_soon", "It is due soon", "Due soon", Stage.GOES_ON, waits=False),
    OVERDUE: Event("ticket.overdue", "It is overdue", "Overdue", Stage.GOES_ON),
}
"""What a policy can be about, by the word that `policy add --event` takes."""

TAKEN_TYPE = "ticket.taken"
MENTIONED_TYPE = "ticket.mentioned"
ASSIGNED_TYPE = "ticket.assigned"
WATCHED_TYPE = "ticket.watched"
YOURS_DUE_SOON_TYPE = "ticket.yours_due_soon"
YOURS_OVERDUE_TYPE = "ticket.yours_overdue"
RETURNED_TYPE = "ticket.returned"
PERSONAL_TYPES: Mapping[Bell, str] = {
    Bell.MENTIONED: MENTIONED_TYPE,
    Bell.ASSIGNED: ASSIGNED_TYPE,
    Bell.WATCHED: WATCHED_TYPE,
    Bell.DUE_SOON: YOURS_DUE_SOON_TYPE,
    Bell.OVERDUE: YOURS_OVERDUE_TYPE,
    Bell.RETURNED: RETURNED_TYPE,
}
"""What people are told as they chose for each contact method, and not by policies."""

TEST_TYPE = "test"
CODE_TYPE = "contact.code"
DAILY_TYPE = "summary.daily"
WEEKLY_TYPE = "summary.weekly"
ALARM_BEGAN_TYPE = "alarm.began"
ALARM_REPEATED_TYPE = "alarm.repeated"
ALARM_ENDED_TYPE = "alarm.ended"

TYPE_WORDS: Mapping[str, str] = {
    EVENTS[CREATED].type: "Ticket created",
    EVENTS[SEVERITY_RAISED].type: "Severity raised",
    EVENTS[REOPENED].type: "Ticket reopened",
    EVENTS[CLOSED].type: "Ticket closed",
    EVENTS[QUARANTINED].type: "Report unreadable",
    EVENTS[UNTOUCHED].type: "Ticket untouched",
    EVENTS[DUE_SOON].type: "Ticket due soon",
    EVENTS[OVERDUE].type: "Ticket overdue",
    TAKEN_TYPE: "Ticket taken",
    MENTIONED_TYPE: "Mentioned",
    ASSIGNED_TYPE: "Ticket assigned",
    WATCHED_TYPE: "Watched ticket changed",
    YOURS_DUE_SOON_TYPE: "Own ticket due soon",
    YOURS_OVERDUE_TYPE: "Own ticket overdue",
    RETURNED_TYPE: "Ticket back from waiting",
    DAILY_TYPE: "Daily summary",
    WEEKLY_TYPE: "Weekly summary",
    ALARM_BEGAN_TYPE: "Alarm",
    ALARM_REPEATED_TYPE: "Alarm, again",
    ALARM_ENDED_TYPE: "Alarm over",
}
"""What the outbox calls each type of message."""


def type_words(type_: str) -> str:
    """Words for a type of message; a type of another version gives its own."""
    return TYPE_WORDS.get(type_, type_.replace(".", " ").replace("_", " ").capitalize())
