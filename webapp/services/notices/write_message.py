"""Writing a message that is about no ticket to the outbox: an alarm, a summary."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.domain.notices.message import Message, Urgency
from webapp.domain.notices.stored import as_stored
from webapp.models import Target
from webapp.services.notices.recipients import Recipient, find_recipients
from webapp.services.notices.write_rows import NewRow, write_rows
from webapp.services.on_call.who_is_on_call import who_is_on_call


def write_message(
    session: Session, recipients: Iterable[Recipient], message: Message, now: datetime
) -> None:
    """Write `message` for each recipient, in the caller's transaction.

    Its `key` names it: the same message is written once to a target, whoever writes it.
    """
    rows = [
        NewRow(
            key=message.key,
            recipient=recipient,
            event=message.event,
            facts=as_stored(message),
            due_at=now,
            is_urgent=message.urgency is Urgency.PAGE,
        )
        for recipient in recipients
    ]
    write_rows(session, rows, now)


def alarm_recipients(
    session: Session, now: datetime, *, is_grave: bool, besides: int | None = None
) -> tuple[Recipient, ...]:
    """Return who is told of an alarm: targets that tell alarms and, of a grave one, who is on call.

    Where no target tells alarms, whoever is on call hears of all. Paused targets are left out, and
    so is the target `besides`, which the alarm is about.
    """
    of_team = find_recipients(session, Target.tells_alarms & Target.user_id.is_(None))
    usable = [one for one in of_team if not one.is_paused and one.target_id != besides]
    if is_grave or not usable:
        person = who_is_on_call(session, now)
        if person is not None:
            methods = find_recipients(session, Target.user_id == person.id)
            usable += [one for one in methods if not one.is_paused]
    return tuple(usable)


def summary_recipients(session: Session) -> tuple[Recipient, ...]:
    """Return the targets that get summaries."""
    found = find_recipients(session, Target.tells_summaries & Target.user_id.is_(None))
    return tuple(one for one in found if not one.is_paused)
