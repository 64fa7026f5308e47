"""Whatever Huntress, a CSV file or a person writes, no page that shows it is harmed.

The pages are read from the app's addresses: a page that is added later is looked at as well.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import String, Text, cast, literal, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.support.desk_data import ADMIN, Desk
from tests.support.fake_clock import FakeClock
from tests.support.harmless import BIDI, live_links, problems_of
from tests.support.poller import simulated_desk
from tests.support.strict_html import parse
from tests.web.pages import Browser, words_of
from webapp.extensions import Base
from webapp.huntress.simulator import SimulatedAccount
from webapp.models import (
    Alert,
    Asset,
    Attachment,
    AttachmentContent,
    AuditEvent,
    BellItem,
    BulkChange,
    Category,
    Comment,
    CommentVersion,
    HuntressAgent,
    InboxRow,
    Indicator,
    Runbook,
    RunbookVersion,
    SavedView,
    Ticket,
    TicketAsset,
    TicketLink,
    TicketRunbook,
    TicketWatcher,
)
from webapp.services.errors import FieldError
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.open_ticket import NewTicket, open_ticket
from webapp.services.transactions import transaction

pytestmark = pytest.mark.slow

SignIn = Callable[[tuple[str, str]], Browser]

ATTACKS = {
    "script": "<script>alert(1)</script></script><svg onload=alert(1)>",
    "handler": '"><img src=x onerror=alert(1)>\'"></textarea></title><b onclick=alert(1)>',
    "links": "[a](javascript:alert(1)) [b](data:text/html,x) <https://evil.example> &#x3c;b>",
    "reference": "[x][r]\n\n[r]: //evil.example\n\n![p](https://evil.example/p.png)",
    "elements": "<iframe src=//evil.example></iframe><base href=//evil.example><style>*{}</style>",
    "template": "{{ 7 * 7 }}{% raw %}<!-- ]]> <form action=//evil.example>",
    "formula": '=HYPERLINK("https://evil.example","x")',
    "heading": "# Security Incident\n## SOC Summary\n---\n> quote",
}
AT_ONCE = {"handler", "reference"}
"""What `make test` tries on every page; `make soak` tries all of them."""

TEXT_COLUMNS = {
    *("name", "title", "description", "body", "notes", "message", "external_reference"),
    *("external_url", "account_name", "subdomain", "last_error", "error", "device_name"),
    *("hostname", "os", "serial_number", "asset_tag", "severity", "summary", "user_agent"),
    *("dismissed_reason", "waiting_reason", "filename", "internal_ip", "external_ip", "realm"),
    *("subject_name", "subject_user", "raised_severity"),
}
MORE_COLUMNS = {
    *(("alerts", "status"), ("assets", "type"), ("priorities", "colour"), ("indicators", "value")),
    *(("tickets", "subject_name"), ("tickets", "subject_user")),
}
WRITTEN = (
    "\u202eevil\u202c\u2066x\u2069\u200f <script>alert(1)</script> [a](javascript:alert(1))"
    " <https://evil.example> https://evil.example ![p](https://evil.example/p.png)"
    " <img src=x onerror=alert(1)>"
)
LONGEST_PAGE = 600_000


def pages(app: Flask) -> Iterator[str]:
    """Every address that can be read, with 1 for each number."""
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or set()) and rule.endpoint != "static":
            yield re.sub(r"<int:[^>]+>", "1", rule.rule)


def read_all(app: Flask, browser: Browser) -> dict[str, TestResponse]:
    found = {path: browser.client.get(path, buffered=True) for path in pages(app)}
    assert len(found) > 10
    broken = {path for path, answer in found.items() if answer.status_code >= 500}
    assert broken <= {"/readyz"}, "the planted error is one of polling, and that is what it says"
    return found


def plant(session: Session, text: str, now: object) -> None:
    """Put `text` into every column that holds somebody's words, as if nothing had cleaned it."""
    ticket = session.get_one(Ticket, 1)
    category = Category(name="c", board_id=ticket.board_id)
    asset = Asset(client_id=ticket.client_id, name="a", hostname_key="a", type="t")
    session.add_all([category, asset])
    session.flush()
    report = json.dumps(
        {
            "id": 1,
            "subject": text,
            "summary": text,
            "body": f"<p>{text}</p>",
            "remediations": [text],
        }
    )
    session.add_all(
        [
            TicketAsset(ticket_id=1, asset_id=asset.id),
            TicketLink(from_id=1, to_id=2, kind="duplicate", created_by_id=1, created_at=now),
            TicketLink(from_id=3, to_id=1, kind="part", created_by_id=1, created_at=now),
            Indicator(ticket_id=1, kind="path", value="C:\\a", key="0"),
            Indicator(ticket_id=2, kind="path", value="C:\\a", key="0"),
            HuntressAgent(connection_id=1, external_id="77", hostname="h", fetched_at=now),
            Runbook(
                name="r",
                kinds=[text],
                severities=[],
                platforms=[],
                position=1,
                body="b",
                updated_at=now,
            ),
            RunbookVersion(runbook_id=1, version=1, body="b", author_id=1, created_at=now),
            TicketRunbook(
                ticket_id=1, runbook_id=1, name="r", version=1, body="b", attached_at=now
            ),
            SavedView(owner_id=1, name="v", query="q=x", is_shared=True, created_at=now),
            BulkChange(actor_id=1, summary="s", changes=[], created_at=now),
            CommentVersion(comment_id=1, body="b", replaced_at=now),
            TicketWatcher(ticket_id=1, user_id=1, created_at=now),
            BellItem(user_id=1, ticket_id=1, actor_id=1, kind="mentioned", created_at=now),
            AuditEvent(
                happened_at=now,
                action="ticket.changed",
                subject_type="ticket",
                subject_id="1",
                before={"title": text},
                after={"title": text},
            ),
            InboxRow(
                connection_id=1,
                external_key="k",
                payload=report,
                content_hash="0",
                fetched_at=now,
                first_fetched_at=now,
                quarantined_at=now,
                error=text,
                attempts=3,
            ),
            Alert(
                connection_id=1,
                external_alert_id="without a ticket",
                reason="before_backfill",
                observed_at=now,
                created_at=now,
                raw_report=report,
            ),
        ]
    )
    ticket.category_id = category.id
    ticket.closed_at, ticket.waiting_until = None, now
    content = AttachmentContent(
        sha256="0" * 64, size=1, picture=b"x", picture_type="image/png", created_at=now
    )
    session.add(content)
    note = session.get_one(Comment, 1)  # so that it can be edited, and is read as a person's
    note.ticket_id, note.author_id, note.edited_at = 1, 1, now
    session.flush()
    session.add(
        Attachment(ticket_id=1, comment_id=note.id, sha256=content.sha256, name="f", created_at=now)
    )
    session.flush()
    session.execute(
        update(Alert).values(raw_report=report, agent_external_id="77", kinds=[text, "other"])
    )
    overwrite_texts(session, text)


def overwrite_texts(session: Session, text: str) -> None:
    for mapper in Base.registry.mappers:
        table = mapper.local_table
        names = {column.name for column in table.columns if isinstance(column.type, String | Text)}
        wanted = (names & TEXT_COLUMNS) | {
            name for where, name in MORE_COLUMNS if where == table.name
        }
        if wanted:
            unique = literal(f"{text} ").concat(cast(table.c.id, String))
            session.execute(update(table).values(dict.fromkeys(wanted, unique)))


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(text, id=name, marks=[] if name in AT_ONCE else pytest.mark.soak)
        for name, text in ATTACKS.items()
    ],
)
def test_what_is_stored_stays_text_on_every_page(
    app: Flask, admin: Browser, desk: Desk, fake_clock: FakeClock, attack: str
) -> None:
    with app.app_context(), transaction() as session:
        plant(session, attack, fake_clock.now())
    answers = read_all(app, admin)
    assert " ".join(attack.split())[:40] in words_of(parse(answers["/tickets/1"].text))
    problems = {path: found for path, one in answers.items() if (found := problems_of(one))}
    assert not problems


@pytest.fixture
def attacked(app: Flask, people: tuple[int, int], fake_clock: FakeClock) -> int:
    """A desk whose texts came in as they always do: by polls, notes, changes, new tickets."""
    admin_id, _ = people
    huge = f"{WRITTEN} " + "A" * 10_000_000
    account = SimulatedAccount(now=fake_clock.now())
    with app.app_context(), simulated_desk(app, fake_clock, account) as desk:
        organization = account.add_organization(WRITTEN)["id"]
        agent = account.add_agent(organization, "EVIL\u202e-1<b>")["id"]
        account.add_incident(
            organization,
            now=fake_clock.now() - timedelta(minutes=9),
            agent_id=agent,
            subject=WRITTEN,
            summary=f"{WRITTEN}\n\n## SOC Summary\n\n# Links\n{WRITTEN}\n===\n> **Unmapped**",
            indicator_types=[WRITTEN, "footholds"],
            remediations=[{"id": 1, "action": WRITTEN, "status": WRITTEN, "type": "x"}] * 3,
        )
        account.add_incident(
            organization,
            now=fake_clock.now() - timedelta(minutes=8),
            subject=WRITTEN + "B" * 100_000,
            summary=huge,
            remediations=[{"id": i, "action": "B" * 10_000} for i in range(60)],
        )
        fake_clock.advance(minutes=5)
        desk.poll()
        change = TicketChange(external_reference=WRITTEN, external_url="https://psa.example/1")
        change_ticket(2, change, actor_id=admin_id, seen_at=None)
        wanted = NewTicket(
            WRITTEN[:200],
            WRITTEN,
            client_id=1,
            board_id=1,
            priority_id=1,
            host=WRITTEN[:200],
            external_reference=WRITTEN[:200],
        )
        open_ticket(wanted, actor_id=admin_id, form_token="t" * 32)
        add_internal_note(3, WRITTEN, author_id=admin_id)
        people_write = f"- [ ] {WRITTEN}\n\na|b\n-|-\n{WRITTEN}|~~{WRITTEN}~~\n\n@ada {WRITTEN}"
        add_internal_note(3, people_write, author_id=admin_id)
    return admin_id


def test_what_comes_in_as_usual_is_cleaned_and_bounded(
    app: Flask, attacked: int, sign_in: SignIn
) -> None:
    browser = sign_in(ADMIN)
    answers = read_all(app, browser)
    answers |= {
        path: browser.client.get(path, buffered=True) for path in ("/tickets/2", "/tickets/3")
    }
    problems = {path: found for path, one in answers.items() if (found := problems_of(one))}
    assert not problems
    sizes = {path: len(one.data) for path, one in answers.items() if len(one.data) > LONGEST_PAGE}
    assert not sizes
    assert all(not BIDI.search(answer.text) for answer in answers.values())


def test_in_machine_written_text_the_portal_is_the_only_live_link(
    app: Flask, attacked: int, sign_in: SignIn
) -> None:
    tree = parse(sign_in(ADMIN).client.get("/tickets/1").text)
    portal = r"https://[a-z.]*huntress\.io/incident_reports/\d+"
    assert live_links(tree)
    assert all(re.fullmatch(portal, link) for link in live_links(tree))
    headings = [words_of(one) for level in "123456" for one in tree.iter(f"h{level}")]
    assert headings.count("SOC Summary") == 1, "the report cannot open a heading of ours"
    assert "Links" in headings


def test_the_attacks_are_seen() -> None:
    """Were they not, the tests above would pass whatever the pages did."""
    for attack in ("<img src=x>", "<a href='javascript:x'>a</a>", "<p onclick='x'>a</p>"):
        html = f"<!doctype html><title>a</title>{attack}"
        assert problems_of(TestResponse([html], "200 OK", {"Content-Type": "text/html"}, None))  # type: ignore[arg-type]
    csv = TestResponse(["a,=1+1"], "200 OK", {"Content-Type": "text/csv"}, None)  # type: ignore[arg-type]
    assert problems_of(csv) == ["a formula: '=1+1'"]


def test_a_person_cannot_store_ten_megabytes(app: Flask, attacked: int) -> None:
    huge = "A" * 10_000_000
    with app.app_context():
        for change in (TicketChange(title=huge), TicketChange(description=huge)):
            with pytest.raises(FieldError):
                change_ticket(1, change, actor_id=attacked, seen_at=None)
        with pytest.raises(FieldError):
            add_internal_note(1, huge, author_id=attacked)
