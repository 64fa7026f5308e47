"""The list as CSV: what is shown, all of it, harmless in a spreadsheet."""

import csv
import io

from flask import Flask
from sqlalchemy import update

from tests.support.desk_data import Desk
from tests.support.fake_clock import START as NOW
from tests.web.pages import Browser
from webapp.domain.triage.incident_kinds import kind_words
from webapp.models import Alert, Client, OrganizationMapping, Ticket
from webapp.services.tickets import export_tickets_csv as exporting
from webapp.services.transactions import reading, transaction


def rows(browser: Browser, path: str) -> list[dict[str, str]]:
    response = browser.client.get(path)
    assert response.status_code == 200
    assert response.mimetype == "text/csv"
    text = response.get_data(as_text=True)
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_what_the_list_shows_is_exported(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(closed_at=None, status_id=1, priority_id=2))
        session.execute(update(Ticket).where(Ticket.id > 9).values(closed_at=NOW, status_id=4))
        session.execute(update(Ticket).where(Ticket.id == 3).values(priority_id=1))
        session.get(Ticket, 3).client = Client(name="Wombat Ltd")
        session.get(Ticket, 3).external_url = "https://psa.example/42"
    page = helpdesk.get("/tickets?priority=1&sort=newest")
    link = next(str(a.get("href")) for a in page.all("a") if "/export" in str(a.get("href")))
    found = rows(helpdesk, link)
    assert [row["Number"] for row in found] == ["TKT-000003"]
    assert (found[0]["Client"], found[0]["Priority"]) == ("Wombat Ltd", "Critical")
    assert found[0]["Huntress severity"]
    with app.app_context(), reading() as session:
        alert = session.query(Alert).filter_by(ticket_id=3).one()
        organization = (
            session.query(OrganizationMapping)
            .filter_by(external_id=alert.organization_external_id)
            .one()
        )
    assert found[0]["Huntress organization"] == organization.name
    assert found[0]["Reported (UTC)"] == f"{alert.triggered_at:%Y-%m-%d %H:%M:%S}"
    assert found[0]["Huntress portal link"].endswith(alert.external_alert_id)
    assert found[0]["PSA link"] == "https://psa.example/42"
    assert found[0]["Kinds"].startswith(kind_words(alert.kinds[0]))
    assert found[0]["Host or identity"] in str(alert.message)
    assert found[0]["Isolated"] == ("yes" if alert.is_isolated else "no")
    assert (found[0]["Steps"], found[0]["Steps left"]) == (
        str(alert.steps_total),
        str(alert.steps_left),
    )
    assert [row["Number"] for row in rows(helpdesk, "/tickets/export")] == [
        f"TKT-{n:06}" for n in range(1, 10)
    ]
    closed = rows(helpdesk, "/tickets/export?state=closed")
    assert [row["Closed (UTC)"] for row in closed] == [f"{NOW:%Y-%m-%d %H:%M:%S}"] * 3
    assert rows(helpdesk, "/tickets/export?q=nothingatall") == []
    assert len(rows(helpdesk, "/tickets/export?q=tkt&board=99")) == 9


def test_batches_leave_out_and_repeat_nothing(
    app: Flask, helpdesk: Browser, desk: Desk, monkeypatch
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(closed_at=None, status_id=1))
    for size in (1, 4, 5, 12, 13):
        monkeypatch.setattr(exporting, "EXPORT_BATCH", size)
        found = [row["Number"] for row in rows(helpdesk, "/tickets/export")]
        assert found == [f"TKT-{n:06}" for n in range(1, 13)], size


def test_cells_are_no_formulas(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(closed_at=None, status_id=1))
        ticket = session.get(Ticket, 1)
        ticket.title = '=HYPERLINK("https://evil.example";"x"), "quoted"'
        ticket.client = Client(name="@SUM(1)")
        ticket.external_reference = "-2+3"
    row = rows(helpdesk, "/tickets/export")[0]
    assert row["Title"] == '\'=HYPERLINK("https://evil.example";"x"), "quoted"'
    assert (row["Client"], row["PSA reference"]) == ("'@SUM(1)", "'-2+3")


def test_the_file_has_a_name(helpdesk: Browser) -> None:
    response = helpdesk.client.get("/tickets/export?state=closed")
    assert response.headers["Content-Disposition"] == (
        f'attachment; filename="tickets-closed-{NOW:%Y-%m-%d}.csv"'
    )


def test_it_is_sent_while_it_is_read(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    response = helpdesk.client.get("/tickets/export", buffered=False)
    assert response.is_streamed
    assert "Content-Length" not in response.headers
    response.close()
