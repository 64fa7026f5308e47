"""What an alarm says to people and machines."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from webapp.domain.notices.compose import LINE_LENGTH, TITLE_LENGTH
from webapp.domain.notices.message import Link, Message, Stage, Urgency
from webapp.domain.untrusted import clean_line, parse_moment
from webapp.domain.watch.alarm_kinds import alarm_kind
from webapp.domain.watch.plan_alarms import Telling

_OPENINGS = {Telling.BEGAN: "Alarm", Telling.REPEATED: "Still", Telling.ENDED: "Over"}
_STAGES = {
    Telling.BEGAN: Stage.BEGINS,
    Telling.REPEATED: Stage.GOES_ON,
    Telling.ENDED: Stage.OVER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFacts:
    """An alarm as it was when it was told; `ended_at` is None while it goes on (times are UTC)."""

    kind: str
    subject: str
    sentence: str
    began_at: datetime
    ended_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what `read_alarm_facts` reads."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "sentence": self.sentence,
            "began_at": self.began_at.isoformat(),
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
        }


def read_alarm_facts(values: Mapping[str, Any], *, otherwise: datetime) -> AlarmFacts:
    """Return the facts of a stored row; a time that cannot be read is `otherwise`."""
    return AlarmFacts(
        kind=str(values.get("kind", "")),
        subject=str(values.get("subject", "")),
        sentence=str(values.get("sentence", "")),
        began_at=parse_moment(values.get("began_at")) or otherwise,
        ended_at=parse_moment(values.get("ended_at")),
    )


def compose_alarm(
    key: str, telling: Telling, facts: AlarmFacts, *, url: str | None, happened_at: datetime
) -> Message:
    """Return the message about an alarm; `url` is the page that shows it.

    All messages about a condition have one subject, so that services with incidents of their own
    close what they opened.
    """
    kind = alarm_kind(facts.kind)
    sentence = clean_line(facts.sentence, LINE_LENGTH) or kind.title
    title = f"{_OPENINGS[telling]}: {sentence}"
    is_grave = kind.is_grave and telling is not Telling.ENDED
    return Message(
        key=key,
        event=telling.value,
        subject=f"alarm:{facts.kind}:{facts.subject}",
        title=clean_line(title, TITLE_LENGTH) or title,
        lines=tuple(_lines(telling, facts)),
        links=(Link("Open Health", url),) if url else (),
        mail_subject=clean_line(f"[Triagedesk] {title}", TITLE_LENGTH) or "",
        urgency=Urgency.PAGE if is_grave else Urgency.NORMAL,
        stage=_STAGES[telling],
        happened_at=happened_at,
        data={
            "kind": facts.kind,
            "subject": facts.subject,
            "title": kind.title,
            "what": sentence,
            "what_to_do": kind.what_to_do,
            "grave": kind.is_grave,
            "began_at": facts.began_at.isoformat(),
            "ended_at": facts.ended_at.isoformat() if facts.ended_at else None,
            "url": url,
        },
    )


def _lines(telling: Telling, facts: AlarmFacts) -> list[str]:
    if telling is Telling.ENDED:
        end = f" until {_time(facts.ended_at)}" if facts.ended_at else ""
        return [f"It lasted from {_time(facts.began_at)}{end}."]
    return [f"Since {_time(facts.began_at)}.", f"What to do: {alarm_kind(facts.kind).what_to_do}"]


def _time(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"
