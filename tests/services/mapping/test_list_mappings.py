"""The mapping table as the database reads it says what the rows themselves say."""

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.mapping_data import add_mappings, client_ids, organization_name
from tests.support.rows import change, organization
from webapp.domain.csv_text import read_csv
from webapp.models import Client
from webapp.services.errors import NotFoundError
from webapp.services.mapping.export_mappings import export_mappings
from webapp.services.mapping.list_mappings import (
    GONE,
    SORTS,
    MappingPage,
    MappingQuery,
    list_mappings,
)
from webapp.services.mapping.map_organizations import (
    MappingState,
    count_states,
    list_organizations,
    match_again,
    set_mapping,
)


@pytest.fixture
def table(app: Flask, fake_clock: FakeClock) -> int:
    """Sixty-four organizations in every state; the connection's id."""
    connection_id = desk_data.add_connection(fake_clock.now())
    add_mappings(connection_id, fake_clock.now(), organizations=64)
    other = desk_data.add_connection(fake_clock.now(), account_id=2)
    add_mappings(other, fake_clock.now(), organizations=8)
    return connection_id


def ids(page: MappingPage) -> list[str]:
    return [row.mapping.external_id for row in page.rows]


@both_databases
def test_the_states_in_sql_are_those_of_the_rows(table: int) -> None:
    set_mapping(table, "40004", client_id=None)  # ambiguous before: its candidates are JSON null
    set_mapping(table, "40012", client_id=None)
    match_again(table, ["40012"])
    rows = list_organizations(table)
    page = list_mappings(table, MappingQuery())
    assert page.counts == {
        **{str(state): count for state, count in count_states(rows).items()},
        GONE: sum(row.mapping.gone_at is not None for row in rows),
    }
    assert page.count_of_all == len(rows) == 64
    for state in MappingState:
        found = list_mappings(table, MappingQuery(tab=state, size=100))
        assert set(ids(found)) == {
            row.mapping.external_id
            for row in rows
            if row.state is state and row.mapping.gone_at is None
        }
        assert {row.state for row in found.rows} == {state}
        assert found.total == len(found.rows)
    gone = list_mappings(table, MappingQuery(tab=GONE))
    assert all(row.mapping.gone_at for row in gone.rows)
    assert len(gone.rows) == page.counts[GONE]


@both_databases
@pytest.mark.parametrize("sort", SORTS)
def test_every_order_places_every_row_once(table: int, sort: str) -> None:
    pages = [list_mappings(table, MappingQuery(sort=sort, size=50, page=n)) for n in (1, 2)]
    seen = [key for page in pages for key in ids(page)]
    assert len(seen) == len(set(seen)) == 64
    rows = [row.mapping for page in pages for row in page.rows]
    if sort.startswith("last"):
        times = [row.last_incident_at for row in rows]
        known = [time for time in times if time is not None]
        assert times[len(known) :] == [None] * (64 - len(known)), "those without come last"
        assert known == sorted(known, reverse=sort == "last")
    if sort.startswith("client"):
        clients = [row.client.name.lower() for row in rows if row.client]
        assert rows[len(clients)].client is None
        assert clients == sorted(clients, reverse=sort == "client-down")
    assert (pages[0].pages, pages[1].page) == (2, 2)


@both_databases
def test_search_takes_everything_literally(table: int) -> None:
    change(Client, client_ids()["Ashford Dental"], name="50% _off")
    for search, found in (("% _OFF", ["40000"]), ("40007", ["40007"]), ("_", ["40000"])):
        page = list_mappings(table, MappingQuery(search=search))
        assert ids(page) == found
        assert page.count_of_all == 1


def test_suggestions_are_for_rows_that_nobody_decided_about(table: int) -> None:
    page = list_mappings(table, MappingQuery(size=100))
    assert page.suggestions["40003"][0] == f"{organization_name(3)} Ltd"
    assert "40005" not in page.suggestions, "excluded"
    set_mapping(table, "40003", client_id=None)
    assert "40003" not in list_mappings(table, MappingQuery(size=100)).suggestions


def test_only_asks_for_rows_in_an_order(table: int) -> None:
    page = list_mappings(table, MappingQuery(search="nothing"), only=["40009", "40001", "1"])
    assert ids(page) == ["40009", "40001"]


def test_a_page_beyond_the_last_is_the_last(table: int) -> None:
    assert list_mappings(table, MappingQuery(page=99)).page == 2
    with pytest.raises(NotFoundError):
        list_mappings(4711, MappingQuery())


@both_databases
def test_the_export_has_every_row_in_the_order_of_the_table(table: int) -> None:
    lines = list(export_mappings(table, MappingQuery(sort="name-down", page=2)))
    exported = read_csv("".join(lines))
    assert len(exported.rows) == 64
    names = [row.values[1] for row in exported.rows]
    assert names == sorted(names, key=str.lower, reverse=True)
    assert len(lines) == 65, "a line at a time"
    with pytest.raises(NotFoundError):
        export_mappings(4711, MappingQuery())


def test_a_name_changed_since_the_list_was_loaded_is_shown(table: int) -> None:
    list_mappings(table, MappingQuery())
    change(type(organization(table, 40001)), organization(table, 40001).id, name="Aaa")
    assert list_mappings(table, MappingQuery()).rows[0].mapping.name == "Aaa"
