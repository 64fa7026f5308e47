"""Composing a message: what is told of one ticket, of several, or of a flood of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from webapp.domain.incident import Severity
from webapp.domain.notices.defang import defang_line
from webapp.domain.notices.events import (
    ASSIGNED_TYPE,
    CLOSED,
    EVENTS,
    MENTIONED_TYPE,
    PERSONAL_TYPES,
    RETURNED_TYPE,
    TAKEN_TYPE,
    WATCHED_TYPE,
    YOURS_DUE_SOON_TYPE,
    YOURS_OVERDUE_TYPE,
)
from webapp.domain.notices.facts import TicketFacts
from webapp.domain.notices.message import Brief, Link, Message, Stage, Urgency
from webapp.domain.untrusted import cut

DRILL = "DRILL"
TITLE_LENGTH = 200
LINE_LENGTH = 400
NAME_LENGTH = 40
"""Characters of a client's or a host's name in a text message."""
MOST_NAMED = 20
"""A bundle names so many tickets; the number of the others is told."""
FLOOD_NAMED = 3
"""The notice of a flood names so many, each with its link."""

DEFAULT_MAIL_SUBJECT = "[{number}] {severity}: {title}"
SUBJECT_FIELDS = ("number", "client", "client_reference", "severity", "title")

PLAIN_MAIL_SUBJECT = "[{number}] {title}"
"""The subject of mails about a ticket without an incident, which has no severity."""

BACKFILL, REQUEST, HELD, PAGE = "backfill", "request", "held", "page"
"""Why several rows are one message; the first word of their `bundle`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing to tell: the event's type, the ticket, where it is opened and how it is taken."""

    type: str
    facts: TicketFacts
    url: str
    take_url: str | None = None
    happened_at: datetime


def compose_ticket(key: str, told: Told, *, mail_subject: str = DEFAULT_MAIL_SUBJECT) -> Message:
    """Return the message about one ticket."""
    facts, stage = told.facts, stage_of(told.type)
    return Message(
        key=key,
        event=told.type,
        subject=f"ticket:{facts.ticket_id}",
        title=_marked(
            facts, defang_line(f"{_opening(told)}{facts.subject} [{facts.number}]", TITLE_LENGTH)
        ),
        lines=tuple(_ticket_lines(told)),
        links=_links(told),
        mail_subject=_marked(
            facts,
            build_mail_subject(mail_subject if facts.incident_id else PLAIN_MAIL_SUBJECT, facts),
        ),
        urgency=_urgency(told),
        stage=stage,
        severity=facts.severity,
        happened_at=told.happened_at,
        data=webhook_data(told),
        brief=_ticket_brief(told),
    )


def compose_bundle(key: str, all_told: Sequence[Told], *, reason: str, list_url: str) -> Message:
    """Return the message that names each of several tickets, the gravest first.

    `reason` is why they are together.
    """
    first = all_told[0]
    named = sorted(all_told, key=_gravity)[:MOST_NAMED]
    lines = [_short_line(told) for told in named]
    if len(all_told) > len(named):
        lines.append(f"… and {len(all_told) - len(named):,} more.")
    title = _marked_all(
        all_told, f"{_bundle_opening(reason, all_told)}: {incident_words(all_told)}"
    )
    links = _links_of_several(all_told, list_url)
    return Message(
        key=key,
        event=first.type,
        subject=f"bundle:{key}",
        title=title,
        lines=tuple(lines),
        links=links,
        urgency=max((_urgency(told) for told in all_told), key=list(Urgency)[::-1].index),
        stage=Stage.PLAIN if reason in (BACKFILL, REQUEST) else first_stage(all_told),
        severity=gravest(all_told),
        happened_at=first.happened_at,
        brief=_brief_of_several(title, map(_brief_line, named), links),
    )


def compose_flood(key: str, all_told: Sequence[Told], *, list_url: str) -> Message:
    """Return the one notice that stands for more messages than a target is sent.

    It names the gravest of the tickets that somebody is asked to take; the others are counted.
    """
    to_take = [all_told[place] for place in places_to_take(all_told)[:FLOOD_NAMED]]
    named = [_brief_line(told) for told in to_take]
    tickets = {told.facts.ticket_id for told in all_told}
    clients = Counter(told.facts.client for told in all_told)
    counts = [
        f"{count:,} at {defang_line(name, 100)}" for name, count in clients.most_common(MOST_NAMED)
    ]
    title = (
        f"Many at once: {len(all_told):,} messages about {len(tickets):,} tickets"
        f" ({severity_counts(all_told)})"
    )
    links = _links_of_several(to_take, list_url)
    short_title = _marked_all(all_told, f"Many at once: {incident_words(all_told)}")
    return Message(
        key=key,
        event=all_told[0].type,
        subject=f"bundle:{key}",
        title=_marked_all(all_told, title),
        lines=(*named, "They are not told one by one until it calms down.", *counts),
        links=links,
        urgency=max((_urgency(told) for told in all_told), key=list(Urgency)[::-1].index),
        stage=first_stage(all_told),
        severity=gravest(all_told),
        happened_at=all_told[0].happened_at,
        brief=_brief_of_several(short_title, (*named, *counts), links),
    )


def places_to_take(all_told: Sequence[Told]) -> list[int]:
    """Return where in `all_told` a ticket stands that somebody is asked to take, gravest first.

    Of a ticket that is told several times the last one counts.
    """
    last = {told.facts.ticket_id: place for place, told in enumerate(all_told)}
    asking = (place for place in last.values() if asks_to_take(all_told[place].type))
    return sorted(asking, key=lambda place: (*_gravity(all_told[place]), place))


def build_mail_subject(template: str, facts: TicketFacts) -> str:
    """Return the subject of mails about a ticket, as the template says.

    It does not change with what happens to the ticket, so that its mails stay one thread. Of an
    unknown name in braces nothing is replaced.
    """
    values = {
        "number": facts.number,
        "client": facts.client,
        "client_reference": facts.client_reference or "",
        "severity": facts.severity_words,
        "title": facts.subject,
    }
    text = template
    for name in SUBJECT_FIELDS:
        text = text.replace("{" + name + "}", defang_line(values[name], TITLE_LENGTH))
    return cut(" ".join(text.split()), TITLE_LENGTH)


def ticket_details(facts: TicketFacts) -> list[tuple[str, str]]:
    """Return what a message says of a ticket, cleaned, each with its name."""
    severity = facts.severity_words
    if facts.previous_severity:
        severity += f" (was {Severity.of(facts.previous_severity).value})"
    pairs = (
        ("Note", facts.note),
        ("What happened", facts.what),
        ("Severity", severity if facts.severity or facts.incident_id else None),
        ("Client", f"{facts.client} (triage: not mapped)" if facts.is_unmapped else facts.client),
        ("Huntress organization", facts.organization if facts.is_unmapped else None),
        ("Host", facts.host),
        ("Ticket", facts.number),
    )
    return [(name, defang_line(value, LINE_LENGTH)) for name, value in pairs if value]


def webhook_data(told: Told) -> Mapping[str, object]:
    """Return the `data` of a webhook; the first six names are fixed for outside readers."""
    facts = told.facts
    return {
        "number": facts.number,
        "title": defang_line(facts.title, TITLE_LENGTH),
        "severity": facts.severity,
        "client": facts.client,
        "incident_id": facts.incident_id,
        "url": told.url,
        "client_reference": facts.client_reference,
        "organization": defang_line(facts.organization, TITLE_LENGTH) or None,
        "host": defang_line(facts.host, TITLE_LENGTH) or None,
        "what": defang_line(facts.what, LINE_LENGTH) or None,
        "unmapped": facts.is_unmapped,
        "previous_severity": facts.previous_severity,
        "person": facts.person,
        "drill": facts.is_drill,
    }


def stage_of(type_: str) -> Stage:
    """Return what an event says of its ticket."""
    if type_ == TAKEN_TYPE:
        return Stage.TAKEN
    return next((event.stage for event in EVENTS.values() if event.type == type_), Stage.PLAIN)


def asks_to_take(type_: str) -> bool:
    """Whether an event calls for somebody who takes its ticket."""
    return stage_of(type_) in (Stage.BEGINS, Stage.GOES_ON)


def first_stage(all_told: Sequence[Told]) -> Stage:
    """Return the stage of a bundle: the first of its members that still needs somebody."""
    stages = [stage_of(told.type) for told in all_told]
    order = (Stage.BEGINS, Stage.GOES_ON, Stage.TAKEN, Stage.OVER, Stage.PLAIN)
    return min(stages, key=order.index)


def gravest(all_told: Sequence[Told]) -> str | None:
    """Return the highest severity among several tickets."""
    words = [told.facts.severity for told in all_told]
    return max(words, key=lambda word: Severity.of(word).rank, default=None)


def severity_counts(all_told: Sequence[Told]) -> str:
    """Return for instance `1 critical, 2 high`; each ticket counts once."""
    by_ticket = {told.facts.ticket_id: Severity.of(told.facts.severity) for told in all_told}
    counts = Counter(by_ticket.values())
    order = sorted(counts, key=lambda severity: (-severity.rank, severity.value))
    return ", ".join(f"{counts[severity]:,} {severity.value}" for severity in order)


def incident_words(all_told: Sequence[Told]) -> str:
    """Return for instance `3 incidents (1 critical, 2 high)`."""
    count = len({told.facts.ticket_id for told in all_told})
    return f"{count:,} {'incident' if count == 1 else 'incidents'} ({severity_counts(all_told)})"


def _opening(told: Told) -> str:
    facts = told.facts
    person = f" by {facts.person}" if facts.person else ""
    if told.type in PERSONAL_TYPES.values():
        return f"{_personal_words(told)}: "
    if told.type == TAKEN_TYPE:
        return f"Taken{person}: "
    if told.type == EVENTS[CLOSED].type:
        return f"Closed{person}: "
    headline = next((e.headline for e in EVENTS.values() if e.type == told.type), "")
    return (
        f"{headline}, {facts.severity_words.lower()}: " if headline else f"{facts.severity_words}: "
    )


_OF_ITSELF = {
    YOURS_DUE_SOON_TYPE: "Due soon",
    YOURS_OVERDUE_TYPE: "Overdue",
    RETURNED_TYPE: "Back from waiting",
}


def _personal_words(told: Told) -> str:
    person = told.facts.person or "Triagedesk"
    if told.type == MENTIONED_TYPE:
        return f"{person} mentioned you"
    if told.type == ASSIGNED_TYPE:
        return f"{person} assigned you"
    return _OF_ITSELF.get(told.type) or f"Changed by {person}"


def _bundle_opening(reason: str, all_told: Sequence[Told]) -> str:
    if all(told.type in PERSONAL_TYPES.values() for told in all_told):
        return "You watch" if all_told[0].type == WATCHED_TYPE else "For you"
    if reason == BACKFILL:
        return "The first poll brought"
    if reason == REQUEST:
        return "Tickets were made for"
    if reason == HELD:
        return "While it was quiet"
    names = {told.facts.organization or told.facts.client for told in all_told}
    return defang_line(next(iter(names)), 80) if len(names) == 1 else "Several clients"


def _ticket_lines(told: Told) -> list[str]:
    return [f"{name}: {value}" for name, value in ticket_details(told.facts)]


def _short_line(told: Told) -> str:
    facts = told.facts
    where = f" on {facts.host}" if facts.host and facts.host not in facts.title else ""
    text = f"{facts.number} · {_opening(told)}{facts.subject}{where}"
    if facts.what:
        text += f" · {facts.what}"
    return _marked(facts, defang_line(text, LINE_LENGTH))


def _ticket_brief(told: Told) -> Brief:
    """What happened comes last: it is long, and the first to be cut."""
    facts = told.facts
    what = defang_line(facts.what, LINE_LENGTH)
    lines = (_brief_line(told), defang_line(facts.subject, TITLE_LENGTH), what)
    return Brief(tuple(filter(None, lines)), (told.take_url or told.url,))


def _brief_line(told: Told) -> str:
    """Number, severity, client and host: what one has to know at night."""
    facts = told.facts
    client = cut(facts.client, NAME_LENGTH)
    if facts.is_unmapped:
        client = f"{cut(facts.organization or facts.client, NAME_LENGTH)} (not mapped)"
    where = f", {cut(facts.host, NAME_LENGTH)}" if facts.host else ""
    text = f"{facts.number} · {_opening(told)}{client}{where}"
    return _marked(facts, defang_line(text, TITLE_LENGTH))


def _links(told: Told) -> tuple[Link, ...]:
    opening = Link("Open the ticket", told.url)
    return (Link("Take it", told.take_url), opening) if told.take_url else (opening,)


def _links_of_several(all_told: Sequence[Told], list_url: str) -> tuple[Link, ...]:
    """The links that take a ticket, the gravest first, and the one to all of them."""
    asking = [all_told[place] for place in places_to_take(all_told)]
    links = [Link(f"Take {told.facts.number}", told.take_url) for told in asking if told.take_url]
    return (*links, Link("Open the tickets", list_url))


def _brief_of_several(title: str, lines: Iterable[str], links: Sequence[Link]) -> Brief:
    """Each link that takes a ticket says which; without any there is the one to all of them."""
    takes = tuple(f"{link.words}: {link.url}" for link in links[:-1])
    return Brief((title, *lines), takes or (links[-1].url,))


def _gravity(told: Told) -> tuple[bool, int, bool]:
    """What calls for somebody comes first, then what is graver; among equals a drill comes last."""
    rank = Severity.of(told.facts.severity).rank
    return not asks_to_take(told.type), -rank, told.facts.is_drill


def _urgency(told: Told) -> Urgency:
    if told.type in PERSONAL_TYPES.values() and told.type != WATCHED_TYPE:
        return Urgency.NORMAL
    if not asks_to_take(told.type):
        return Urgency.QUIET
    is_critical = Severity.of(told.facts.severity) is Severity.CRITICAL
    return Urgency.PAGE if is_critical else Urgency.NORMAL


def _marked(facts: TicketFacts, text: str) -> str:
    return f"{DRILL} {text}" if facts.is_drill else text


def _marked_all(all_told: Sequence[Told], text: str) -> str:
    is_drill = all(told.facts.is_drill for told in all_told)
    return f"{DRILL} {text}" if is_drill else text
