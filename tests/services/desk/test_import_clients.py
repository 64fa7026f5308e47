"""Clients from a CSV file: planned, shown, applied exactly so or not at all."""

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import START
from tests.support.rows import add, all_rows, audit_actions, audit_events, change, fresh
from webapp.domain.csv_import import Outcome
from webapp.domain.csv_text import write_csv_line
from webapp.models import Client, Connection, CsvUpload
from webapp.services.csv_imports import (
    ImportChangedError,
    ImportPreview,
    ImportRefusedError,
    apply_import,
    choose_columns,
    preview_import,
)
from webapp.services.csv_uploads import store_upload
from webapp.services.desk.import_clients import CLIENT_IMPORT
from webapp.services.desk.list_clients import export_clients
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.people.users import add_user


@pytest.fixture
def owner(app: Flask) -> int:
    return add_user(email="a@b.org", name="Ada", password="correct horse", role="admin").id


@pytest.fixture
def globex(app: Flask) -> Client:
    return add(Client(name="Globex", notes="Old", external_reference="C-1"))


def upload(owner: int, text: str) -> int:
    return store_upload("clients", "clients.csv", text.encode(), owner).id


def preview(owner: int, text: str) -> ImportPreview:
    return preview_import(CLIENT_IMPORT, upload(owner, text), owner)


def outcomes(found: ImportPreview) -> list[tuple[int, str, tuple[str, ...]]]:
    assert found.plan is not None
    return [(row.number, row.outcome, row.details) for row in found.plan.rows]


def run(owner: int, text: str) -> None:
    found = preview(owner, text)
    assert found.plan is not None
    apply_import(CLIENT_IMPORT, found.upload.id, owner, found.plan.fingerprint)


@both_databases
def test_clients_are_added_and_changed(owner: int, globex: Client) -> None:
    text = (
        "name;notes;external reference;active\n"
        "Initech;New this year;C-2;yes\n"
        "globex;;C-9;\n"
        "Umbrella;;;no\n"
    )
    found = preview(owner, text)
    assert outcomes(found) == [
        (2, "added", ("External reference: C-2", "With notes")),
        (3, "changed", ("External reference: C-1 → C-9",)),
        (4, "added", ("Inactive",)),
    ]
    assert len(all_rows(Client)) == 2
    assert audit_actions() == ["user.added"]
    apply_import(CLIENT_IMPORT, found.upload.id, owner, found.plan.fingerprint)
    stored = {row.name: row for row in all_rows(Client)}
    assert set(stored) == {"Internal (unmapped security)", "Globex", "Initech", "Umbrella"}
    assert (stored["Initech"].notes, stored["Initech"].is_active) == ("New this year", True)
    assert (stored["Globex"].notes, stored["Globex"].external_reference) == ("Old", "C-9")
    assert stored["Umbrella"].is_active is False
    assert all_rows(CsvUpload) == []
    assert sorted(audit_actions()[1:]) == [
        "client.added",
        "client.added",
        "client.changed",
        "clients.imported",
    ]
    event = audit_events()[-1]
    assert event.after == {"file": "clients.csv", "added": 2, "changed": 1}
    assert {event.actor_id for event in audit_events()[1:]} == {owner}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (",x", "Enter a name."),
        ("x" * 201 + ",", "longer than 200"),
        ("Initech,perhaps", "neither yes nor no"),
        ("ACME,", "Line 2 has the same name."),
        ("internal (unmapped security),no", "the routing of Acme MSP uses it"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_imported(owner: int, row: str, problem: str) -> None:
    add(
        Connection(
            name="Acme MSP",
            base_url="https://api.huntress.io",
            account_id="1",
            created_at=START,
            fallback_client_id=1,
        )
    )
    found = preview(owner, f"name,active\nAcme,\n{row}\n")
    assert found.plan.count(Outcome.WRONG) == 1
    [wrong] = found.plan.of(Outcome.WRONG)
    assert wrong.number == 3
    assert problem in wrong.details[0]
    with pytest.raises(ImportRefusedError):
        apply_import(CLIENT_IMPORT, found.upload.id, owner, found.plan.fingerprint)
    assert len(all_rows(Client)) == 1
    assert len(all_rows(CsvUpload)) == 1


@both_databases
def test_what_changed_since_the_preview_stops_the_import(owner: int, globex: Client) -> None:
    found = preview(owner, "name,external reference\nGlobex,C-2\nInitech,C-3\n")
    change(Client, globex.id, external_reference="C-7")
    with pytest.raises(ImportChangedError):
        apply_import(CLIENT_IMPORT, found.upload.id, owner, found.plan.fingerprint)
    assert fresh(Client, globex.id).external_reference == "C-7"
    again = preview_import(CLIENT_IMPORT, found.upload.id, owner)
    assert outcomes(again)[0][2] == ("External reference: C-7 → C-2",)
    apply_import(CLIENT_IMPORT, found.upload.id, owner, again.plan.fingerprint)
    assert fresh(Client, globex.id).external_reference == "C-2"


def test_what_does_not_concern_the_import_does_not_stop_it(owner: int, globex: Client) -> None:
    found = preview(owner, "name,external reference\nInitech,C-3\n")
    change(Client, globex.id, external_reference="C-7")
    apply_import(CLIENT_IMPORT, found.upload.id, owner, found.plan.fingerprint)


def test_an_import_is_done_once(owner: int) -> None:
    found = preview(owner, "name\nInitech\n")
    apply_import(CLIENT_IMPORT, found.upload.id, owner, found.plan.fingerprint)
    with pytest.raises(NotFoundError):
        apply_import(CLIENT_IMPORT, found.upload.id, owner, found.plan.fingerprint)


def test_nothing_to_import(owner: int, globex: Client) -> None:
    found = preview(owner, "name,notes\nGlobex,Old\n")
    assert outcomes(found) == [(2, "unchanged", ())]
    with pytest.raises(ImportRefusedError, match="nothing to import"):
        apply_import(CLIENT_IMPORT, found.upload.id, owner, found.plan.fingerprint)


def test_clients_whose_names_differ_in_case_only(owner: int, globex: Client) -> None:
    add(Client(name="GLOBEX"))
    found = preview(owner, "name,notes\nGlobex,New\n")
    assert found.plan.rows[0].row_id == globex.id
    found = preview(owner, "name,notes\nglobex,New\n")
    assert "Several clients have this name: Globex, GLOBEX." in outcomes(found)[0][2]


def test_columns_are_chosen(owner: int) -> None:
    number = upload(owner, "Firm,Text\nInitech,Hello\n")
    assert preview_import(CLIENT_IMPORT, number, owner).plan is None
    with pytest.raises(FieldError) as caught:
        choose_columns(CLIENT_IMPORT, number, owner, {"notes": 1})
    assert set(caught.value.fields) == {"name"}
    choose_columns(CLIENT_IMPORT, number, owner, {"name": 0, "notes": 1})
    found = preview_import(CLIENT_IMPORT, number, owner)
    assert dict(found.columns) == {"name": 0, "notes": 1}
    assert found.plan.rows[0].values == {"name": "Initech", "notes": "Hello"}
    choose_columns(CLIENT_IMPORT, number, owner, {"name": 1})
    assert preview_import(CLIENT_IMPORT, number, owner).plan.rows[0].title == "Hello"


def test_an_upload_of_somebody_else_is_not_there(owner: int) -> None:
    number = upload(owner, "name\nInitech\n")
    other = add_user(email="b@b.org", name="Bo", password="correct horse", role="admin").id
    with pytest.raises(NotFoundError):
        preview_import(CLIENT_IMPORT, number, other)
    with pytest.raises(NotFoundError):
        apply_import(CLIENT_IMPORT, number, other, "f")


def test_an_export_comes_back_unchanged(owner: int, globex: Client) -> None:
    change(Client, globex.id, notes='=HYPERLINK("x")\nsecond line', external_reference="+49 89")
    add(Client(name='@Initech, "Ltd"', is_active=False))
    text = "".join(write_csv_line(row) for row in export_clients())
    assert "'=HYPERLINK" in text
    assert "'+49 89" in text
    found = preview(owner, text)
    assert [row.outcome for row in found.plan.rows] == [Outcome.UNCHANGED] * 3


def test_names_are_stored_as_they_are_meant(owner: int) -> None:
    """A guard comes off again; what was never guarded stays as it is and is exported guarded."""
    run(owner, "name\n'=cmd\n-dash\n")
    assert {row.name for row in all_rows(Client)} >= {"=cmd", "-dash"}
    assert [write_csv_line(row).split(",")[0] for row in export_clients() if row[0] == "=cmd"] == [
        "'=cmd"
    ]
