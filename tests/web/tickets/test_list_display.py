"""What rows tell, which columns a person sees, groups, and the PSA reference in the list."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.web.pages import Browser, Page, words_of
from webapp.domain.triage.list_columns import COLUMNS
from webapp.models import Alert, OrganizationMapping, Ticket
from webapp.services.transactions import reading, transaction

DISPLAY = "/tickets/display"
BULK = "/tickets/bulk"


@pytest.fixture
def row(app: Flask, desk: Desk, fake_clock: FakeClock) -> Ticket:
    """The ticket 3, open and alone with its number; its incident is of two kinds."""
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(closed_at=None, status_id=1))
        session.execute(update(Ticket).where(Ticket.id != 3).values(subject_key=None))
        ticket = session.get_one(Ticket, 3)
        ticket.subject_name, ticket.subject_key = "SBA-TAX01", "host:sba-tax01"
        ticket.subject_user, ticket.is_unmapped = "j.smith", False
        ticket.reported_at = fake_clock.now() - timedelta(days=2)
        session.execute(
            update(Alert)
            .where(Alert.ticket_id == 3)
            .values(
                kinds=["ransomware_canaries", "footholds"],
                status="sent",
                parsed_status="sent",
                is_isolated=True,
                steps_total=10,
                steps_left=8,
            )
        )
    return ticket


def set_ticket(app: Flask, *ids: int, **values: object) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).where(Ticket.id.in_(ids)).values(**values))


def rows(page: Page) -> dict[str, str]:
    found = [row for row in page.tree.iter("tr") if row.get("data-ticket")]
    return {str(row.get("data-ticket")): words_of(row) for row in found}


def headings(page: Page) -> list[str]:
    return [words_of(one) for one in next(page.tree.iter("thead")).iter("th")][1:]


def test_a_row_says_what_where_and_how_far(
    app: Flask, helpdesk: Browser, row: Ticket, fake_clock: FakeClock
) -> None:
    words = rows(helpdesk.get("/tickets"))["3"]
    told = "Host SBA-TAX01 j.smith isolated 8 of 10 steps left"
    assert "Ransomware canaries +1" in words
    assert told in words
    [age] = [one for one in helpdesk.get("/tickets").tree.iter("time") if one.text == "2 d"]
    sent = fake_clock.now() - timedelta(days=2)
    hover = f"Sent {sent.day} .* Ticketed .* Last changed .*"
    assert re.fullmatch(hover, " ".join(str(age.get("title")).split()))


def test_a_row_of_what_is_not_mapped_says_whose_it_is(
    app: Flask, helpdesk: Browser, row: Ticket
) -> None:
    set_ticket(app, 3, is_unmapped=True)
    with app.app_context(), reading() as session:
        name = session.scalar(
            select(OrganizationMapping.name)
            .join(Alert, Alert.organization_external_id == OrganizationMapping.external_id)
            .where(Alert.ticket_id == 3)
        )
    assert name
    words = rows(helpdesk.get("/tickets"))["3"]
    assert "Unmapped" in words
    assert name in words
    assert "Internal (unmapped security)" not in words


def test_a_raised_severity_is_marked_and_has_a_view(
    app: Flask, helpdesk: Browser, row: Ticket
) -> None:
    set_ticket(app, 3, raised_severity="critical", untouched_since=row.created_at)
    assert "raised to critical" in rows(helpdesk.get("/tickets"))["3"]
    assert list(rows(helpdesk.get("/tickets?raised=1"))) == ["3"]
    assert "raised to critical" in helpdesk.get("/").text
    page = helpdesk.get("/tickets/3")
    assert "Raised to critical." in page.text
    form = page.form("/tickets/3/change")
    response = helpdesk.send(
        "/tickets/3/change", {"seen": form["seen"], "keeps_priority": "yes"}, follow_redirects=True
    )
    assert "was kept, although the severity rose to critical" in response.text
    assert "Raised to critical." not in helpdesk.get("/tickets/3").text


def test_rows_of_one_host_lead_to_each_other(app: Flask, helpdesk: Browser, row: Ticket) -> None:
    same = {"client_id": row.client_id, "is_unmapped": False, "subject_name": "SBA-TAX01"}
    set_ticket(app, 5, 7, subject_key="host:sba-tax01", **same)
    page = helpdesk.get("/tickets?sort=newest")
    assert "3 open of SBA-TAX01" in rows(page)["5"]
    link = next(a for a in page.all("a") if words_of(a) == "3 open of SBA-TAX01")
    assert set(rows(helpdesk.get(str(link.get("href"))))) == {"3", "5", "7"}
    assert "Host or identity: SBA-TAX01" in helpdesk.get(str(link.get("href"))).text
    helpdesk.post(DISPLAY, {"is_grouped": "yes"}, on="/tickets")
    page = helpdesk.get("/tickets?sort=newest")
    [group] = [body for body in page.tree.iter("tbody") if body.get("class")]
    head, *members = [words_of(one) for one in group.iter("tr")]
    assert head == "SBA-TAX01 · 3 open"
    assert len(members) == 3
    assert len(rows(page)) == 12


# --- columns


def test_columns_are_chosen_ordered_and_kept(helpdesk: Browser, admin: Browser, desk: Desk) -> None:
    usual = ["Incident", *(one.words for one in COLUMNS.values() if one.is_usual)]
    assert headings(helpdesk.get("/tickets")) == usual
    columns = ["age", "reference", "client"]
    data = {"column": columns, "is_compact": "yes"}
    response = helpdesk.post(DISPLAY, data, on="/tickets?sort=oldest")
    assert (response.status_code, response.location) == (303, "/tickets?sort=oldest")
    page = helpdesk.get("/tickets")
    assert headings(page) == ["Incident", "Age", "PSA reference", "Client"]
    assert page.all("table", class_="is-compact")
    assert headings(admin.get("/tickets")) == usual
    helpdesk.post(DISPLAY, {"reset": "yes"}, on="/tickets")
    assert headings(helpdesk.get("/tickets")) == usual


def test_buttons_move_a_column_and_the_panel_stays_open(helpdesk: Browser, desk: Desk) -> None:
    data = {"column": ["age", "client", "status"]}
    helpdesk.post(DISPLAY, data, on="/tickets")
    response = helpdesk.post(DISPLAY, {**data, "up": "status"}, on="/tickets?q=tkt")
    assert response.location == "/tickets?q=tkt&display=1"
    page = helpdesk.get(response.location)
    assert "open" in page.one("details", id="display").attrib
    assert headings(page) == ["Incident", "Age", "Status", "Client"]
    data = {"column": ["age", "status", "client"], "down": "age"}
    helpdesk.post(DISPLAY, data, on="/tickets")
    assert headings(helpdesk.get("/tickets")) == ["Incident", "Status", "Age", "Client"]


def test_all_columns_can_be_shown_but_not_at_once(
    app: Flask, helpdesk: Browser, row: Ticket
) -> None:
    keys = list(COLUMNS)
    set_ticket(app, 3, external_reference="PSA-9", external_url="https://psa.example/9")
    for chosen in (keys[:10], keys[-10:]):
        helpdesk.post(DISPLAY, {"column": chosen}, on="/tickets")
        page = helpdesk.get("/tickets")
        assert headings(page) == ["Incident", *(COLUMNS[key].words for key in chosen)]
    assert "PSA-9 (opens in a new tab)" in rows(page)["3"]
    response = helpdesk.post(DISPLAY, {"column": keys}, on="/tickets")
    page = helpdesk.get(str(response.location))
    assert f"room for 10 columns, and you chose {len(keys)}" in page.text
    assert len(headings(page)) == 11, "as before"
    helpdesk.post(DISPLAY, {"column": ["nonsense", "age"], "next": "//evil.example"}, on="/tickets")
    assert headings(helpdesk.get("/tickets")) == ["Incident", "Age"]


# --- the PSA reference


def test_the_psa_reference_is_set_for_many_and_undone(
    app: Flask, helpdesk: Browser, row: Ticket
) -> None:
    set_ticket(app, 4, external_reference="PSA-1")
    assert set(rows(helpdesk.get("/tickets?no_reference=1"))) == {
        str(n) for n in range(1, 13) if n != 4
    }
    data = {"ticket": ["3", "4"], "reference": " PSA-20431 "}
    helpdesk.post(BULK, data, on="/tickets")
    page = helpdesk.get("/tickets")
    offer = words_of(page.one("form", class_="undo-form"))
    assert offer.startswith("2 tickets changed.")
    assert offer.endswith("Undo")
    assert references(app) == ["PSA-20431", "PSA-20431"]
    assert "PSA PSA-20431" in helpdesk.get("/tickets/3").text
    paths = [str(form.get("action")) for form in page.all("form")]
    undo = next(path for path in paths if path.endswith("/undo"))
    helpdesk.client.post(undo, data=page.form(undo))
    assert references(app) == [None, "PSA-1"]


def references(app: Flask) -> list[str | None]:
    with app.app_context(), reading() as session:
        statement = select(Ticket.external_reference).where(Ticket.id.in_((3, 4)))
        return list(session.scalars(statement.order_by(Ticket.id)))
