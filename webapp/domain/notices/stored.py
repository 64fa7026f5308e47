"""Messages about something other than tickets, as the outbox keeps them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webapp.domain.notices.message import Link, Message, Stage, Urgency


def as_stored(message: Message) -> dict[str, Any]:
    """Return what `read_message` reads."""
    return {
        "subject": message.subject,
        "title": message.title,
        "lines": list(message.lines),
        "links": [[link.words, link.url] for link in message.links],
        "urgency": message.urgency.value,
        "stage": message.stage.value,
        "severity": message.severity,
        "data": dict(message.data),
    }


def is_stored_message(values: Mapping[str, Any]) -> bool:
    """Whether stored facts are a whole message, and not those of a ticket."""
    return "lines" in values


def read_message(
    values: Mapping[str, Any], *, key: str, event: str, happened_at: datetime
) -> Message:
    """Return a message from what `as_stored` made of it."""
    return Message(
        key=key,
        event=event,
        subject=str(values["subject"]),
        title=str(values["title"]),
        lines=tuple(values["lines"]),
        links=tuple(Link(words, url) for words, url in values["links"]),
        mail_subject=str(values["title"]),
        urgency=Urgency(values["urgency"]),
        stage=Stage(values["stage"]),
        severity=values["severity"],
        happened_at=happened_at,
        data=values["data"],
    )
