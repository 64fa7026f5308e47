"""Doing one thing to many organizations, and creating clients from them."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import update

from tests.support import desk_data
from tests.support.fake_clock import FakeClock
from tests.support.mapping_data import add_mappings, client_ids
from tests.support.rows import add, all_rows, audit_events, change, fresh, organization
from tests.web.mapping.test_mapping_saving import (
    AMBIGUOUS,
    AUTO,
    BULK,
    EXCLUDED,
    MAPPED,
    PATH,
    SAVE,
    SIMILAR,
    UNMAPPED,
    actions,
    client_name,
    stored,
    value_of,
)
from tests.web.pages import Browser, words_of
from webapp import clock
from webapp.models import Client, Connection, OrganizationMapping
from webapp.services.mapping.map_organizations import set_mapping
from webapp.services.transactions import transaction


@pytest.fixture
def table(app: Flask, mapping_table: Browser) -> Browser:
    """The admin; one of the clients is called Acme."""
    with app.app_context():
        add(Client(name="Acme"))
    return mapping_table


def send(
    table: Browser,
    action: str,
    *picked: str,
    meanwhile: Callable[[], object] = lambda: None,
    **data: str,
):
    fields = {**table.get(PATH).form(SAVE), **data, "action": action, "pick": list(picked)}
    meanwhile()
    return table.client.post(BULK, data=fields)


def test_mapping_together(app: Flask, table: Browser) -> None:
    response = send(table, "map", UNMAPPED, AMBIGUOUS, AUTO, bulk_client="acme")
    assert response.status_code == 303
    assert "3 organizations mapped." in table.get(PATH).text
    assert {client_name(app, one) for one in (UNMAPPED, AMBIGUOUS, AUTO)} == {"Acme"}
    assert client_name(app, SIMILAR) is None
    assert stored(app, UNMAPPED).changed_by_id == 1
    assert actions(app) == ["mapping.saved"] * 3


def test_no_client_on_purpose(app: Flask, table: Browser) -> None:
    send(table, "none", UNMAPPED, MAPPED)
    assert client_name(app, MAPPED) is None
    assert stored(app, UNMAPPED).decided_by_person_at is not None
    assert "left without a client, on purpose" in table.get(PATH).text


def test_excluding_and_including(app: Flask, table: Browser) -> None:
    send(table, "exclude", UNMAPPED, EXCLUDED)
    assert stored(app, UNMAPPED).creates_tickets is False
    assert "excluded: no new tickets are created for them." in table.get(PATH).text
    send(table, "include", UNMAPPED, EXCLUDED)
    assert stored(app, EXCLUDED).creates_tickets is True
    assert "included again" in table.get(PATH).text
    assert actions(app) == ["mapping.saved"] * 3, "one was excluded already"


def test_matching_again(app: Flask, table: Browser) -> None:
    send(table, "none", MAPPED)
    send(table, "match", MAPPED)
    row = stored(app, MAPPED)
    assert (row.is_auto_matched, row.decided_by_person_at) == (True, None)
    assert client_name(app, MAPPED) == "Ashford Dental"


@pytest.mark.parametrize(
    ("action", "picked", "client", "words"),
    [
        ("map", (), "Acme", "Select organizations first."),
        ("map", (UNMAPPED,), "", "Enter the client to map them to"),
        ("map", (UNMAPPED,), "Nobody", 'There is no client "Nobody"'),
        ("nonsense", (UNMAPPED,), "", "Choose what to do"),
        ("create", (), "", "Select organizations first."),
    ],
)
def test_refusals(
    app: Flask,
    table: Browser,
    action: str,
    picked: tuple[str, ...],
    client: str,
    words: str,
) -> None:
    page = table.page_of(send(table, action, *picked, bulk_client=client), status=400)
    assert words in page.text
    assert value_of(page, "bulk_client") == client
    assert [one.get("value") for one in page.all("input", name="pick", checked="")] == [*picked]
    assert actions(app) == []


def test_what_was_typed_into_rows_is_not_lost(app: Flask, table: Browser) -> None:
    for action in ("exclude", "create"):
        response = send(table, action, UNMAPPED, **{f"client-{SIMILAR}": "Acme"})
        page = table.page_of(response, status=400)
        assert "save or discard what you changed" in page.text
        assert value_of(page, f"client-{SIMILAR}") == "Acme"
    assert stored(app, UNMAPPED).creates_tickets is True


@pytest.mark.parametrize("action", ["map", "match"])
def test_rows_changed_meanwhile_stop_it_all(
    app: Flask,
    table: Browser,
    people: tuple[int, int],
    action: str,
) -> None:
    def meanwhile() -> None:
        with app.app_context():
            client_id = client_ids()["Ashford Dental"]
            set_mapping(1, UNMAPPED, client_id=client_id, actor_id=people[0])

    response = send(table, action, UNMAPPED, SIMILAR, meanwhile=meanwhile, bulk_client="Acme")
    page = table.page_of(response, status=409)
    assert "1 row was changed by somebody else meanwhile" in page.text
    assert "by you, in another window" in page.text
    assert [one.get("value") for one in page.all("input", name="pick", checked="")] == [SIMILAR]
    assert client_name(app, UNMAPPED) == "Ashford Dental"
    assert client_name(app, SIMILAR) is None


def preview(table: Browser, *picked: str) -> tuple[str, dict[str, str]]:
    """The address of the preview, and its form as it stands."""
    address = send(table, "create", *picked).location
    return address, table.get(address).form(address)


def test_clients_from_organizations(app: Flask, table: Browser) -> None:
    address, fields = preview(table, UNMAPPED, SIMILAR, AUTO)
    page = table.get(address)
    assert "1 selected organization left out: it has a client already." in page.text
    assert "Perhaps a duplicate of Dunmore Dental Ltd : please decide." in page.text.replace(
        "Ltd:", "Ltd :"
    )
    assert [fields[f"choice-{one}"] for one in (UNMAPPED, SIMILAR)] == ["create", "skip"]
    assert fields[f"link-{SIMILAR}"] == "Dunmore Dental Ltd"
    data = {**fields, f"choice-{SIMILAR}": "link", f"name-{UNMAPPED}": "Copper Inc"}
    assert table.client.post(address, data=data).location == PATH
    assert "1 client created, 2 organizations linked." in table.get(PATH).text
    assert client_name(app, UNMAPPED) == "Copper Inc"
    assert client_name(app, SIMILAR) == "Dunmore Dental Ltd"
    assert stored(app, UNMAPPED).decided_by_person_at is not None
    assert actions(app) == ["client.created", "mapping.saved", "mapping.saved"]
    with app.app_context():
        event = audit_events()[0]
        assert (event.actor_id, event.after["name"]) == (1, "Copper Inc")
    assert "Nothing to create" in table.get(address).text, "sending it twice"


def test_skipping_all_creates_nothing(app: Flask, table: Browser) -> None:
    address, fields = preview(table, SIMILAR)
    table.client.post(address, data=fields)
    assert "0 clients created, 0 organizations linked." in table.get(PATH).text
    assert actions(app) == []


def test_organizations_of_one_name_share_a_client(app: Flask, table: Browser) -> None:
    address, fields = preview(table, UNMAPPED, SIMILAR)
    data = {
        **fields,
        f"name-{UNMAPPED}": "Shared Ltd.",
        f"name-{SIMILAR}": "shared ltd",
        f"choice-{SIMILAR}": "create",
    }
    table.client.post(address, data=data)
    assert client_name(app, UNMAPPED) == client_name(app, SIMILAR) == "shared ltd"


@pytest.mark.parametrize(
    ("choice", "name", "words"),
    [
        ("create", "ACME!", 'There is a client "Acme" already.'),
        ("create", "", "Enter a name"),
        ("create", "x" * 201, "at most 200 characters"),
        ("link", "Nobody", 'There is no client "Nobody"'),
        ("link", "Ashford Legal Partners", "is not active"),
    ],
)
def test_names_that_cannot_be_used(
    app: Flask,
    table: Browser,
    choice: str,
    name: str,
    words: str,
) -> None:
    address, fields = preview(table, UNMAPPED, AMBIGUOUS)
    field = "link" if choice == "link" else "name"
    data = {**fields, f"choice-{AMBIGUOUS}": choice, f"{field}-{AMBIGUOUS}": name}
    page = table.page_of(table.client.post(address, data=data), status=400)
    assert words in page.text
    assert "Nothing was created yet. 1 row needs a look." in page.text
    assert value_of(page, f"{field}-{AMBIGUOUS}") == name
    assert words_of(page.all("legend")[0]).startswith("Elmhurst Dental"), "first what needs a look"
    assert actions(app) == []


def test_a_client_created_meanwhile_is_an_error_at_its_row(
    app: Flask,
    table: Browser,
) -> None:
    address, fields = preview(table, UNMAPPED)
    with app.app_context():
        add(Client(name=fields[f"name-{UNMAPPED}"]))
    page = table.page_of(table.client.post(address, data=fields), status=400)
    assert "already. Link to it" in page.text


def test_an_organization_mapped_meanwhile_stops_it(app: Flask, table: Browser) -> None:
    address, fields = preview(table, UNMAPPED, AMBIGUOUS)
    fields[f"choice-{UNMAPPED}"] = "create"
    with app.app_context():
        set_mapping(1, UNMAPPED, client_id=client_ids()["Acme"])
    page = table.page_of(table.client.post(address, data=fields), status=409)
    assert "was changed by somebody else meanwhile" in page.text
    assert words_of(page.all("legend")[0]).startswith("Elmhurst Dental")
    with app.app_context():
        assert organization(1, UNMAPPED).version == 2
        assert "Copperfield Dental" not in client_ids()


@pytest.fixture
def long_table(app: Flask, table: Browser, fake_clock: FakeClock) -> Browser:
    """The admin; 60 more organizations without a client, on two pages."""
    with app.app_context():
        connection_id = desk_data.add_connection(
            fake_clock.now(), account_id=2, polling_started_at=None
        )
        add_mappings(connection_id, fake_clock.now(), organizations=60, states=["unmapped"])
    return table


OTHER = PATH.replace("/1/", "/2/")
VIEW = "?q=dental&state=unmapped"


def test_all_rows_of_a_view_beyond_the_page(app: Flask, long_table: Browser) -> None:
    page = long_table.get(f"{OTHER}?state=unmapped")
    assert "All 60 unmapped, on every page" in page.text
    assert "on every page" not in long_table.get(OTHER + VIEW).text, "there is one page"
    seal = page.one("input", name="every").get("value")
    action = f"{OTHER}/bulk?state=unmapped"
    assert long_table.send(action, {"every": seal, "action": "exclude"}).status_code == 303
    assert "60 organizations excluded" in long_table.get(OTHER).text
    with app.app_context():
        rows = all_rows(OrganizationMapping, OrganizationMapping.connection_id == 2)
        assert not any(row.creates_tickets for row in rows)
    page = long_table.page_of(
        long_table.send(action, {"every": seal, "action": "include"}), status=409
    )
    assert "some of these organizations changed since the page was shown" in page.text
    response = long_table.send(f"{OTHER}/bulk", {"every": "", "action": "include"})
    assert "Select organizations first." in long_table.page_of(response, status=400).text


def test_clients_for_all_of_a_view(app: Flask, long_table: Browser) -> None:
    response = long_table.send(f"{OTHER}/bulk{VIEW}", {"every": "x", "action": "create"})
    page = long_table.get(response.location)
    organizations = len(page.all("legend"))
    assert organizations == 14
    fields = page.form(response.location)
    fields.update({name: "create" for name in fields if name.startswith("choice-")})
    fields["name-40000"] = "Acme"
    page = long_table.page_of(long_table.client.post(response.location, data=fields), status=400)
    assert len(page.all("legend")) == organizations, "a refused form is still of all of them"
    assert 'There is a client "Acme" already.' in page.text


def test_an_installation_without_clients_is_offered_them(app: Flask, long_table: Browser) -> None:
    assert "Create clients for all" not in long_table.get(OTHER).text, "there is Acme"
    with app.app_context(), transaction() as session:
        session.execute(update(Client).where(Client.id > 1).values(is_active=False))
    page = long_table.get(OTHER)
    link = next(one for one in page.all("a") if words_of(one) == "Create clients for all 60")
    assert len(long_table.get(link.get("href")).all("legend")) == 60
    checklist = long_table.get("/integrations/huntress/2")
    assert "Create the missing clients" in checklist.text


def test_once_every_organization_is_settled_the_page_leads_to_the_start(
    app: Flask, table: Browser
) -> None:
    words = "Preview and start"
    with app.app_context():
        change(Connection, 1, polling_started_at=None)
    assert words not in table.get(PATH).text, "some wait for a client"
    with app.app_context(), transaction() as session:
        session.execute(update(OrganizationMapping).values(creates_tickets=False))
    assert words in table.get(PATH).text
    assert words not in table.get(f"{PATH}?q=nothing").text
    for values in (
        {"board_id": None},
        {"paused_at": clock.utcnow()},
        {"disconnected_at": clock.utcnow()},
    ):
        with app.app_context():
            before = {name: getattr(fresh(Connection, 1), name) for name in values}
            change(Connection, 1, **values)
        assert words not in table.get(PATH).text, values
        with app.app_context():
            change(Connection, 1, **before)
