"""What messages say: of one ticket, of several, of a flood."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.notices.compose import (
    BACKFILL,
    DRILL,
    FLOOD_NAMED,
    HELD,
    LINE_LENGTH,
    MOST_NAMED,
    PAGE,
    REQUEST,
    TITLE_LENGTH,
    Told,
    build_mail_subject,
    compose_bundle,
    compose_flood,
    compose_ticket,
    places_to_take,
)
from webapp.domain.notices.events import EVENTS, TAKEN_TYPE
from webapp.domain.notices.facts import TicketFacts, read_ticket_facts
from webapp.domain.notices.message import Link, Stage, Urgency

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FACTS = TicketFacts(
    ticket_id=7,
    number="T-7",
    title="CRITICAL - Incident on RECEPTION-PC",
    client="Fernhill Dental",
    client_id=3,
    board_id=1,
    severity="critical",
    client_reference="FD-1",
    organization="Fernhill",
    organization_key="4711",
    host="RECEPTION-PC",
    what="Malware calls https://evil.example",
    incident_id="918273",
    connection_id=1,
)


def told(
    type_: str = "ticket.created", facts: TicketFacts = FACTS, take: str | None = None
) -> Told:
    return Told(
        type=type_,
        facts=facts,
        url=f"https://desk.example/tickets/{facts.ticket_id}",
        take_url=take,
        happened_at=NOW,
    )


def many(count: int, **values: object) -> list[Told]:
    return [
        told(facts=replace(FACTS, ticket_id=key, number=f"T-{key}", **values))  # type: ignore[arg-type]
        for key in range(1, count + 1)
    ]


def test_a_message_says_what_one_has_to_know() -> None:
    message = compose_ticket("k", told(take="https://desk.example/take/x"))
    assert message.title == "Critical: CRITICAL - Incident on RECEPTION-PC [T-7]"
    for words in ("T-7", "Fernhill Dental", "RECEPTION-PC", "Severity: Critical"):
        assert words in message.text
    assert "hxxps[:]//evil[.]example" in message.text
    assert [link.words for link in message.links] == ["Take it", "Open the ticket"]
    assert (message.urgency, message.stage) == (Urgency.PAGE, Stage.BEGINS)
    assert message.subject == "ticket:7"
    assert message.mail_subject == "[T-7] Critical: CRITICAL - Incident on RECEPTION-PC"


@pytest.mark.parametrize(
    ("type_", "person", "opening", "urgency"),
    [
        ("ticket.created", None, "Critical: ", Urgency.PAGE),
        ("ticket.severity_raised", None, "Severity raised, critical: ", Urgency.PAGE),
        ("ticket.reopened", "Ada", "Reopened, critical: ", Urgency.PAGE),
        ("ticket.untouched", None, "Untouched, critical: ", Urgency.PAGE),
        ("ticket.quarantined", None, "Unreadable report, critical: ", Urgency.PAGE),
        ("ticket.closed", None, "Closed: ", Urgency.QUIET),
        ("ticket.closed", "Ada", "Closed by Ada: ", Urgency.QUIET),
        (TAKEN_TYPE, "Ada", "Taken by Ada: ", Urgency.QUIET),
    ],
)
def test_each_event_has_its_opening(
    type_: str, person: str | None, opening: str, urgency: Urgency
) -> None:
    message = compose_ticket("k", told(type_, replace(FACTS, person=person)))
    assert message.title.startswith(opening)
    assert message.urgency is urgency


def test_what_is_not_critical_is_no_page() -> None:
    for severity in ("high", "low", "strange", None):
        message = compose_ticket("k", told(facts=replace(FACTS, severity=severity)))
        assert message.urgency is Urgency.NORMAL


def test_an_unmapped_ticket_names_huntresss_organization() -> None:
    message = compose_ticket("k", told(facts=replace(FACTS, is_unmapped=True)))
    assert "Client: Fernhill Dental (triage: not mapped)" in message.lines
    assert "Huntress organization: Fernhill" in message.lines
    assert "Huntress organization" not in compose_ticket("k", told()).text


def test_a_drill_is_marked_everywhere() -> None:
    drill = told(facts=replace(FACTS, is_drill=True))
    message = compose_ticket("k", drill)
    assert message.title.startswith(f"{DRILL} ")
    assert message.mail_subject.startswith(f"{DRILL} ")
    assert message.data["drill"] is True
    assert compose_bundle("k", [drill, drill], reason=PAGE, list_url="u").title.startswith(DRILL)
    assert not compose_bundle("k", [drill, told()], reason=PAGE, list_url="u").title.startswith(
        DRILL
    )


def test_a_mails_subject_is_the_same_whatever_happens() -> None:
    subjects = {compose_ticket("k", told(event.type)).mail_subject for event in EVENTS.values()}
    assert len(subjects) == 1


def test_a_subject_replaces_known_names_only() -> None:
    template = "{number} {client} {client_reference} {severity} {title} {secret} {0}"
    subject = build_mail_subject(template, replace(FACTS, title="See {client}"))
    assert subject == "T-7 Fernhill Dental FD-1 Critical See {client} {secret} {0}"


def test_a_bundle_names_each_and_says_how_many_are_left() -> None:
    message = compose_bundle("k", many(MOST_NAMED + 5), reason=PAGE, list_url="https://desk/x")
    assert message.title.startswith("Fernhill: 25 incidents (25 critical)")
    assert len(message.lines) == MOST_NAMED + 1
    assert message.lines[-1] == "… and 5 more."
    assert all(f"T-{key} " in message.lines[key - 1] for key in range(1, MOST_NAMED + 1))


@pytest.mark.parametrize(
    ("reason", "opening"),
    [
        (BACKFILL, "The first poll brought: 2 incidents"),
        (REQUEST, "Tickets were made for: 2 incidents"),
        (HELD, "While it was quiet: 2 incidents"),
        (PAGE, "Fernhill: 2 incidents"),
    ],
)
def test_a_bundle_says_why_it_is_one(reason: str, opening: str) -> None:
    assert compose_bundle("k", many(2), reason=reason, list_url="u").title.startswith(opening)


def test_a_bundle_is_as_loud_as_its_loudest() -> None:
    mixed = [*many(1, severity="low"), *many(2)]
    message = compose_bundle("k", mixed, reason=PAGE, list_url="u")
    assert (message.urgency, message.severity) == (Urgency.PAGE, "critical")
    quiet = [told("ticket.closed"), told(TAKEN_TYPE)]
    assert compose_bundle("k", quiet, reason=PAGE, list_url="u").urgency is Urgency.QUIET


def test_a_flood_is_one_notice_with_counts() -> None:
    rows = [*many(30), *many(3, severity="low", client="Tallow & Reed")]
    message = compose_flood("k", rows, list_url="https://desk/x")
    assert message.title == "Many at once: 33 messages about 30 tickets (27 critical, 3 low)"
    assert "30 at Fernhill Dental" in message.lines
    assert "3 at Tallow & Reed" in message.lines


def take_url(number: int) -> str:
    return f"https://desk.example/take/{number}"


def asked(number: int, severity: str, client: str = "Fernhill Dental", **values: object) -> Told:
    facts = replace(FACTS, ticket_id=number, number=f"T-{number}", severity=severity, client=client)
    return told(facts=replace(facts, **values), take=take_url(number))  # type: ignore[arg-type]


def test_a_flood_names_the_gravest_that_somebody_has_to_take_each_with_its_link() -> None:
    rows = [
        asked(1, "low"),
        asked(2, "critical", is_drill=True),
        replace(asked(3, "critical"), type="ticket.closed"),
        asked(4, "high", "Tallow & Reed"),
        asked(5, "critical", host=None),
        *(told(facts=replace(FACTS, ticket_id=key, severity="low")) for key in range(10, 20)),
    ]
    message = compose_flood("k", rows, list_url="https://desk/x")
    assert message.lines[:FLOOD_NAMED] == (
        "T-5 · Critical: Fernhill Dental",
        "DRILL T-2 · Critical: Fernhill Dental, RECEPTION-PC",
        "T-4 · High: Tallow & Reed, RECEPTION-PC",
    )
    assert message.lines[FLOOD_NAMED + 1 :] == ("14 at Fernhill Dental", "1 at Tallow & Reed")
    assert [link.words for link in message.links[:FLOOD_NAMED]] == [
        *("Take T-5", "Take T-2", "Take T-4")
    ]
    assert message.links[0].url == take_url(5)
    assert message.links[-1].words == "Open the tickets"


def test_of_a_ticket_that_is_told_twice_the_last_counts() -> None:
    raised = replace(asked(1, "critical"), type="ticket.severity_raised")
    rows = [asked(2, "critical"), asked(1, "low"), asked(2, "critical"), raised]
    closed = replace(rows[0], type="ticket.closed")
    assert places_to_take(rows) == [2, 3]
    assert places_to_take([*rows, closed]) == [3]
    assert [line[:3] for line in compose_flood("k", [*rows, closed], list_url="u").lines] == [
        *("T-1", "The", "5 a")
    ]


def test_a_bundle_names_the_gravest_first_and_so_do_its_links() -> None:
    rows = [asked(1, "low"), *(asked(key, "high") for key in range(2, 31)), asked(99, "critical")]
    message = compose_bundle("k", rows, reason=PAGE, list_url="https://desk/x")
    assert message.lines[0].startswith("T-99 · Critical: ")
    assert message.links[0] == Link("Take T-99", take_url(99))
    assert not any(line.startswith("T-1 ") for line in message.lines)


def test_in_brief_client_and_host_come_before_what_happened() -> None:
    long = replace(FACTS, what="w" * 900)
    brief = compose_ticket("k", told(facts=long, take=take_url(7))).in_brief
    assert brief.lines == (
        "T-7 · Critical: Fernhill Dental, RECEPTION-PC",
        "CRITICAL - Incident on RECEPTION-PC",
        "w" * (LINE_LENGTH - 1) + "…",
    )
    assert brief.endings == (take_url(7),)


def test_in_brief_an_unmapped_ticket_names_huntresss_organization() -> None:
    facts = replace(FACTS, is_unmapped=True, client="Triage", host=None, what=None, title="x")
    brief = compose_ticket("k", told(facts=facts)).in_brief
    assert brief.lines == ("T-7 · Critical: Fernhill (not mapped)", "x")
    assert brief.endings == ("https://desk.example/tickets/7",)


def test_in_brief_each_link_of_several_says_which_ticket_it_takes() -> None:
    rows = [asked(1, "high"), asked(2, "critical")]
    endings = (f"Take T-2: {take_url(2)}", f"Take T-1: {take_url(1)}")
    bundle = compose_bundle("k", rows, reason=PAGE, list_url="u").in_brief
    flood = compose_flood("k", rows, list_url="u").in_brief
    assert bundle.endings == flood.endings == endings
    assert bundle.lines[1].startswith("T-2 · Critical: Fernhill Dental")
    assert flood.lines[0] == "Many at once: 2 incidents (1 critical, 1 high)"
    assert compose_flood("k", many(2), list_url="u").in_brief.endings == ("u",)


TEXTS = st.text(max_size=500)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_whatever_others_wrote_is_one_line_and_no_live_address(
    title: str, client: str, host: str, what: str
) -> None:
    facts = replace(FACTS, title=title, client=client, host=host, what=what)
    for message in (
        compose_ticket("k", told(facts=facts)),
        compose_bundle("k", [told(facts=facts)] * 2, reason=PAGE, list_url="u"),
        compose_flood("k", [told(facts=facts)] * 2, list_url="u"),
    ):
        assert len(message.title) <= TITLE_LENGTH + len(DRILL) + 1
        assert len(message.mail_subject) <= TITLE_LENGTH + len(DRILL) + 1
        lines = (*message.lines, *message.in_brief.lines)
        for line in (message.title, message.mail_subject, *lines):
            assert "\n" not in line
            assert "http:" not in line.lower()
            assert "\u202e" not in line
            assert len(line) <= LINE_LENGTH + 100


def test_right_to_left_names_and_other_scripts_stay() -> None:
    facts = replace(FACTS, client="عيادة النور", host="受付-PC", title="Вирус на компьютере")
    message = compose_ticket("k", told(facts=facts))
    for words in ("عيادة النور", "受付-PC"):
        assert words in message.text
    assert "Вирус на компьютере" in message.title


def test_facts_are_stored_and_read() -> None:
    assert read_ticket_facts({**FACTS.as_json(), "of_another_version": 1}) == FACTS
