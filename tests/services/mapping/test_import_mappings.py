"""Importing mappings and creating clients: all or nothing, on both databases, also in a race."""

import threading

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.mapping_data import add_mappings, client_ids
from tests.support.polling import AppThread
from tests.support.rows import all_rows, audit_actions, audit_events, organization
from webapp.domain.csv_import import ImportPlan, Outcome
from webapp.models import Client, CsvUpload
from webapp.services.csv_imports import ImportChangedError, apply_import, preview_import
from webapp.services.csv_uploads import store_upload
from webapp.services.errors import FieldError, NotFoundError, ServiceError
from webapp.services.mapping.create_clients import (
    Choice,
    NewClient,
    create_clients,
    propose_clients,
)
from webapp.services.mapping.import_mappings import mapping_import
from webapp.services.mapping.map_organizations import StaleMappingError, set_mapping
from webapp.services.mapping.save_mapping_rows import RowEdit, save_mapping_rows

MAPPED, AUTO, UNMAPPED, SIMILAR, AMBIGUOUS = (str(40_000 + n) for n in range(5))


@pytest.fixture
def admin_id(app: Flask, fake_clock: FakeClock) -> int:
    """An admin; sixteen organizations in every state."""
    admin, _ = desk_data.add_people()
    desk_data.add_connection(fake_clock.now())
    add_mappings(1, fake_clock.now(), organizations=16)
    return admin.id


def upload(admin_id: int, content: str) -> int:
    return store_upload("mapping", "x.csv", content.encode(), admin_id, 1).id


def plan_of(admin_id: int, key: int) -> ImportPlan:
    plan = preview_import(mapping_import(1), key, admin_id).plan
    assert plan is not None
    return plan


def import_it(admin_id: int, key: int, fingerprint: str) -> int:
    """Confirm an import; returns how many rows it changed."""
    return apply_import(mapping_import(1), key, admin_id, fingerprint).count(Outcome.CHANGED)


@both_databases
def test_an_import_does_what_its_plan_says(app: Flask, admin_id: int) -> None:
    key = upload(admin_id, f"id,client,tickets\n{UNMAPPED},Ashford Dental,no\n{MAPPED},,\n")
    plan = plan_of(admin_id, key)
    ashford = client_ids()["Ashford Dental"]
    assert [row.values for row in plan.of(Outcome.CHANGED)] == [
        {"external_id": UNMAPPED, "version": 1, "client_id": ashford, "tickets": False},
        {"external_id": MAPPED, "version": 1, "client_id": None},
    ]
    assert import_it(admin_id, key, plan.fingerprint) == 2
    row = organization(1, UNMAPPED)
    assert (row.client_id, row.creates_tickets) == (client_ids()["Ashford Dental"], False)
    assert all_rows(CsvUpload) == []


@pytest.mark.parametrize("word", ["no", "N", "False", "0", "off", "inactive"])
def test_every_word_for_no_turns_tickets_off(admin_id: int, word: str) -> None:
    plan = plan_of(admin_id, upload(admin_id, f"id,tickets\n{UNMAPPED},{word}\n"))
    [row] = plan.rows
    assert (row.outcome, row.details) == (Outcome.CHANGED, ("Create tickets: yes → no",))


@pytest.mark.parametrize("word", ["yes", "Y", "true", "1", "on", "active", "x", ""])
def test_every_word_for_yes_leaves_tickets_on(admin_id: int, word: str) -> None:
    plan = plan_of(admin_id, upload(admin_id, f"id,tickets\n{UNMAPPED},{word}\n"))
    assert [row.outcome for row in plan.rows] == [Outcome.UNCHANGED]


def test_a_choice_that_came_and_went_since_the_preview_counts(admin_id: int) -> None:
    key = upload(admin_id, f"id,client\n{UNMAPPED},Ashford Dental\n")
    before = plan_of(admin_id, key)
    for tickets in (False, True):
        set_mapping(1, UNMAPPED, tickets=tickets)
    assert plan_of(admin_id, key).rows[0].details == before.rows[0].details
    with pytest.raises(ImportChangedError):
        import_it(admin_id, key, before.fingerprint)


@both_databases
def test_two_who_confirm_the_same_import_import_once(app: Flask, admin_id: int) -> None:
    key = upload(admin_id, f"id,client\n{UNMAPPED},Ashford Dental\n")
    fingerprint = plan_of(admin_id, key).fingerprint
    start = threading.Barrier(2)

    def confirm() -> int:
        start.wait()
        try:
            return import_it(admin_id, key, fingerprint)
        except NotFoundError:
            return 0

    threads = [AppThread(app, confirm) for _ in range(2)]
    assert sorted(thread.outcome() for thread in threads) == [0, 1]
    assert audit_actions() == ["mapping.saved", "mapping.imported"]


@both_databases
def test_a_fingerprint_is_of_what_would_change_only(app: Flask, admin_id: int) -> None:
    key = upload(admin_id, f"id,client\n{UNMAPPED},Ashford Dental\n{AUTO},Birchwood Dental\n")
    before = plan_of(admin_id, key).fingerprint
    set_mapping(1, SIMILAR, tickets=False)
    assert plan_of(admin_id, key).fingerprint == before
    set_mapping(1, AUTO, client_id=None)
    assert plan_of(admin_id, key).fingerprint != before
    with pytest.raises(ImportChangedError):
        import_it(admin_id, key, before)
    assert organization(1, UNMAPPED).client_id is None
    assert len(all_rows(CsvUpload)) == 1, "for the new preview"


@both_databases
def test_clients_are_created_and_linked_together(app: Flask, admin_id: int) -> None:
    proposals = propose_clients(1, [SIMILAR, UNMAPPED, AUTO, "77"]).shown
    assert [one.external_id for one in proposals] == [SIMILAR, UNMAPPED], "first what needs a look"
    assert [one.choice for one in proposals] == [Choice.SKIP, Choice.CREATE]
    decisions = [NewClient(UNMAPPED, 1, Choice.CREATE, "New"), NewClient(AUTO, 1, Choice.SKIP, "")]
    result = create_clients(1, decisions, actor_id=admin_id)
    assert (result.created, result.linked) == (1, 1)
    row = organization(1, UNMAPPED)
    assert (row.client_id, row.changed_by_id) == (client_ids()["New"], admin_id)


@both_databases
@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (NewClient(AMBIGUOUS, 1, Choice.CREATE, "Ashford Dental"), FieldError),
        (NewClient(AMBIGUOUS, 9, Choice.CREATE, "Other"), StaleMappingError),
        (NewClient("77", 1, Choice.CREATE, "Other"), NotFoundError),
    ],
)
def test_one_that_fails_undoes_them_all(
    app: Flask, admin_id: int, bad: NewClient, error: type[ServiceError]
) -> None:
    with pytest.raises(error):
        create_clients(1, [NewClient(UNMAPPED, 1, Choice.CREATE, "New"), bad], actor_id=admin_id)
    assert not {"New", "Other"} & set(client_ids())
    assert organization(1, UNMAPPED).client_id is None
    assert audit_events() == []


@both_databases
def test_two_who_create_the_same_client_make_one(
    app: Flask, admin_id: int, fake_clock: FakeClock
) -> None:
    other = desk_data.add_connection(fake_clock.now(), account_id=2)
    add_mappings(other, fake_clock.now(), organizations=8)
    start = threading.Barrier(2)

    def create(connection_id: int) -> int:
        start.wait()
        try:
            decisions = [NewClient(UNMAPPED, 1, Choice.CREATE, "The same")]
            return create_clients(connection_id, decisions, actor_id=admin_id).created
        except (FieldError, ServiceError):
            return 0

    threads = [AppThread(app, lambda one=one: create(one)) for one in (1, other)]
    assert sorted(thread.outcome() for thread in threads) == [0, 1]
    assert len(all_rows(Client, Client.name == "The same")) == 1


@both_databases
def test_two_who_save_the_same_row_do_not_overwrite_each_other(app: Flask, admin_id: int) -> None:
    start = threading.Barrier(2)

    def save(client: str) -> str:
        start.wait()
        try:
            save_mapping_rows(1, [RowEdit(UNMAPPED, 1, client=client)], actor_id=admin_id)
        except StaleMappingError as error:
            [conflict] = error.conflicts
            assert conflict.changed_by == desk_data.ADMIN[1]
            return ""
        return client

    threads = [
        AppThread(app, lambda name=n: save(name)) for n in ("Ashford Dental", "Glenwood Dental")
    ]
    saved = [name for thread in threads if (name := thread.outcome())]
    assert len(saved) == 1
    assert organization(1, UNMAPPED).client_id == client_ids()[saved[0]]
    assert organization(1, UNMAPPED).version == 2


@both_databases
def test_an_import_creates_missing_clients_where_a_person_wants_that(
    app: Flask, admin_id: int
) -> None:
    file = (
        f"id,client\n{UNMAPPED},Brand New Ltd\n{AMBIGUOUS},BRAND NEW LTD.\n{AUTO},Ashford Dentals\n"
    )
    key = upload(admin_id, file)
    refused = plan_of(admin_id, key)
    assert refused.count(Outcome.WRONG) == 3
    assert dict(refused.missing) == {"Ashford Dentals": ["Ashford Dental"], "Brand New Ltd": []}
    kind = mapping_import(1, creates_clients=True)
    plan = preview_import(kind, key, admin_id).plan
    assert plan is not None
    assert [row.details for row in plan.of(Outcome.CHANGED)] == [
        ("Client: none → Brand New Ltd (new)",),
        ("Client: none → Brand New Ltd (new)",),
        ("Client: Birchwood Dental → Ashford Dentals (new)",),
    ]
    with pytest.raises(ImportChangedError):
        apply_import(kind, key, admin_id, refused.fingerprint)
    before = len(client_ids())
    apply_import(kind, key, admin_id, plan.fingerprint)
    assert len(client_ids()) == before + 2
    new = client_ids()["Brand New Ltd"]
    assert organization(1, UNMAPPED).client_id == organization(1, AMBIGUOUS).client_id == new
    assert audit_actions().count("client.created") == 2


def test_a_client_that_cannot_be_created_is_an_error_of_its_row(app: Flask, admin_id: int) -> None:
    inactive = "Ashford Legal Partners"
    rows = f"{UNMAPPED},{inactive}\n{AUTO},{inactive}!\n{SIMILAR},{'x' * 201}\n"
    kind = mapping_import(1, creates_clients=True)
    plan = preview_import(kind, upload(admin_id, f"id,client\n{rows}"), admin_id).plan
    assert plan is not None
    problems = [row.details[0] for row in plan.of(Outcome.WRONG)]
    assert "is not active" in problems[0]
    assert f'There is a client "{inactive}" already.' in problems[1]
    assert "at most 200 characters" in problems[2]
    assert not plan.missing
