"""What a ticket says: worked examples, and texts that cannot be made to say anything else."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.attacks import ATTACKS, attack
from tests.support.cases import by_name, load_cases
from tests.support.json_values import any_json, incident_report
from tests.support.rendered import HARMLESS, Rendered, render, without_bullets, words
from webapp.domain.html_text import html_to_text
from webapp.domain.incident import Incident, Remediation, Remediations, parse_incident, raw_text
from webapp.domain.portal_link import build_portal_url
from webapp.domain.ticket_text import (
    CUT_NOTE,
    FOOTER,
    LIST_LENGTH,
    PREFIX,
    RAW_LENGTH,
    SUMMARY_LENGTH,
    TITLE_LENGTH,
    UNMAPPED_PREFIX,
    TicketContext,
    build_body,
    build_creation_note,
    build_quarantine_body,
    build_quarantine_title,
    build_title,
    build_update_note,
    format_time,
    parse_agent,
)
from webapp.domain.untrusted import clean_text, prune

CASES = load_cases("ticket_text")
PORTAL = "https://acme.huntress.io/incident_reports/42"
LINK = ("View in Huntress portal", PORTAL)
HEADINGS = [
    "Security Incident",
    "SOC Summary",
    "Affected Host",
    "Organization",
    "Remediations",
    "Links",
    "Raw report",
]
PLAIN = parse_incident(CASES["incident"])
CONTEXT = TicketContext(PORTAL, organization_name="Acme")


def incident_of(case: dict[str, Any]) -> Incident:
    return parse_incident({**CASES["incident"], **case.get("incident", {})})


# Worked examples


@pytest.mark.parametrize(("subdomain", "incident_id", "expected"), CASES["portal_url"])
def test_portal_url_example(subdomain, incident_id, expected):
    assert build_portal_url(subdomain, incident_id) == expected


@pytest.mark.parametrize("case", CASES["title"], ids=lambda case: case["expect"])
def test_title_example(case):
    assert build_title(incident_of(case), is_unmapped=case["unmapped"]) == case["expect"]


@pytest.mark.parametrize("case", by_name(CASES["body"]))
def test_body_example(case):
    incident = incident_of(case)
    if not case["agent"]:
        incident = incident_of({"incident": {**case.get("incident", {}), "agent_id": None}})
    body = build_body(
        incident,
        TicketContext(
            portal_url=build_portal_url(case["subdomain"], incident.id or ""),
            organization_name=case.get("organization_name"),
            agent=parse_agent(CASES["agent"], "7") if case["agent"] else None,
            is_unmapped=case["unmapped"],
        ),
    )
    assert [text for text in case["contains"] if text not in body] == []
    assert [text for text in case["lacks"] if text in body] == []


def test_creation_note_example():
    note = build_creation_note(PLAIN)
    assert [text for text in CASES["creation_note"]["contains"] if text not in note] == []


@pytest.mark.parametrize("case", CASES["update_note"], ids=lambda case: "-".join(case["contains"]))
def test_update_note_example(case):
    note = build_update_note(
        incident_of(case),
        previous=incident_of({"incident": case["previous"]}),
        status=case["previous"].get("status", PLAIN.status),
        severity=case["previous"].get("severity", PLAIN.severity_word),
    )
    assert [text for text in case["contains"] if text not in note] == []


def test_the_whole_body_in_order():
    agent = parse_agent(CASES["agent"], "7")
    body = build_body(PLAIN, TicketContext(PORTAL, "Acme", agent, is_unmapped=True))
    assert body == (
        '> **Unmapped organization.** The Huntress organization "Acme" is not mapped to a client.'
        " Map it under Integrations → Huntress → Organizations.\n"
        "\n"
        "## Security Incident\n"
        "**Severity:** critical\n"
        "**Status:** sent\n"
        "**Platform:** windows\n"
        "**Indicators:** footholds (1), process_detections (2)\n"
        "**Reported:** 2026-06-09T10:00:00Z\n"
        "\n"
        "## SOC Summary\n"
        "Huntress detected a malicious scheduled task.\n"
        "\n"
        "## Affected Host\n"
        "**Hostname:** SRV01\n"
        "**OS:** Windows Server 2022\n"
        "**Internal IP:** 10.0.0.5\n"
        "**External IP:** 203.0.113.9\n"
        "**Serial Number:** SN-123\n"
        "**Last Callback:** 2026-06-09T09:55:00Z\n"
        "\n"
        "## Remediations\n"
        "- [pending] Delete File: c:\\bad\\task\n"
        "\n"
        "## Links\n"
        f"[View in Huntress portal]({PORTAL})\n"
        "\n"
        "---\n"
        "*This ticket was automatically created from a Huntress incident report.*"
    )


# Nothing a report says gets out of its place

texts = st.one_of(attack, st.sampled_from(ATTACKS), any_json)
hostile_reports = st.fixed_dictionaries(
    {"id": st.just(42)},
    optional={
        **dict.fromkeys(
            ["subject", "summary", "body", "severity", "status", "platform", "organization_id"],
            texts,
        ),
        "agent_id": st.one_of(st.integers(1, 9), st.sampled_from(["__a__", "-", "1.", "_"])),
        "indicator_types": st.lists(texts, max_size=3),
        "indicator_counts": st.dictionaries(attack, texts, max_size=3),
        "remediations": st.lists(
            st.fixed_dictionaries(
                {},
                optional=dict.fromkeys(["type", "action", "status"], texts)
                | {"parameters": st.one_of(texts, st.lists(texts, max_size=3))},
            ),
            max_size=3,
        ),
        "sent_at": st.sampled_from(["2026-06-09T10:00:00Z", "# x", None]),
    },
)
hostile_agents = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ["hostname", "os", "ipv4_address", "external_ip", "serial_number", "last_callback_at"],
        texts,
    ),
)


@st.composite
def contexts(draw: st.DrawFn) -> TicketContext:
    name = draw(attack)
    return TicketContext(
        portal_url=PORTAL,
        organization_name=parse_incident({"subject": name}).subject,
        agent=parse_agent(draw(hostile_agents), "__7__") if draw(st.booleans()) else None,
        is_agent_unknown=draw(st.booleans()),
        is_unmapped=draw(st.booleans()),
    )


def assert_only_ours(seen: Rendered, *, quotes: int = 0, code: int = 0) -> None:
    """Exactly our headings, quotes and code blocks, and the portal link as the only live one."""
    ours = [heading for heading in HEADINGS if ("h2", heading) in seen.headings]
    assert seen.headings == [("h2", heading) for heading in ours]
    assert seen.links == [LINK]
    assert len(seen.quotes) == quotes
    assert len(seen.code) == code
    structure = {"h2", "a", "blockquote", "pre", "code"}
    assert set(seen.tags) <= HARMLESS | structure
    assert all(text.endswith((":", ".")) for text in seen.emphasized)
    assert seen.tags.count("hr") == 1


@given(hostile_reports, contexts())
def test_a_body_has_our_structure_whatever_its_values_are(report, context):
    incident = parse_incident(report)
    body = build_body(incident, context)
    seen = render(body)
    assert_only_ours(seen, quotes=context.is_unmapped)
    labels = [text for text in seen.emphasized if text.endswith(":")]
    assert len(labels) == len(set(labels))
    assert ("h2", "Security Incident") in seen.headings
    assert ("Affected Host" in seen.by_section) != ("Organization" in seen.by_section) or (
        context.agent is None and incident.agent_id is None
    )
    assert seen.words.endswith(FOOTER.strip("*"))


@given(attack)
def test_a_summary_reads_as_it_was_written(value):
    incident = parse_incident({**CASES["incident"], "summary": value, "body": None})
    seen = render(build_body(incident, CONTEXT))
    summary = seen.by_section.get("SOC Summary", "")
    assert words(summary) == words(without_bullets(incident.summary or ""))


@given(attack)
def test_a_body_without_a_summary_reads_as_its_text(value):
    incident = parse_incident({**CASES["incident"], "summary": None, "body": f"<p>{value}</p>"})
    seen = render(build_body(incident, CONTEXT))
    text = clean_text(html_to_text(incident.body or "")) or ""
    assert words(seen.by_section.get("SOC Summary", "")) == words(without_bullets(text))


@pytest.mark.parametrize("value", ATTACKS)
def test_an_attack_is_shown_as_text_in_every_one_line_field(value):
    everywhere = {
        **CASES["incident"],
        "status": value,
        "platform": value,
        "indicator_types": [value],
        "remediations": [{"action": value, "status": value, "parameters": [value, value]}],
    }
    incident = parse_incident(everywhere)
    agent = parse_agent({"hostname": value, "os": value}, "7")
    seen = render(
        build_body(incident, TicketContext(PORTAL, incident.platform, agent, False, True))
    )
    assert_only_ours(seen, quotes=1)
    for line in (incident.status, incident.platform, agent.hostname, agent.os):
        assert line is None or line in seen.words
    for item in incident.remediations.items:
        shown = f"[{item.status}] {item.action}: {', '.join(item.parameters)}"
        assert shown in words(seen.by_section["Remediations"])


@given(hostile_reports, hostile_reports)
def test_notes_have_no_link_and_no_heading(before, after):
    previous, incident = parse_incident(before), parse_incident(after)
    for note in (
        build_creation_note(incident),
        build_update_note(
            incident, previous=previous, status=previous.status, severity=previous.severity_word
        ),
        build_update_note(incident, previous=None, status=None, severity=None),
    ):
        assert set(render(note).tags) <= {"p", "br", "ul", "li"}, note


@given(any_json, attack, attack)
def test_a_quarantine_ticket_has_our_structure_whatever_it_is_about(raw, key, problem):
    text = raw_text(prune(raw))
    seen = render(build_quarantine_body(key, problem=problem, raw=text, portal_url=PORTAL))
    assert_only_ours(seen, quotes=1, code=1)
    assert seen.code == [f"{text}\n"]
    title = build_quarantine_title(f"sha256:{'a' * 64}")
    assert len(title) <= TITLE_LENGTH


def test_a_huge_raw_report_is_cut():
    body = build_quarantine_body("1", problem="x", raw="`" * 100_000, portal_url=None)
    assert len(render(body).code[0]) <= RAW_LENGTH + 1
    assert render(body).links == []


@given(incident_report, st.booleans())
def test_titles_are_one_line_within_the_column(report, is_unmapped):
    title = build_title(parse_incident(report), is_unmapped=is_unmapped)
    assert title.splitlines() == [title]
    assert len(title) <= TITLE_LENGTH
    assert title.startswith(f"{PREFIX} {UNMAPPED_PREFIX} " if is_unmapped else f"{PREFIX} ")
    title.encode("utf-8")


def test_a_long_title_ends_with_an_ellipsis():
    title = build_title(parse_incident({"id": 1, "subject": "x" * 900}), is_unmapped=True)
    assert len(title) == TITLE_LENGTH
    assert title.endswith("x…")


# Sections


def body_of(context: TicketContext = CONTEXT, **changes: Any) -> str:
    return build_body(parse_incident({**CASES["incident"], **changes}), context)


def test_empty_lines_are_left_out():
    body = build_body(Incident("1"), TicketContext(None))
    assert "None" not in body
    assert render(body).headings == [("h2", "Security Incident"), ("h2", "Organization")]
    assert "**Severity:** Huntress said nothing about the severity: treated as High" in body


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (TicketContext(PORTAL, is_agent_unknown=True), "Host unknown to Huntress (agent 7)."),
        (TicketContext(PORTAL), "The details of agent 7 are being fetched from Huntress."),
        (TicketContext(PORTAL, agent=parse_agent({}, "7")), "**Hostname:** agent 7"),
    ],
)
def test_a_host_whose_details_are_missing(context, expected):
    assert f"## Affected Host\n{expected}\n" in body_of(context)


@pytest.mark.parametrize(
    ("name", "organization_id", "shown"),
    [("Acme", 9, "Acme"), (None, 9, "9"), (None, None, "unknown")],
)
def test_the_warning_names_the_organization_as_well_as_it_can(name, organization_id, shown):
    body = body_of(
        TicketContext(PORTAL, name, is_unmapped=True),
        organization_id=organization_id,
        agent_id=None,
    )
    assert f'The Huntress organization "{shown}" is not mapped' in body
    assert f"## Organization\n**Huntress Organization:** {shown}\n" in body


def test_an_unknown_severity_is_said():
    body = body_of(TicketContext(PORTAL, priority="P2"), severity="Medium")
    assert "**Severity:** Huntress said 'Medium': treated as P2" in body


@pytest.mark.parametrize(
    ("remediations", "lines"),
    [
        ({"items": [{"action": "a"}], "total_count": 1}, ["- [unknown] a"]),
        (
            {"items": [{"type": "manual"}, {}], "total_count": 2},
            ["- [unknown] manual", "- [unknown] unnamed"],
        ),
        (
            {"items": [{"action": "a", "parameters": ["x", {"description": "y"}]}]},
            ["- [unknown] a: x, y"],
        ),
        (
            {"items": [{"action": "a"}], "total_count": 9},
            ["- [unknown] a", "…and more (9 total — see portal)"],
        ),
        (
            {"items": [{"action": "a"}], "has_more": True},
            ["- [unknown] a", "…and more (see portal)"],
        ),
        ({"items": None, "total_count": 9}, ["…and more (9 total — see portal)"]),
        ({"items": None, "has_more": True}, ["…and more (see portal)"]),
        (None, []),
    ],
)
def test_remediations(remediations, lines):
    body = body_of(remediations=remediations)
    assert [line for line in lines if line not in body.splitlines()] == []
    assert ("## Remediations" in body) == bool(lines)


def test_a_huge_summary_is_cut_and_quick():
    body = body_of(summary="*" * 5_000_000, body="<" * 5_000_000)
    assert len(body) < 3 * SUMMARY_LENGTH
    assert "…" in body


@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", "//huntress.io/1", "ftp://x/1"])
def test_only_a_web_address_is_linked(url):
    assert "## Links" not in body_of(TicketContext(url))


@pytest.mark.parametrize(
    "subdomain",
    ["", "a.b", "evil.example/", "a b", "-a", "a-", "é", "a\n", "a" * 64, "a@b", "a?b", "a#b"],
)
def test_a_subdomain_that_is_none_is_left_out(subdomain):
    assert build_portal_url(subdomain, 42) == "https://huntress.io/incident_reports/42"


def test_the_portal_address_follows_the_template():
    template = (
        "https://{subdomain}.huntress.io/org/{organization_id}/incident_reports/{incident_id}"
    )
    url = build_portal_url("Acme", "4/2", organization_id="9 9", template=template)
    assert url == "https://acme.huntress.io/org/9%209/incident_reports/4%2F2"
    without = build_portal_url("acme", 1, template=template)
    assert without == "https://acme.huntress.io/incident_reports/1", (
        "an incident of no organization"
    )


@given(attack, attack)
def test_no_id_makes_a_link_lead_elsewhere(subdomain, incident_id):
    url = build_portal_url(subdomain, incident_id)
    assert url.partition("huntress.io/incident_reports/")[0].count("/") == 2
    assert not set(url) & set(" ()<>[]\"'\\\n`")


# Notes


def note_of(before: dict[str, Any], **after: Any) -> str:
    previous = parse_incident({**CASES["incident"], **before})
    return build_update_note(
        parse_incident({**CASES["incident"], **before, **after}),
        previous=previous,
        status=previous.status,
        severity=previous.severity_word,
    )


STEP = {"id": 1, "type": "manual", "action": "Delete File", "status": "unapproved"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"severity": "low"}, "Severity changed from critical to low."),
        ({}, {"status": "dismissed"}, "Status changed from sent to dismissed."),
        ({}, {"status": None}, "Status changed from sent to unknown."),
        ({}, {"summary": "New words"}, "The SOC summary changed.\n\nNew words\n"),
        ({}, {"body": "<p>x</p>"}, "The SOC summary is as it was; the rest of the report changed."),
        (
            {"summary": "It ran. It was *found*."},
            {"summary": "It ran. It is gone."},
            "- New: It is gone.\n- No longer said: It was \\*found\\*.\n",
        ),
        (
            {"summary": None, "body": "<p>One.</p><p>Two.</p>"},
            {"summary": None, "body": "<p>One.</p><p>Two.</p><p>Three.</p>"},
            "The SOC summary changed.\n\n- New: Three.\n",
        ),
        (
            {"remediations": []},
            {"remediations": [STEP]},
            "New remediation: [unapproved] Delete File",
        ),
        (
            {"remediations": [STEP]},
            {"remediations": [{**STEP, "status": "completed"}]},
            "Remediation: [completed] Delete File (was unapproved)",
        ),
        ({}, {"subject": "x"}, "The incident report was updated in Huntress."),
    ],
)
def test_an_update_note_names_what_changed(before, after, expected):
    note = note_of(before, **after)
    assert expected in note
    assert note.endswith("Updated: 2026-06-09T10:00:00Z")


def test_an_update_note_holds_no_summary_again():
    told = "\n".join(f"Sentence {number}." for number in range(50))
    note = note_of({"summary": told}, summary=f"{told}\nOne more.")
    assert "One more." in note
    assert "Sentence" not in note


def test_many_changes_of_a_text_are_counted():
    told = "\n".join(f"{number} {'x' * 500}" for number in range(60))
    note = note_of({"summary": f"{told}\nKept."}, summary="Kept.")
    assert "…and 41 more changes of the text." in note
    assert len(note) < LIST_LENGTH + 500


def test_an_update_note_does_not_name_what_did_not_change():
    note = note_of({"remediations": [STEP]}, severity="low")
    assert note == ("Severity changed from critical to low.\nUpdated: 2026-06-09T10:00:00Z")


def test_remediations_without_an_id_are_told_apart_by_what_they_are():
    old = Incident("1", remediations=Remediations((Remediation(None, "manual", "a", "sent"),), 1))
    new = Remediation(None, "manual", "b", "sent")
    incident = Incident("1", remediations=Remediations((*old.remediations.items, new), 2))
    note = build_update_note(incident, previous=old, status=None, severity=None)
    assert note == "New remediation: [sent] b"


@pytest.mark.parametrize(
    ("time", "expected"),
    [(None, None), (datetime(2026, 6, 9, 1, 2, 3, tzinfo=UTC), "2026-06-09T01:02:03Z")],
)
def test_format_time(time, expected):
    assert format_time(time) == expected


@given(any_json, any_json, any_json)
def test_an_agents_details_fit_their_columns(hostname, address, moment):
    raw = {"hostname": hostname, "ipv4_address": address, "last_callback_at": moment}
    agent = parse_agent(raw, "7")
    assert agent.id == "7"
    assert agent.hostname is None or len(agent.hostname) <= 255
    assert agent.internal_ip is None or len(agent.internal_ip) <= 64
    assert agent.last_callback_at is None or agent.last_callback_at.tzinfo is UTC


def test_a_huge_report_makes_a_body_and_a_note_that_a_person_could_save():
    step = {"action": "*" * 2_000, "status": "_" * 60, "parameters": ["`" * 2_000] * 60}
    raw = {
        "summary": "a\t\t\t" * 50_000,
        "indicator_types": [f"{number}" + "*" * 100 for number in range(60)],
        "remediations": {"items": [{**step, "id": number} for number in range(60)]},
    }
    body = body_of(**raw)
    assert len(body) < 50_000
    assert body.count(CUT_NOTE) == 2
    assert "…and more (60 total — see portal)" in body
    note = note_of({"remediations": None}, **raw)
    assert len(note) < 50_000
    assert "more changes of remediations." in note


def test_only_what_was_cut_says_so():
    step = {"id": 1, "action": "a", "parameters": ["x" * 900] * 2}
    assert CUT_NOTE not in body_of(summary="y" * SUMMARY_LENGTH, remediations=[step])
    assert CUT_NOTE in body_of(summary="y" * (SUMMARY_LENGTH + 1))
    assert CUT_NOTE in body_of(remediations=[{**step, "parameters": ["x" * 900] * 3}])


def test_a_huge_unreadable_report_is_cut_and_says_so():
    body = build_quarantine_body("1", problem="x", raw="`" * 100_000, portal_url=None)
    assert len(body) < 50_000
    assert CUT_NOTE in body
    assert CUT_NOTE not in build_quarantine_body("1", problem="x", raw="{}", portal_url=None)
