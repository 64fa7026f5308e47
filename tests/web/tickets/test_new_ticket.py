"""Opening a ticket by hand: the form, what it keeps, sending it twice."""

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.web.pages import Browser, words_of
from webapp.models import Category, Client, Ticket
from webapp.services.transactions import reading, transaction

PATH = "/tickets/new"
FILLED = {"title": "Printer on fire", "description": "It *burns*.\n\nA lot.", "client_id": "2"}


def opened(app: Flask) -> list[Ticket]:
    with app.app_context(), reading() as session:
        return session.query(Ticket).filter_by(source="manual").order_by(Ticket.id).all()


@pytest.mark.parametrize("person", ["admin", "helpdesk"])
def test_the_ticket_is_opened_and_shown(
    app: Flask, request: pytest.FixtureRequest, person: str
) -> None:
    browser: Browser = request.getfixturevalue(person)
    form = browser.get(PATH).form(PATH)
    assert {name: form[name] for name in ("title", "client_id", "assignee_id")} == {
        "title": "",
        "client_id": "",
        "assignee_id": "",
    }
    response = browser.post(PATH, FILLED, on=PATH)
    [ticket] = opened(app)
    assert (response.status_code, response.location) == (303, f"/tickets/{ticket.id}")
    page = browser.get(response.location)
    assert page.heading == "Printer on fire"
    assert f"{ticket.number} was opened." in page.text
    assert [
        words_of(one) for one in page.one("section", aria_labelledby="report-heading").iter("em")
    ]
    assert "Source Made by hand" in words_of(page.one("aside"))
    assert "The ticket was opened by hand." in words_of(page.one("ol"))


def test_its_host_and_its_place_in_the_psa_are_kept(app: Flask, helpdesk: Browser) -> None:
    more = {
        "host": "SBA-TAX01",
        "external_reference": "PSA-1",
        "external_url": "https://psa.example/1",
    }
    response = helpdesk.post(PATH, {**FILLED, **more}, on=PATH)
    [ticket] = opened(app)
    assert (ticket.subject_name, ticket.subject_key) == ("SBA-TAX01", "host:sba-tax01")
    assert (ticket.external_reference, ticket.external_url) == ("PSA-1", "https://psa.example/1")
    facts = words_of(helpdesk.get(str(response.location)).one("aside"))
    assert "Host SBA-TAX01" in facts
    assert "First touched not yet" not in facts
    edit = f"/tickets/{ticket.id}/edit"
    helpdesk.post(edit, {"host": "a.b@x.example"}, on=edit)
    [ticket] = opened(app)
    assert ticket.subject_key == "identity:a.b@x.example"
    typed = {**FILLED, "host": "x" * 256, "external_url": "psa"}
    page = helpdesk.page_of(helpdesk.post(PATH, typed, on=PATH), status=400)
    assert "at most 255 characters" in words_of(page.one("p", id="host-error"))
    assert page.form(PATH)["host"] == "x" * 256
    assert "Enter a whole address" in words_of(page.one("p", id="external_url-error"))


def test_the_host_of_an_incident_is_not_typed(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    assert not helpdesk.get("/tickets/1/edit").all("input", id="host")
    fields = helpdesk.get("/tickets/1/edit").form("/tickets/1/edit")
    response = helpdesk.send("/tickets/1/edit", {**fields, "host": "OTHER"})
    assert "The report says which host" in response.text


def test_what_is_usual_is_chosen_and_the_client_may_come_with_the_address(admin: Browser) -> None:
    page = admin.get(f"{PATH}?client=3")
    chosen = [
        words_of(option)
        for option in page.tree.iter("option")
        if option.get("selected") is not None
    ]
    with_client = {"Service Desk", "Medium"}
    assert with_client < set(chosen)
    assert page.form(PATH)["client_id"] == "3"


def test_nothing_typed_is_lost(app: Flask, admin: Browser) -> None:
    typed = {**FILLED, "title": "", "client_id": "4711", "assignee_id": "2", "priority_id": "1"}
    page = admin.page_of(admin.post(PATH, typed, on=PATH), status=400)
    assert "Enter a title." in words_of(page.one("p", id="title-error"))
    assert "Choose a client that is in use." in words_of(page.one("p", id="client_id-error"))
    form = page.form(PATH)
    assert (form["description"].strip(), form["assignee_id"], form["priority_id"]) == (
        "It *burns*.\n\nA lot.",
        "2",
        "1",
    )
    assert not opened(app)


def test_a_client_that_left_meanwhile(app: Flask, admin: Browser) -> None:
    fields = {**admin.get(PATH).form(PATH), **FILLED}
    with app.app_context(), transaction() as session:
        session.get(Client, 2).is_active = False
    page = admin.page_of(admin.client.post(PATH, data=fields), status=400)
    assert "Choose a client that is in use." in page.text
    assert not opened(app)


def test_a_form_sent_twice_opens_one_ticket(app: Flask, admin: Browser) -> None:
    fields = {**admin.get(PATH).form(PATH), **FILLED}
    locations = {admin.client.post(PATH, data=fields).location for _ in range(3)}
    [ticket] = opened(app)
    assert locations == {f"/tickets/{ticket.id}"}
    admin.post(PATH, FILLED, on=PATH)
    assert len(opened(app)) == 2, "a form shown anew is another ticket"


def test_a_refused_form_keeps_its_token(app: Flask, admin: Browser) -> None:
    fields = admin.get(PATH).form(PATH)
    page = admin.page_of(admin.client.post(PATH, data=fields), status=400)
    again = {**page.form(PATH), **FILLED}
    assert again["form_token"] == fields["form_token"]
    assert admin.client.post(PATH, data=again).status_code == 303


@pytest.mark.parametrize("token", ["", "short", "x" * 65, "<script>alert(1)</script>", None])
def test_a_form_without_its_token_is_refused(app: Flask, admin: Browser, token: str | None) -> None:
    data = FILLED if token is None else {**FILLED, "form_token": token}
    assert admin.send(PATH, data).status_code == 400
    assert not opened(app)


def test_without_a_script_a_preview_shows_the_form_again(app: Flask, admin: Browser) -> None:
    page = admin.page_of(admin.post(PATH, {**FILLED, "preview": "1"}, on=PATH))
    preview = page.one("div", id="description-preview")
    assert "It burns.A lot." in words_of(preview), "a line ends between them"
    assert [one.text for one in preview.iter("em")] == ["burns"]
    assert page.form(PATH)["title"] == "Printer on fire"
    assert not opened(app)


def test_categories_are_those_of_the_boards(app: Flask, admin: Browser) -> None:
    with app.app_context(), transaction() as session:
        parent = Category(name="Accounts", board_id=3)
        session.add(parent)
        session.flush()
        session.add(Category(name="Reset", board_id=3, parent_id=parent.id))
    page = admin.get(PATH)
    [group] = list(page.one("select", id="category_id").iter("optgroup"))
    assert group.get("label") == "Service Desk"
    assert [words_of(one) for one in group.iter("option")] == ["Accounts", "Accounts › Reset"]
    wrong = {**FILLED, "board_id": "1", "category_id": str(group[0].get("value"))}
    page = admin.page_of(admin.post(PATH, wrong, on=PATH), status=400)
    assert "Choose a category of the ticket's board." in page.text


def test_a_new_desk_without_clients_still_has_one(desk: Desk, admin: Browser) -> None:
    names = [words_of(one) for one in admin.get(PATH).one("select", id="client_id").iter("option")]
    assert names[0] == "Choose a client"
    assert "Internal (unmapped security)" in names
