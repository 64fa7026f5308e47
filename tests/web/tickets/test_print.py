"""A ticket on paper says all that the page says, also what is folded there."""

from datetime import timedelta

from flask import Flask

from tests.support.desk_data import Desk
from tests.web.pages import Browser, words_of
from webapp import clock
from webapp.models import Alert, Comment, Ticket
from webapp.services.transactions import transaction

EVIDENCE = r"run C:\Users\Public\!README and \\server\share"


def test_evidence_is_printed_as_it_was_typed(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    with app.app_context(), transaction() as session:
        now = clock.utcnow()
        note = Comment(ticket_id=2, author_id=1, body=EVIDENCE, created_at=now)
        edited = session.get_one(Ticket, 2)
        edited.description, edited.text_edited_by_person_at = EVIDENCE, now
        session.add(note)
    words = words_of(helpdesk.get("/tickets/2/print").one("body"))
    assert words.count(EVIDENCE) == 2


def test_what_a_page_folds_is_open_on_paper(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    folded = {one.get("open") for one in helpdesk.get("/tickets/2").all("details", class_="part")}
    assert folded == {None}
    page = helpdesk.get("/tickets/2/print")
    [full] = page.all("details", class_="part")
    assert full.get("open") is not None


def test_the_facts_of_a_ticket(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    with app.app_context(), transaction() as session:
        ticket = session.get_one(Ticket, 2)
        ticket.external_reference, ticket.external_url = "CW-7", "https://psa.example/7"
        ticket.subject_name, ticket.subject_key = "Maya Tran", "identity:maya tran"
        ticket.subject_user = "m.tran"
        ticket.closed_at, ticket.close_reason = clock.utcnow(), "accepted_risk"
        sent = session.query(Alert).filter_by(ticket_id=2).one()
        ticket.reported_at = sent.triggered_at - timedelta(days=400)
    words = words_of(helpdesk.get("/tickets/2/print").one("dl", class_="facts"))
    for part in (
        "PSA reference CW-7, https://psa.example/7",
        "Identity Maya Tran",
        "User m.tran",
        "Sent ",
        ", Accepted risk",
    ):
        assert part in words
    assert "Identity Maya Tran" in words_of(helpdesk.get("/tickets/2").one("aside"))
