"""Clients: added, edited, and not overwritten by somebody who looked at an older state."""

import threading

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.rows import add, all_rows, audit_actions, audit_events, change, fresh
from webapp.models import Client
from webapp.services.desk.delete_guard import deactivate_row
from webapp.services.desk.edit_clients import (
    ClientValues,
    add_client,
    client_version,
    edit_client,
    read_client_values,
)
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.people.users import add_user


@pytest.fixture
def actor(app: Flask) -> int:
    return add_user(email="a@b.org", name="Ada", password="correct horse", role="admin").id


@pytest.fixture
def globex(actor: int) -> Client:
    return add_client(ClientValues("Globex", "Since 2019", "C-1"), actor_id=actor)


def test_a_client_is_added_with_an_event(globex: Client, actor: int) -> None:
    stored = fresh(Client, globex.id)
    assert (stored.name, stored.notes, stored.external_reference) == ("Globex", "Since 2019", "C-1")
    assert stored.is_active
    event = audit_events()[-1]
    assert (event.action, event.actor_id, event.subject_id) == (
        "client.added",
        actor,
        str(globex.id),
    )
    assert event.after == {"name": "Globex", "notes": "Since 2019", "external_reference": "C-1"}


@pytest.mark.parametrize("name", ["Globex", "GLOBEX", "gloBex"])
def test_a_name_is_there_once_in_whatever_case(globex: Client, name: str) -> None:
    with pytest.raises(FieldError) as caught:
        add_client(ClientValues(name))
    assert caught.value.fields == {"name": "There is a client named Globex already."}
    assert len(all_rows(Client)) == 2


def test_letters_of_every_script_are_compared(app: Flask) -> None:
    add_client(ClientValues("Ärzte Straße"))
    with pytest.raises(FieldError):
        add_client(ClientValues("ÄRZTE STRASSE"))


def test_the_name_of_an_inactive_client_is_taken_too(globex: Client) -> None:
    deactivate_row(Client, globex.id)
    with pytest.raises(FieldError, match="inactive client named Globex already; activate it"):
        add_client(ClientValues("globex"))


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"name": ""}, {"name"}),
        ({"name": " \u202e\x00 "}, {"name"}),
        ({"name": "x" * 201}, {"name"}),
        ({"name": "x", "notes": "n" * 10_001}, {"notes"}),
        ({"name": "", "external_reference": "r" * 201}, {"name", "external_reference"}),
    ],
)
def test_what_cannot_be_taken_is_said_at_the_field(
    values: dict[str, str], fields: set[str]
) -> None:
    with pytest.raises(FieldError) as caught:
        read_client_values(**values)
    assert set(caught.value.fields) == fields


def test_typed_values_are_cleaned() -> None:
    values = read_client_values(" Glo\x00bex\n Ltd ", "one\r\ntwo ", "  ")
    assert values == ClientValues("Globex Ltd", "one\ntwo", None)
    assert read_client_values("x" * 200, "n" * 10_000).name == "x" * 200


def test_an_edit_records_only_what_changed(globex: Client, actor: int) -> None:
    values = ClientValues("Globex Ltd", "Since 2019", None)
    seen = client_version(globex)
    assert edit_client(globex.id, values, seen=seen, actor_id=actor)
    event = audit_events()[-1]
    assert (event.action, event.before, event.after) == (
        "client.changed",
        {"name": "Globex", "external_reference": "C-1"},
        {"name": "Globex Ltd", "external_reference": None},
    )
    assert fresh(Client, globex.id).name == "Globex Ltd"


@both_databases
def test_an_edit_of_an_older_state_is_refused(globex: Client, actor: int) -> None:
    seen = client_version(globex)
    edit_client(globex.id, ClientValues("Globex", "New notes", "C-1"), seen=seen, actor_id=actor)
    with pytest.raises(EditConflictError, match="Ada changed this") as caught:
        edit_client(globex.id, ClientValues("Globex", "Mine", "C-1"), seen=seen)
    assert caught.value.current["notes"] == "New notes"
    assert fresh(Client, globex.id).notes == "New notes"


def test_sending_the_same_edit_twice_is_no_collision(globex: Client) -> None:
    seen = client_version(globex)
    values = ClientValues("Globex", "New notes", "C-1")
    assert edit_client(globex.id, values, seen=seen) is True
    assert edit_client(globex.id, values, seen=seen) is False
    assert audit_actions()[-1] == "client.changed"
    assert audit_actions().count("client.changed") == 1


def test_without_a_seen_version_the_edit_is_made(globex: Client) -> None:
    change(Client, globex.id, notes="other")
    assert edit_client(globex.id, ClientValues("Globex"))


def test_a_client_keeps_its_name_and_cannot_take_anothers(globex: Client) -> None:
    add(Client(name="Initech"))
    assert edit_client(globex.id, ClientValues("GLOBEX", "Since 2019", "C-1"))
    with pytest.raises(FieldError, match="named Initech already"):
        edit_client(globex.id, ClientValues("initech"))


def test_a_client_that_does_not_exist(app: Flask) -> None:
    with pytest.raises(NotFoundError, match="no client 99"):
        edit_client(99, ClientValues("x"))


@both_databases
def test_two_people_who_add_the_same_client_at_once(app: Flask) -> None:
    """Whoever is second is told so, by the check or by the constraint."""
    refused: list[FieldError] = []
    start = threading.Barrier(4)

    def attempt() -> None:
        with app.app_context():
            start.wait()
            try:
                add_client(ClientValues("Globex"))
            except FieldError as error:
                refused.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(all_rows(Client, Client.name == "Globex")) == 1
    assert [set(error.fields) for error in refused] == [{"name"}] * 3


@both_databases
def test_two_people_who_give_two_clients_the_same_name_at_once(app: Flask) -> None:
    ids = [add(Client(name=name)).id for name in ("Globex", "Initech", "Hooli")]
    refused: list[FieldError] = []
    start = threading.Barrier(3)

    def rename(client_id: int) -> None:
        with app.app_context():
            start.wait()
            try:
                edit_client(client_id, ClientValues("Umbrella"))
            except FieldError as error:
                refused.append(error)

    threads = [threading.Thread(target=rename, args=(client_id,)) for client_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(all_rows(Client, Client.name == "Umbrella")) == 1
    assert [str(error) for error in refused] == ["There is a client named Umbrella already."] * 2
    assert audit_actions() == ["client.changed"]
