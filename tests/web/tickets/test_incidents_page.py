"""The register of incidents: the list, its filters, its file, a ticket by hand."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.web.pages import Browser, words_of
from webapp.domain.incident import content_hash, raw_text
from webapp.models import Alert, AuditEvent, Connection, OrganizationMapping, Ticket
from webapp.services.tickets import export_incidents_csv
from webapp.services.transactions import reading, transaction

PATH = "/incidents"


@pytest.fixture
def alerts(app: Flask, desk: Desk, fake_clock: FakeClock) -> dict[str, int]:
    """An old open incident, a closed one, one of an excluded organization."""
    with app.app_context(), transaction() as session:
        mapped, excluded = (
            session.query(OrganizationMapping)
            .filter(OrganizationMapping.client_id.is_not(None))
            .order_by(OrganizationMapping.id)
            .limit(2)
        )
        excluded.creates_tickets = False
        rows = {
            "old": record(fake_clock, "7001", "Old but open", "before_backfill", mapped),
            "closed": record(fake_clock, "7002", "Long over", "already_closed", mapped, "closed"),
            "excluded": record(fake_clock, "7003", None, "org_opted_out", excluded),
        }
        rows["excluded"].raw_report = None
        rows["old"].device_name = "HOST-OF-OLD"
        rows["old"].severity = "High"
        rows["old"].triggered_at = datetime(2026, 5, 20, 12, tzinfo=UTC)
        session.add_all(rows.values())
        session.flush()
        return {name: row.id for name, row in rows.items()}


def record(
    clock: FakeClock,
    key: str,
    subject: str | None,
    reason: str,
    organization: OrganizationMapping,
    status: str = "sent",
) -> Alert:
    raw = {
        "id": int(key),
        "subject": subject,
        "status": status,
        "severity": "critical",
        "organization_id": int(organization.external_id),
        "summary": "Look at it.",
        "updated_at": "2026-01-01T00:00:00Z",
    }
    return Alert(
        connection_id=1,
        external_alert_id=key,
        status=status,
        severity="critical",
        was_closed=status == "closed",
        reason=reason,
        message=subject,
        organization_external_id=organization.external_id,
        raw_report=raw_text(raw),
        content_hash=content_hash(raw),
        triggered_at=clock.now() - timedelta(days=40),
        observed_at=clock.now(),
        created_at=clock.now(),
    )


def shown(browser: Browser, query: str = "") -> list[str]:
    page = browser.get(f"{PATH}{query}")
    return [words_of(one) for one in page.all("p", class_="incident-subject")]


def test_the_register_shows_tickets_too(
    app: Flask, helpdesk: Browser, alerts: dict[str, int]
) -> None:
    with app.app_context(), reading() as session:
        ticketed = session.query(Alert).filter(Alert.ticket_id.is_not(None)).all()
        number = session.get(Ticket, ticketed[-1].ticket_id).number
    page = helpdesk.get(PATH)
    assert len(shown(helpdesk)) == 3 + len(ticketed)
    assert f"{3 + len(ticketed)} incidents." in page.text
    links = [one.find("a") for one in page.all("p", class_="incident-subject")]
    assert links[:3] == [None, None, None]
    assert links[3].get("href") == f"/tickets/{ticketed[-1].ticket_id}"
    assert f"{number}, " in page.text
    assert shown(helpdesk, "?ticket=yes") == [one.message for one in reversed(ticketed)]


def test_the_list_says_what_there_is_and_why(helpdesk: Browser, alerts: dict[str, int]) -> None:
    page = helpdesk.get(f"{PATH}?ticket=no")
    assert shown(helpdesk, "?ticket=no") == ["Incident 7003", "Long over", "Old but open"]
    for words in (
        "Older than the backfill",
        "Closed when first seen",
        "Excluded organization",
        "only id, severity, status and times are kept",
        "Huntress is done with it.",
    ):
        assert words in page.text
    buttons = [
        form.get("action")
        for form in page.all("form")
        if "/incidents/" in (form.get("action") or "")
    ]
    assert buttons == [f"/incidents/{alerts['old']}/ticket"], "only what needs work gets a button"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?ticket=no&status=open", ["Incident 7003", "Old but open"]),
        ("?ticket=no&status=closed", ["Long over"]),
        ("?ticket=no&status=deleted", []),
        ("?reason=before_backfill", ["Old but open"]),
        ("?ticket=no&reason=nonsense", ["Incident 7003", "Long over", "Old but open"]),
        ("?ticket=no&severity=critical&to=2026-05-01", ["Incident 7003", "Long over"]),
        ("?ticket=no&severity=high", ["Old but open"]),
        ("?ticket=no&from=2026-05-01", ["Old but open"]),
        ("?connection=1&q=LONG", ["Long over"]),
        ("?connection=99", []),
        ("?q=7003", ["Incident 7003"]),
        ("?q=host-of-old", ["Old but open"]),
        ("?q=%25", []),
    ],
)
def test_filters(
    helpdesk: Browser, alerts: dict[str, int], query: str, expected: list[str]
) -> None:
    assert shown(helpdesk, query) == expected


def test_one_organization(app: Flask, helpdesk: Browser, alerts: dict[str, int]) -> None:
    with app.app_context(), reading() as session:
        excluded = session.query(OrganizationMapping).filter_by(creates_tickets=False).one()
        others = session.query(Alert).filter_by(organization_external_id=excluded.external_id)
        count = others.count()
    assert len(shown(helpdesk, f"?organization={excluded.id}")) == count
    assert shown(helpdesk, f"?organization={excluded.id}&ticket=no") == ["Incident 7003"]
    assert shown(helpdesk, "?organization=4711") == []


def test_the_register_as_a_file(
    app: Flask, helpdesk: Browser, alerts: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context(), transaction() as session:
        session.get(Alert, alerts["old"]).message = "=HYPERLINK(1)"
        tickets = session.query(Alert).filter(Alert.ticket_id.is_not(None)).count()
    monkeypatch.setattr(export_incidents_csv, "EXPORT_BATCH", 2)
    page = helpdesk.get(f"{PATH}?ticket=no")
    link = next(str(a.get("href")) for a in page.all("a") if "/export" in str(a.get("href")))
    response = helpdesk.client.get(link, buffered=False)
    assert response.is_streamed
    rows = list(csv.DictReader(io.StringIO(response.text.lstrip("\ufeff"), newline="")))
    assert [row["Incident"] for row in rows] == ["7003", "7002", "7001"]
    excluded, _, old = rows
    assert (excluded["Subject"], excluded["Host"]) == ("", "")
    assert excluded["Reason for no ticket"] == "Excluded organization"
    assert (old["Subject"], old["Host"]) == ("'=HYPERLINK(1)", "HOST-OF-OLD")
    assert old["Huntress portal link"].endswith("/7001")
    assert old["Reported (UTC)"] == "2026-05-20 12:00:00"
    everything = helpdesk.client.get("/incidents/export").text
    assert len(everything.splitlines()) == 1 + 3 + tickets


def test_search_finds_organizations(app: Flask, helpdesk: Browser, alerts: dict[str, int]) -> None:
    with app.app_context(), reading() as session:
        alert = session.get(Alert, alerts["excluded"])
        name = (
            session.query(OrganizationMapping)
            .filter_by(external_id=alert.organization_external_id)
            .one()
            .name
        )
    assert shown(helpdesk, f"?ticket=no&q={name.lower()}") == ["Incident 7003"]


def test_pages(
    app: Flask, helpdesk: Browser, alerts: dict[str, int], fake_clock: FakeClock
) -> None:
    with app.app_context(), transaction() as session:
        organization = session.query(OrganizationMapping).first()
        session.add_all(
            record(fake_clock, str(8000 + i), f"S{i}", "before_backfill", organization)
            for i in range(60)
        )
    seen, path = [], f"{PATH}?reason=before_backfill"
    for _ in range(5):
        page = helpdesk.get(path)
        seen += [words_of(one) for one in page.all("p", class_="incident-subject")]
        links = page.all("a", rel="next")
        if not links:
            break
        path = str(links[0].get("href"))
    assert len(seen) == len(set(seen)) == 61


def test_an_incident_gets_its_ticket(
    app: Flask, helpdesk: Browser, alerts: dict[str, int], desk: Desk
) -> None:
    path = f"/incidents/{alerts['old']}/ticket"
    response = helpdesk.post(path, on=PATH)
    with app.app_context(), reading() as session:
        ticket = session.query(Ticket).filter_by(source_reference="7001").one()
        alert = session.get(Alert, alerts["old"])
        event = session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
    assert (response.status_code, response.location) == (303, f"/tickets/{ticket.id}")
    assert (alert.ticket_id, alert.reason) == (ticket.id, None)
    assert event.actor_id == desk.helpdesk_id
    page = helpdesk.get(response.location)
    assert page.heading == "[Huntress] Old but open"
    assert "Look at it." in page.text
    assert "Old but open" not in shown(helpdesk, "?ticket=no")


def test_a_button_pressed_twice_makes_one_ticket(
    app: Flask, helpdesk: Browser, alerts: dict[str, int]
) -> None:
    path = f"/incidents/{alerts['old']}/ticket"
    fields = helpdesk.get(f"{PATH}?ticket=no").form(path)
    helpdesk.client.post(path, data=fields)
    again = helpdesk.client.post(path, data=fields)
    assert (again.status_code, again.location) == (303, f"{PATH}?ticket=no")
    assert "This incident has a ticket already." in helpdesk.get(again.location).text
    with app.app_context(), reading() as session:
        assert session.query(Ticket).filter_by(source_reference="7001").count() == 1


@pytest.mark.parametrize("which", ["closed", "excluded"])
def test_what_gets_no_ticket_is_told_so(
    app: Flask, helpdesk: Browser, alerts: dict[str, int], which: str
) -> None:
    response = helpdesk.send(f"/incidents/{alerts[which]}/ticket", {"back": "//evil.example"})
    assert response.location == PATH
    assert "This incident gets no ticket" in helpdesk.get(PATH).text
    assert helpdesk.send("/incidents/4711/ticket", {}).status_code == 404


def test_incomplete_routing_is_said(app: Flask, helpdesk: Browser, alerts: dict[str, int]) -> None:
    with app.app_context(), transaction() as session:
        session.get(Connection, 1).board_id = None
    helpdesk.send(f"/incidents/{alerts['old']}/ticket", {})
    page = helpdesk.get(PATH)
    assert page.one("div", class_="flashes").find("div").get("class") == "notice notice-error"
    assert "Old but open" in page.text


def test_a_filter_without_incidents(helpdesk: Browser) -> None:
    assert "No incident fits these filters" in helpdesk.get(f"{PATH}?q=zzz").text
