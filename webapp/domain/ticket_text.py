"""Writing a ticket's title, body and notes, in Markdown.

Everything that Huntress wrote goes through `markdown_text`, so that the portal link is the only
live link and our headings are the only headings. `tests/cases/ticket_text.json` has worked
examples.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from webapp.domain.html_text import html_to_text
from webapp.domain.incident import Incident, Remediation, Severity
from webapp.domain.markdown_text import escape_block, escape_line, fenced
from webapp.domain.triage.text_change import compare_texts
from webapp.domain.untrusted import clean_line, clean_text, cut, parse_time

TITLE_LENGTH = 255
SUMMARY_LENGTH = 20_000
ESCAPED_SUMMARY_LENGTH = 25_000
PARAMETERS_LENGTH = 2_000
LIST_LENGTH = 10_000
RAW_LENGTH = 15_000
"""The longest parts of a body; together they fit what a person may save (50,000 characters)."""

CUT_NOTE = "*Cut for length: the whole report is kept with the incident.*"
FOOTER = "*This ticket was automatically created from a Huntress incident report.*"
PREFIX = "[Huntress]"
UNMAPPED_PREFIX = "[Unmapped Org]"
UNMAPPED_WARNING = "> **Unmapped organization.**"
MAP_WHERE = "Map it under Integrations → Huntress → Organizations."
_LINK_WORDS = "View in Huntress portal"
_PORTAL_LINK = re.compile(rf"(?m)(^## Links\n\[{_LINK_WORDS}\]\()\S*\)$")


@dataclass(frozen=True, slots=True)
class Agent:
    """A host's details as Huntress knows them; all but the id may be missing."""

    id: str
    hostname: str | None = None
    os: str | None = None
    internal_ip: str | None = None
    external_ip: str | None = None
    serial_number: str | None = None
    last_callback_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TicketContext:
    """The facts besides the incident that a ticket's text is made of.

    `agent` is None while its details are not known. `is_agent_unknown` says that Huntress answered
    that it has no such agent. `priority` names what an unknown severity is treated as.
    """

    portal_url: str | None
    organization_name: str | None = None
    agent: Agent | None = None
    is_agent_unknown: bool = False
    is_unmapped: bool = False
    priority: str = "High"


def parse_agent(raw: dict[str, object], agent_id: str) -> Agent:
    """Read an agent's details out of Huntress's answer; malformed fields become None."""
    return Agent(
        id=agent_id,
        hostname=clean_line(raw.get("hostname"), 255),
        os=clean_line(raw.get("os"), 255),
        internal_ip=clean_line(raw.get("ipv4_address"), 64),
        external_ip=clean_line(raw.get("external_ip"), 64),
        serial_number=clean_line(raw.get("serial_number"), 255),
        last_callback_at=parse_time(raw.get("last_callback_at")),
    )


def build_title(incident: Incident, *, is_unmapped: bool) -> str:
    """Return the title `[Huntress] <subject>` on one line, cut to TITLE_LENGTH."""
    subject = incident.subject or f"{incident.severity_word or 'unknown'} incident #{incident.id}"
    prefixes = [PREFIX, UNMAPPED_PREFIX] if is_unmapped else [PREFIX]
    return cut(" ".join([*prefixes, subject]), TITLE_LENGTH)


def build_body(incident: Incident, context: TicketContext) -> str:
    """Return the description of a ticket, in Markdown; a technician can triage from it alone."""
    sections = [
        _unmapped_warning(incident, context) if context.is_unmapped else "",
        _section("Security Incident", _incident_lines(incident, context)),
        _section("SOC Summary", _summary_lines(incident)),
        _host_section(incident, context),
        _section("Remediations", _remediation_lines(incident)),
        _links_section(context.portal_url),
        f"---\n{FOOTER}",
    ]
    return "\n\n".join(section for section in sections if section)


def without_unmapped_marks(title: str, body: str) -> tuple[str, str]:
    """Return the title and body without the words that say the organization has no client."""
    prefix = f"{PREFIX} {UNMAPPED_PREFIX} "
    first, _, rest = body.partition("\n\n")
    return (
        f"{PREFIX} {title.removeprefix(prefix)}" if title.startswith(prefix) else title,
        rest if first.startswith(UNMAPPED_WARNING) else body,
    )


def with_portal_link(body: str, url: str) -> str:
    """Return a machine-written body with `url` in its portal link; a body without one stays.

    Only our own headings are live, so the first link below "Links" is ours.
    """
    return _PORTAL_LINK.sub(lambda found: f"{found[1]}{url})", body, count=1)


def build_creation_note(incident: Incident) -> str:
    """Return the first comment, with the incident's id, severity, status and time."""
    return "\n".join(
        [
            f"Incident ID: {escape_line(incident.id or 'unknown')}",
            f"Severity: {escape_line(incident.raw_severity or 'unknown')}",
            f"Status: {escape_line(incident.raw_status or 'unknown')}",
            f"Updated: {format_time(incident.updated_at) or 'unknown'}",
        ]
    )


def build_update_note(
    incident: Incident, *, previous: Incident | None, status: str | None, severity: str | None
) -> str:
    """Return a note about what changed since the recorded `status` and `severity`.

    `previous` is the report of that time, None where it is not known.
    """
    lines = list(_changes(incident, previous, status, severity))
    if not lines:
        lines = ["The incident report was updated in Huntress."]
    if incident.updated_at:
        lines.append(f"Updated: {format_time(incident.updated_at)}")
    return "\n".join(lines)


def build_remediations_note(
    incident: Incident, *, previous: Incident, is_first: bool, is_in_body: bool
) -> str:
    """Return a note about remediations that were fetched later; empty where nothing is new.

    `previous` is the incident as it was known before. The first time (`is_first`) the note counts
    them if they stand in the ticket's body, and lists them if a person's text stands there.
    """
    changes = _listed_changes(incident, previous)
    if changes and is_first and is_in_body:
        count = len(incident.remediations.items)
        return f"The other remediations were fetched from Huntress: {count} in all."
    return "\n".join(changes)


def build_quarantine_title(key: str) -> str:
    """Return the title of a ticket for a report that could not be read."""
    return cut(f"{PREFIX} Unreadable incident report {key}", TITLE_LENGTH)


def build_quarantine_body(key: str, *, problem: str, raw: str, portal_url: str | None) -> str:
    """Return the body of a minimal ticket: id, problem, portal link and the raw report."""
    return "\n\n".join(
        part
        for part in [
            "> **This incident report could not be processed.** Look at it in Huntress; the ticket"
            " is completed by itself as soon as the report can be read.",
            _section(
                "Security Incident",
                [f"**Incident ID:** {escape_line(key)}", f"**Problem:** {escape_line(problem)}"],
            ),
            _links_section(portal_url),
            _section(
                "Raw report",
                [
                    fenced(clean_text(raw, RAW_LENGTH) or "(empty)"),
                    f"\n{CUT_NOTE}" if len(raw) > RAW_LENGTH else None,
                ],
            ),
            f"---\n{FOOTER}",
        ]
        if part
    )


def format_time(time: datetime | None) -> str | None:
    """Return `time` (UTC) as Huntress writes it, such as 2024-05-01T09:30:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time else None


def _section(heading: str, lines: Iterable[str | None]) -> str:
    filled = [line for line in lines if line]
    return "\n".join([f"## {heading}", *filled]) if filled else ""


def _field(label: str, value: str | None) -> str | None:
    return f"**{label}:** {escape_line(value)}" if value else None


def _unmapped_warning(incident: Incident, context: TicketContext) -> str:
    name = context.organization_name or incident.organization_id or "unknown"
    return (
        f'{UNMAPPED_WARNING} The Huntress organization "{escape_line(name)}" is not'
        f" mapped to a client. {MAP_WHERE}"
    )


def _incident_lines(incident: Incident, context: TicketContext) -> list[str | None]:
    indicators = ", ".join(
        f"{name} ({'?' if count is None else count})" for name, count in incident.indicators
    )
    return [
        _field("Severity", _severity_words(incident, context)),
        _field("Status", incident.status),
        _field("Platform", incident.platform),
        _field("Indicators", indicators),
        _field("Reported", format_time(incident.sent_at)),
    ]


def _severity_words(incident: Incident, context: TicketContext) -> str:
    if incident.severity is not Severity.UNKNOWN:
        return incident.severity_word or ""
    return unknown_severity_words(incident, context.priority)


def unknown_severity_words(incident: Incident, priority: str) -> str:
    """Return what becomes of a severity that Triagedesk does not know; not escaped."""
    said = f"'{incident.raw_severity}'" if incident.raw_severity else "nothing about the severity"
    return f"Huntress said {said}: treated as {priority}"


def _summary_lines(incident: Incident) -> list[str | None]:
    text = _told(incident)
    shown = cut(text, SUMMARY_LENGTH)
    while len(escaped := escape_block(shown)) > ESCAPED_SUMMARY_LENGTH:
        fitting = len(shown) * ESCAPED_SUMMARY_LENGTH // len(escaped)
        shown = cut(shown, min(fitting, len(shown) * 7 // 8))
    return [escaped, f"\n{CUT_NOTE}" if shown != text else None]


def _host_section(incident: Incident, context: TicketContext) -> str:
    agent = context.agent
    if agent is not None:
        return _section("Affected Host", _host_lines(agent))
    if incident.agent_id is None:
        name = context.organization_name or incident.organization_id or "unknown"
        return _section("Organization", [_field("Huntress Organization", name)])
    agent_id = escape_line(incident.agent_id)
    state = (
        f"Host unknown to Huntress (agent {agent_id})."
        if context.is_agent_unknown
        else f"The details of agent {agent_id} are being fetched from Huntress."
    )
    return _section("Affected Host", [state])


def _host_lines(agent: Agent) -> list[str | None]:
    return [
        _field("Hostname", agent.hostname or f"agent {agent.id}"),
        _field("OS", agent.os),
        _field("Internal IP", agent.internal_ip),
        _field("External IP", agent.external_ip),
        _field("Serial Number", agent.serial_number),
        _field("Last Callback", format_time(agent.last_callback_at)),
    ]


def _remediation_lines(incident: Incident) -> list[str]:
    remediations = incident.remediations
    lines = _within_length(_remediation_line(item) for item in remediations.items)
    shown = len(lines)
    is_shortened = shown < len(remediations.items)
    if remediations.has_more or is_shortened:
        is_counted = remediations.total > shown
        total = f"{remediations.total} total — " if is_counted else ""
        lines.append(f"\n…and more ({total}see portal)")
    if is_shortened or any(map(_has_long_parameters, remediations.items)):
        lines.append(f"\n{CUT_NOTE}")
    return lines


def _within_length(lines: Iterable[str]) -> list[str]:
    """Return the first of `lines`, as many as fit into LIST_LENGTH characters."""
    kept: list[str] = []
    room = LIST_LENGTH
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def _remediation_line(item: Remediation) -> str:
    action = escape_line(item.action or item.type or "unnamed")
    parameters = escape_line(cut(", ".join(item.parameters), PARAMETERS_LENGTH))
    line = f"- [{escape_line(item.status or 'unknown')}] {action}"
    return f"{line}: {parameters}" if parameters else line


def _has_long_parameters(item: Remediation) -> bool:
    return len(", ".join(item.parameters)) > PARAMETERS_LENGTH


def _links_section(portal_url: str | None) -> str:
    if not portal_url or urlsplit(portal_url).scheme not in ("https", "http"):
        return ""
    return _section("Links", [f"[{_LINK_WORDS}]({portal_url})"])


def _changes(
    incident: Incident, previous: Incident | None, status: str | None, severity: str | None
) -> Iterable[str]:
    if incident.severity_word != severity:
        yield f"Severity changed from {_word(severity)} to {_word(incident.severity_word)}."
    if incident.status != status:
        closed = f" at {format_time(incident.closed_at)}" if incident.closed_at else ""
        yield f"Status changed from {_word(status)} to {_word(incident.status)}{closed}."
    if previous is None:
        return
    if (incident.summary, incident.body) != (previous.summary, previous.body):
        yield from _text_changes(incident, previous)
    yield from _listed_changes(incident, previous)


def _text_changes(incident: Incident, previous: Incident) -> Iterable[str]:
    """Name the sentences that are new or gone; a text that was rewritten is told as a whole."""
    before, after = _told(previous), _told(incident)
    if before == after:
        yield "The SOC summary is as it was; the rest of the report changed."
        return
    change = compare_texts(before, after)
    if change.is_rewritten and after:
        summary = "\n".join(line for line in _summary_lines(incident) if line)
        yield f"The SOC summary changed.\n\n{summary}\n"
        return
    lines = [f"- New: {escape_line(text)}" for text in change.added]
    lines += [f"- No longer said: {escape_line(text)}" for text in change.gone]
    shown = _within_length(lines)
    rest = len(lines) - len(shown)
    more = [f"\n…and {rest} more changes of the text."] if rest else []
    yield "\n".join(["The SOC summary changed.", "", *shown, *more, ""])


def _told(incident: Incident) -> str:
    """What the SOC says: its summary, or else the report's body as plain text."""
    return clean_text(incident.summary or html_to_text(incident.body or "")) or ""


def _listed_changes(incident: Incident, previous: Incident) -> list[str]:
    changes = list(_remediation_changes(incident, previous))
    shown = _within_length(changes)
    if len(shown) < len(changes):
        shown.append(f"…and {len(changes) - len(shown)} more changes of remediations.")
    return shown


def _remediation_changes(incident: Incident, previous: Incident) -> Iterable[str]:
    before = {_identity(item): item for item in previous.remediations.items}
    for item in incident.remediations.items:
        known = before.get(_identity(item))
        if known is None:
            yield f"New remediation: {_remediation_line(item)[2:]}"
        elif known.status != item.status:
            yield f"Remediation: {_remediation_line(item)[2:]} (was {_word(known.status)})"


def _identity(item: Remediation) -> tuple[str | None, ...]:
    return (item.id,) if item.id else (item.type, item.action, *item.parameters)


def _word(value: str | None) -> str:
    return escape_line(value) if value else "unknown"
