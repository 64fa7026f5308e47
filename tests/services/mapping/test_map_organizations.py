"""The mapping table: states, a person's choices, several people at once."""

from dataclasses import replace

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, audit_actions, audit_events, change, organization
from webapp.huntress.simulator import Simulator
from webapp.models import Client, Connection, OrganizationMapping
from webapp.services.edition import EditionError
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.mapping.map_organizations import (
    STATE_LABELS,
    MappingChange,
    MappingState,
    StaleMappingError,
    count_states,
    list_organizations,
    match_again,
    save_mappings,
    set_mapping,
)
from webapp.services.mapping.sync_organizations import sync_organizations


@pytest.fixture
def organizations(connection: Connection, huntress: Simulator) -> dict[str, int]:
    """Six organizations, one in each state, and the ids of the clients by name."""
    names = ("Acme", "Globex", "GLOBEX", "Hooli")
    clients = {name: add(Client(name=name)).id for name in names}
    for number, name in enumerate(
        ("Acme", "globex", "Initech", "Hooli", "Umbrella", "Vandelay"), start=1
    ):
        huntress.account.add_organization(name, id=number)
    sync_organizations(connection.id)
    set_mapping(connection.id, "4", client_id=clients["Hooli"])
    set_mapping(connection.id, "5", tickets=False)
    huntress.account.remove_organization(6)
    sync_organizations(connection.id)
    return clients


def _states(connection: Connection) -> dict[str, str]:
    return {row.mapping.external_id: row.state.value for row in list_organizations(connection.id)}


@both_databases
def test_every_state(connection: Connection, organizations: dict[str, int]) -> None:
    assert _states(connection) == {
        "1": "auto_matched",
        "2": "ambiguous",
        "3": "unmapped",
        "4": "mapped",
        "5": "excluded",
        "6": "unmapped",
    }
    rows = list_organizations(connection.id)
    assert count_states(rows) == dict.fromkeys(MappingState, 1), "the one that is gone left out"
    gone = {row.mapping.external_id for row in rows if row.as_dict()["gone"]}
    assert gone == {"6"}, "told beside the state"
    assert [row.is_routed for row in rows] == [True, False, True, False, False, False]
    assert [row.mapping.name for row in rows][:3] == ["Acme", "globex", "Hooli"]


def test_candidates_of_an_ambiguous_row(
    connection: Connection, organizations: dict[str, int]
) -> None:
    rows = {row.mapping.external_id: row for row in list_organizations(connection.id)}
    assert {client.name for client in rows["2"].candidates} == {"Globex", "GLOBEX"}
    assert not any(rows[key].candidates for key in ("1", "3", "4", "5"))


def test_a_client_that_is_inactive_counts_as_none(
    connection: Connection, organizations: dict[str, int]
) -> None:
    change(Client, organizations["Acme"], is_active=False)
    assert _states(connection)["1"] == "unmapped"


def test_the_badges() -> None:
    assert set(STATE_LABELS) == set(MappingState)
    assert STATE_LABELS[MappingState.UNMAPPED] == "Unmapped → triage"


@both_databases
def test_choosing_a_client(
    connection: Connection, organizations: dict[str, int], fake_clock: FakeClock
) -> None:
    before = organization(connection.id, 2)
    when = fake_clock.advance(minutes=1)
    row = set_mapping(connection.id, "2", client_id=organizations["Globex"])
    assert row.client is not None
    assert row.client.name == "Globex"
    stored = organization(connection.id, 2)
    assert (stored.decided_by_person_at, stored.candidate_ids) == (when, None)
    assert stored.version == before.version + 1
    assert _states(connection)["2"] == "mapped"


def test_none_is_a_choice_too(connection: Connection, organizations: dict[str, int]) -> None:
    set_mapping(connection.id, "1", client_id=None)
    assert _states(connection)["1"] == "unmapped"
    sync_organizations(connection.id)
    assert _states(connection)["1"] == "unmapped"
    match_again(connection.id, ["1"])
    assert _states(connection)["1"] == "auto_matched"


def test_tickets_on_and_off_leave_the_flag(
    connection: Connection, organizations: dict[str, int]
) -> None:
    set_mapping(connection.id, "1", tickets=False)
    assert _states(connection)["1"] == "excluded"
    set_mapping(connection.id, "1", tickets=True)
    row = organization(connection.id, 1)
    assert (row.is_auto_matched, row.decided_by_person_at) == (True, None)
    assert _states(connection)["1"] == "auto_matched"


def test_confirming_an_auto_match_makes_it_a_persons(
    connection: Connection, organizations: dict[str, int]
) -> None:
    set_mapping(connection.id, "1", client_id=organizations["Acme"])
    assert _states(connection)["1"] == "mapped"


def test_zero_unmapped_can_be_reached(
    connection: Connection, organizations: dict[str, int]
) -> None:
    set_mapping(connection.id, "2", client_id=organizations["GLOBEX"])
    set_mapping(connection.id, "3", tickets=False)
    counts = count_states(list_organizations(connection.id))
    assert counts[MappingState.UNMAPPED] == counts[MappingState.AMBIGUOUS] == 0


@both_databases
def test_many_rows_are_saved_together_or_not_at_all(
    connection: Connection, organizations: dict[str, int]
) -> None:
    good = MappingChange("2", client_id=organizations["Globex"])
    for bad, error in (
        (MappingChange("99", tickets=False), NotFoundError),
        (MappingChange("3", client_id=4711), FieldError),
        (MappingChange("3", tickets=False, version=77), StaleMappingError),
    ):
        with pytest.raises(error):
            save_mappings(connection.id, [good, bad])
        assert _states(connection)["2"] == "ambiguous"
    rows = save_mappings(connection.id, [MappingChange("3", tickets=False), good])
    assert [row.external_id for row in rows] == ["3", "2"]
    assert _states(connection)["2"] == "mapped"


def test_two_people_do_not_overwrite_each_other(
    connection: Connection, organizations: dict[str, int]
) -> None:
    version = organization(connection.id, 3).version
    first = MappingChange("3", client_id=organizations["Acme"], version=version)
    second = MappingChange("3", client_id=organizations["Hooli"], version=version)
    save_mappings(connection.id, [first])
    with pytest.raises(StaleMappingError, match='"Initech" was changed by somebody else'):
        save_mappings(connection.id, [second])
    assert organization(connection.id, 3).client_id == organizations["Acme"]


def test_a_match_since_the_page_was_opened_is_noticed(
    connection: Connection, organizations: dict[str, int]
) -> None:
    version = organization(connection.id, 3).version
    add(Client(name="Initech"))
    sync_organizations(connection.id)
    with pytest.raises(StaleMappingError):
        save_mappings(connection.id, [MappingChange("3", client_id=None, version=version)])


def test_inactive_clients_cannot_be_chosen(
    connection: Connection, organizations: dict[str, int]
) -> None:
    change(Client, organizations["Hooli"], is_active=False)
    with pytest.raises(FieldError, match="no active client"):
        set_mapping(connection.id, "3", client_id=organizations["Hooli"])


def test_match_again_forgets_the_choice(
    connection: Connection, organizations: dict[str, int]
) -> None:
    set_mapping(connection.id, "1", client_id=organizations["Hooli"])
    set_mapping(connection.id, "2", client_id=organizations["Hooli"])
    rows = match_again(connection.id, ["1", "2"])
    assert {row.external_id: row.client.name if row.client else None for row in rows} == {
        "1": "Acme",
        "2": None,
    }
    assert _states(connection) | {"1": "auto_matched", "2": "ambiguous"} == _states(connection)
    assert audit_actions()[-2:] == ["mapping.matched_again"] * 2


def test_changes_are_audited(connection: Connection, organizations: dict[str, int]) -> None:
    set_mapping(connection.id, "3", client_id=organizations["Acme"], tickets=False)
    event = audit_events()[-1]
    assert (event.action, event.subject_type, event.subject_id) == (
        "mapping.saved",
        "organization",
        "3",
    )
    assert event.before == {
        "client_id": None,
        "creates_tickets": True,
        "connection_id": connection.id,
    }
    assert event.after == {
        "client_id": organizations["Acme"],
        "creates_tickets": False,
        "connection_id": connection.id,
    }


@both_databases
@pytest.mark.parametrize("external_id", ["", "99", "a\x00b", "1 OR 1=1"])
def test_organizations_nobody_has(connection: Connection, external_id: str) -> None:
    with pytest.raises(NotFoundError, match="no organization"):
        set_mapping(connection.id, external_id, tickets=False)


def test_unknown_connections_and_community_edition(app: Flask, connection: Connection) -> None:
    connection_id = connection.id
    for call in (list_organizations, lambda key: save_mappings(key, [])):
        with pytest.raises(NotFoundError):
            call(99)
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    with pytest.raises(EditionError):
        set_mapping(connection_id, "1", tickets=False)
    with pytest.raises(EditionError):
        match_again(connection_id, [])


def test_rows_as_json(
    connection: Connection, organizations: dict[str, int], fake_clock: FakeClock
) -> None:
    change(
        OrganizationMapping, organization(connection.id, 4).id, last_incident_at=fake_clock.now()
    )
    rows = {row.mapping.external_id: row.as_dict() for row in list_organizations(connection.id)}
    assert rows["4"] == {
        "organization_id": "4",
        "organization": "Hooli",
        "client_id": organizations["Hooli"],
        "client": "Hooli",
        "tickets": True,
        "state": "mapped",
        "gone": False,
        "candidates": [],
        "agents": 0,
        "last_incident_at": "2026-06-09T12:00:00+00:00",
    }
    assert rows["3"]["client"] is None
