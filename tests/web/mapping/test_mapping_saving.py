"""Saving the mapping table: what was changed and nothing else, and never over somebody else."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support import desk_data
from tests.support.fake_clock import START, FakeClock
from tests.support.mapping_data import client_ids
from tests.support.rows import add, audit_actions, audit_events, change, organization
from tests.web.pages import Browser, Page, words_of
from webapp.models import Client, Connection, OrganizationMapping
from webapp.services.mapping.map_organizations import set_mapping
from webapp.services.transactions import transaction

PATH = "/integrations/huntress/1/organizations"
SAVE, BULK = f"{PATH}/save", f"{PATH}/bulk"
MAPPED, AUTO, UNMAPPED, SIMILAR, AMBIGUOUS, EXCLUDED = (str(40_000 + n) for n in range(6))


@pytest.fixture
def table(app: Flask, mapping_table: Browser) -> Browser:
    """The admin; one of the clients is called Acme."""
    with app.app_context():
        add(Client(name="Acme"))
    return mapping_table


def stored(app: Flask, external_id: str) -> OrganizationMapping:
    with app.app_context():
        row = organization(1, external_id)
        with transaction() as session:
            return session.scalars(
                select(OrganizationMapping).where(OrganizationMapping.id == row.id)
            ).one()


def client_name(app: Flask, external_id: str) -> str | None:
    with app.app_context():
        names = {key: name for name, key in client_ids().items()}
        return names.get(organization(1, external_id).client_id)


def row_of(page: Page, external_id: str):
    return next(
        row
        for row in page.all("tr")
        if any(one.get("name") == f"client-{external_id}" for one in row.iter("input"))
    )


def value_of(page: Page, name: str) -> str:
    return next(one.get("value") for one in page.all("input") if one.get("name") == name)


def actions(app: Flask) -> list[str]:
    with app.app_context():
        return audit_actions()


def test_all_changed_rows_are_saved_and_no_other(app: Flask, table: Browser) -> None:
    data = {f"client-{UNMAPPED}": " Acme ", f"client-{MAPPED}": "", f"tickets-{EXCLUDED}": "1"}
    before = {one: stored(app, one).version for one in (AUTO, SIMILAR)}
    response = table.post(SAVE, data, on=PATH)
    assert (response.status_code, response.location) == (303, PATH)
    assert "3 changes saved." in table.get(PATH).text
    assert client_name(app, UNMAPPED) == "Acme"
    assert client_name(app, MAPPED) is None
    assert stored(app, MAPPED).decided_by_person_at is not None, "none, and that on purpose"
    assert stored(app, EXCLUDED).creates_tickets is True
    assert stored(app, EXCLUDED).decided_by_person_at is None
    assert stored(app, UNMAPPED).changed_by_id == 1
    assert {one: stored(app, one).version for one in (AUTO, SIMILAR)} == before
    assert actions(app) == ["mapping.saved"] * 3
    with app.app_context():
        event = audit_events()[0]
        assert (event.actor_id, event.subject_type) == (1, "organization")


def test_the_page_one_was_on_comes_back(table: Browser) -> None:
    address = f"{PATH}?state=unmapped&q=copper&sort=last"
    action = table.get(address).all("form", class_="mapping-form")[0].get("action")
    response = table.post(action, {f"client-{UNMAPPED}": "Acme"}, on=address)
    assert response.location == f"{PATH}?q=copper&state=unmapped&sort=last"


def test_the_browser_is_told_that_what_it_kept_is_saved(app: Flask, table: Browser) -> None:
    elsewhere = {f"seen-{UNMAPPED}": "1|1|", f"client-{UNMAPPED}": "Acme", "kept": "1"}
    action = f"{SAVE}?state=excluded"
    fields = {**table.get(f"{PATH}?state=excluded").form(action), **elsewhere}
    response = table.client.post(action, data=fields)
    assert response.location == f"{PATH}?state=excluded#saved"
    assert client_name(app, UNMAPPED) == "Acme"


def test_nothing_changed_is_no_change(app: Flask, table: Browser) -> None:
    table.post(SAVE, on=PATH)
    assert "Nothing was changed." in table.get(PATH).text
    assert actions(app) == []


def test_names_that_are_no_client_are_told_at_their_row_and_nothing_is_lost(
    app: Flask, table: Browser
) -> None:
    data = {
        f"client-{UNMAPPED}": "Nobody",
        f"client-{SIMILAR}": "Fairview Dental x" * 30,
        f"client-{AUTO}": "Acme",
        "pick": AMBIGUOUS,
    }
    page = table.page_of(table.post(SAVE, data, on=PATH), status=400)
    assert "Nothing was saved yet: 2 rows need a look." in page.text
    assert 'There is no client "Nobody"' in words_of(row_of(page, UNMAPPED))
    assert "no client" not in words_of(row_of(page, AUTO))
    shown = [one.get("value") for one in page.all("input", name="pick")]
    assert shown[:2] == [UNMAPPED, SIMILAR], "what needs a look comes first"
    assert value_of(page, f"client-{UNMAPPED}") == "Nobody"
    assert value_of(page, f"client-{AUTO}") == "Acme"
    assert row_of(page, AUTO).get("class") == "is-dirty"
    assert [one.get("value") for one in page.all("input", name="pick", checked="")] == [AMBIGUOUS]
    assert client_name(app, AUTO) != "Acme"
    assert actions(app) == []


def test_a_client_deactivated_meanwhile_cannot_be_chosen(app: Flask, table: Browser) -> None:
    table.get(PATH)
    with app.app_context():
        change(Client, client_ids()["Acme"], is_active=False)
    page = table.page_of(table.post(SAVE, {f"client-{UNMAPPED}": "Acme"}, on=PATH), status=400)
    assert 'The client "Acme" is not active.' in words_of(row_of(page, UNMAPPED))


def test_switching_tickets_of_a_row_with_an_inactive_client_is_fine(
    app: Flask, table: Browser
) -> None:
    inactive = "40007"
    fields = table.get(PATH).form(SAVE)
    del fields[f"tickets-{inactive}"]
    assert table.client.post(SAVE, data=fields).status_code == 303
    assert stored(app, inactive).creates_tickets is False
    assert client_name(app, inactive) == fields[f"client-{inactive}"]


def send_after(table: Browser, data: dict[str, str], meanwhile: Callable[[], object]):
    """Send the form as it was before `meanwhile` happened."""
    fields = {**table.get(PATH).form(SAVE), **data}
    meanwhile()
    return table.client.post(SAVE, data=fields)


def test_what_somebody_else_saved_is_never_overwritten(
    app: Flask, table: Browser, people: tuple[int, int], fake_clock: FakeClock
) -> None:
    def meanwhile() -> None:
        with app.app_context():
            clients = client_ids()
            set_mapping(1, UNMAPPED, client_id=clients["Ashford Dental"], actor_id=people[1])
            set_mapping(1, AUTO, tickets=False)
        fake_clock.advance(minutes=3)

    data = {f"client-{UNMAPPED}": "Acme", f"client-{AUTO}": "Acme", f"client-{SIMILAR}": "Acme"}
    page = table.page_of(send_after(table, data, meanwhile), status=409)
    assert "2 rows were changed by somebody else meanwhile" in page.text
    words = words_of(row_of(page, UNMAPPED))
    assert f"Changed 3 min ago by {desk_data.HELPDESK[1]}." in words
    assert "Theirs Ashford Dental, tickets on Yours Acme, tickets on" in words
    assert "by the system." in words_of(row_of(page, AUTO))
    assert "tickets off Yours Acme, tickets on" in words_of(row_of(page, AUTO))
    assert client_name(app, UNMAPPED) == "Ashford Dental"
    assert client_name(app, SIMILAR) is None, "all or nothing"
    again = table.client.post(SAVE, data=page.form(SAVE))
    assert again.status_code == 303, "seen and decided: now it may be overwritten"
    assert client_name(app, UNMAPPED) == client_name(app, SIMILAR) == "Acme"


def test_rows_changed_elsewhere_that_were_not_touched_here_are_no_conflict(
    app: Flask, table: Browser
) -> None:
    def meanwhile() -> None:
        with app.app_context():
            set_mapping(1, AUTO, tickets=False)

    response = send_after(table, {f"client-{UNMAPPED}": "Acme"}, meanwhile)
    assert response.status_code == 303
    assert stored(app, AUTO).creates_tickets is False, "not written back"


def test_the_same_form_sent_twice_is_saved_once(app: Flask, table: Browser) -> None:
    fields = {**table.get(PATH).form(SAVE), f"client-{UNMAPPED}": "Acme"}
    for _ in range(2):
        assert table.client.post(SAVE, data=fields).status_code == 303
    assert actions(app) == ["mapping.saved"]
    assert stored(app, UNMAPPED).version == 2


def test_both_wanting_the_same_is_no_conflict(app: Flask, table: Browser) -> None:
    def meanwhile() -> None:
        with app.app_context():
            set_mapping(1, UNMAPPED, client_id=client_ids()["Acme"])

    assert send_after(table, {f"client-{UNMAPPED}": "Acme"}, meanwhile).status_code == 303


def test_a_row_that_is_not_there_any_more(app: Flask, table: Browser) -> None:
    def meanwhile() -> None:
        with app.app_context():
            change(OrganizationMapping, stored(app, SIMILAR).id, external_id="1")

    data = {f"client-{SIMILAR}": "Acme", f"client-{UNMAPPED}": "Acme"}
    page = table.page_of(send_after(table, data, meanwhile), status=409)
    assert f"This connection has no organization {SIMILAR}" in page.text
    assert value_of(page, f"client-{UNMAPPED}") == "Acme"


def test_a_connection_disconnected_in_another_tab_keeps_its_table(
    app: Flask, table: Browser
) -> None:
    def meanwhile() -> None:
        with app.app_context():
            change(Connection, 1, api_key=None, api_secret=None, disconnected_at=START)

    assert send_after(table, {f"client-{UNMAPPED}": "Acme"}, meanwhile).status_code == 303
    assert "1 change saved." in table.get(PATH).text
    table.post(f"{PATH}/sync", on=PATH)
    page = table.get(PATH)
    assert "Missing Huntress API credentials: enter a key and secret" in page.text


def test_a_suggestion_fills_the_row_and_saves_nothing(app: Flask, table: Browser) -> None:
    data = {"fill": f"{SIMILAR}|Dunmore Dental Ltd", f"client-{UNMAPPED}": "typed"}
    page = table.page_of(table.post(SAVE, data, on=PATH))
    assert "Filled in, but not saved yet." in page.text
    assert value_of(page, f"client-{SIMILAR}") == "Dunmore Dental Ltd"
    assert value_of(page, f"client-{UNMAPPED}") == "typed"
    assert client_name(app, SIMILAR) is None
    fields = {**page.form(SAVE), f"client-{UNMAPPED}": ""}
    assert table.client.post(SAVE, data=fields).status_code == 303
    assert client_name(app, SIMILAR) == "Dunmore Dental Ltd"


@pytest.mark.parametrize("seen", ["", "x|1|", "1|2|", "1", "99999999999|1|x"])
def test_fields_of_no_form_of_ours_are_left_out(app: Flask, table: Browser, seen: str) -> None:
    response = table.send(SAVE, {f"seen-{UNMAPPED}": seen, f"client-{UNMAPPED}": "Acme"})
    assert response.status_code == 303
    assert actions(app) == []


def test_an_old_token_shows_the_form_again(app: Flask, table: Browser) -> None:
    fields = {**table.get(PATH).form(SAVE), f"client-{UNMAPPED}": "Acme", "csrf_token": "old"}
    response = table.client.post(SAVE, data=fields, headers={"Sec-Fetch-Site": "same-origin"})
    page = table.page_of(response, status=400)
    assert page.form(SAVE)[f"client-{UNMAPPED}"] == "Acme"
    assert table.client.post(SAVE, data=page.form(SAVE)).status_code == 303
    assert client_name(app, UNMAPPED) == "Acme"
