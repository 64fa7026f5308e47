"""The mapping table: what it shows, and where its links lead."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.desk_data import ADMIN, Desk
from tests.support.fake_clock import START, FakeClock
from tests.support.mapping_data import add_mappings, client_ids
from tests.support.polling import counted_statements
from tests.support.rows import change
from tests.web.pages import Browser, Page, words_of
from webapp.models import Client, Connection, OrganizationMapping

PATH = "/integrations/huntress/1/organizations"


@pytest.fixture
def table(app: Flask, people: tuple[int, int], fake_clock: FakeClock, sign_in: Callable) -> Browser:
    """An admin; a connection with 120 organizations in every state."""
    with app.app_context():
        connection_id = desk_data.add_connection(fake_clock.now())
        assert connection_id == 1
        add_mappings(1, fake_clock.now(), organizations=120)
    return sign_in(ADMIN)


def names(page: Page) -> list[str]:
    return [words_of(one) for one in page.all("span", class_="org-name")]


def tabs(page: Page) -> dict[str, int]:
    nav = next(nav for nav in page.all("nav") if nav.get("aria-label", "").startswith("State"))
    links = [words_of(link).rsplit(" ", 1) for link in nav.iter("a")]
    return {words: int(count) for words, count in links}


def test_every_state_has_its_words_and_count(table: Browser) -> None:
    page = table.get(PATH)
    assert page.heading == "Organizations"
    assert tabs(page) == {
        "All": 120,
        "Auto-matched": 15,
        "Mapped": 15,
        "Ambiguous": 15,
        "Unmapped → triage": 45,
        "Excluded": 15,
        "Gone": 15,
    }
    assert len(names(page)) == 50
    assert "nothing is dropped" in page.text


@pytest.mark.parametrize(
    ("state", "words", "count"),
    [
        ("auto_matched", "Auto-matched", 15),
        ("mapped", "Mapped", 15),
        ("ambiguous", "Ambiguous", 15),
        ("unmapped", "Unmapped → triage", 45),
        ("excluded", "Excluded", 15),
        ("gone", "gone from Huntress", 15),
    ],
)
def test_tabs_show_what_they_count(table: Browser, state: str, words: str, count: int) -> None:
    page = table.get(f"{PATH}?state={state}")
    rows = [words_of(row) for row in page.all("tr")[1:]]
    assert len(rows) == count
    assert all(words in row for row in rows)
    assert "none yet" in " ".join(rows)


@pytest.mark.parametrize(
    ("search", "found"),
    [("ashford dental", 3), ("40007", 1), ("%", 0), ("nothing like it", 0)],
)
def test_search_in_names_ids_and_clients(table: Browser, search: str, found: int) -> None:
    page = table.get(PATH, query_string={"q": search})
    assert len(names(page)) == found
    assert sum(tabs(page).values()) == 2 * found, "the counts follow the search"
    assert ("No organization fits" in page.text) == (found == 0)


def test_search_finds_clients(app: Flask, table: Browser) -> None:
    with app.app_context():
        change(Client, client_ids()["Ashford Dental"], name="Zebra Works")
    assert names(table.get(f"{PATH}?q=zebra")) == ["Ashford Dental"]


def test_orders(table: Browser) -> None:
    by_name = names(table.get(f"{PATH}?size=100"))
    assert by_name == sorted(by_name, key=str.lower)
    assert names(table.get(f"{PATH}?sort=name-down"))[0] > by_name[-1]
    by_client = table.get(f"{PATH}?sort=client&state=mapped")
    assert names(by_client) == sorted(names(by_client), key=str.lower)
    last = [words_of(t).split()[0] for t in table.get(f"{PATH}?sort=last").all("time")]
    assert last[0] == "7"
    assert names(table.get(f"{PATH}?sort=nonsense&size=100")) == by_name


def test_pages_hold_every_row_once(table: Browser) -> None:
    seen, address = [], f"{PATH}?sort=client&size=50"
    while address:
        page = table.get(address)
        seen += [one.get("value") for one in page.all("input", name="pick")]
        following = page.all("a", rel="next")
        address = following[0].get("href") if following else ""
        assert not address or "sort=client" in address
    assert len(seen) == len(set(seen)) == 120
    assert names(table.get(f"{PATH}?page=999")) == names(table.get(f"{PATH}?page=3"))
    table.get(f"{PATH}?page=-1&size=7&state=none")


def test_ambiguous_rows_name_their_candidates_and_unmapped_ones_similar_clients(
    table: Browser,
) -> None:
    page = table.get(f"{PATH}?q=40004")
    assert "Several clients have this name: Elmhurst Dental. Elmhurst Dental!" in page.text
    page = table.get(f"{PATH}?q=40003")
    assert "Similar: Dunmore Dental Ltd" in page.text
    [client] = [one for one in page.all("input") if one.get("name") == "client-40003"]
    assert client.get("value") == "", "offered, never filled in"
    assert "Similar" not in table.get(f"{PATH}?q=40005").text, "excluded on purpose"


def test_an_inactive_client_is_told(table: Browser) -> None:
    assert "inactive, so its incidents go to triage" in table.get(f"{PATH}?q=40007").text


def test_one_list_of_clients_for_the_whole_page(table: Browser) -> None:
    page = table.get(f"{PATH}?size=100")
    options = [one.get("value") for one in page.one("datalist").iter("option")]
    assert "Dunmore Dental Ltd" in options
    assert "Ashford Legal Partners" not in options, "not active"
    assert not page.all("select", name="client")
    assert len(page.all("option")) < len(options) + 20


def test_no_organizations_yet(app: Flask, people: tuple[int, int], sign_in: Callable) -> None:
    with app.app_context():
        desk_data.add_connection(FakeClock().now())
    page = sign_in(ADMIN).get(PATH)
    assert 'No organizations yet — click "Sync organizations".' in page.text
    assert page.form(f"{PATH}/sync")["csrf_token"]


def test_a_disconnected_connection_keeps_its_table(table: Browser, app: Flask) -> None:
    with app.app_context():
        change(Connection, 1, api_key=None, api_secret=None, disconnected_at=START)
    page = table.get(PATH)
    assert "This connection is disconnected" in page.text
    assert len(names(page)) == 50
    for path in (PATH, "/integrations/huntress/1"):
        buttons = [one for one in table.get(path).all("button") if "Sync" in words_of(one)]
        assert [one.get("disabled") is not None for one in buttons] == [True], path


def test_there_is_no_such_connection(table: Browser) -> None:
    for path in ("", "/import", "/export", "/new-clients", "/import/1"):
        table.get(PATH.replace("/1/", "/99/") + path, status=404)


def test_hostile_names_are_only_text(app: Flask, table: Browser) -> None:
    with app.app_context():
        change(OrganizationMapping, 4, name='"><script>alert(1)</script>')
    page = table.get(f"{PATH}?q=script")
    assert names(page) == ['"><script>alert(1)</script>']


def test_a_page_takes_a_handful_of_statements(app: Flask, table: Browser) -> None:
    with app.app_context(), counted_statements() as few:
        table.client.get(f"{PATH}?size=50")
    with app.app_context(), counted_statements() as many:
        table.client.get(f"{PATH}?size=100")
    assert len(few) == len(many) < 14


def test_the_community_edition_refuses(app: Flask, table: Browser) -> None:
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    for path in ("", "/import", "/export", "/new-clients", "/import/1"):
        page = table.get(PATH + path, status=400)
        assert "security integration is an Enterprise feature." in page.text
    for action in ("sync", "move-tickets", "create-tickets"):
        table.send(f"{PATH}/{action}", {})
    data = {"seen-40000": "1|1|x", "client-40000": "y"}
    page = table.page_of(table.send(f"{PATH}/save", data), status=400)
    assert "Enterprise feature." in page.text


def test_helpdesk_sees_nothing_of_it(helpdesk: Browser, desk: Desk) -> None:
    helpdesk.get(PATH, status=403)
