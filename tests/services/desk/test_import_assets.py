"""Assets from a CSV file: matched by client and hostname, where that is beyond doubt."""

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.rows import add, all_rows, audit_actions, change
from webapp.domain.csv_import import Outcome
from webapp.domain.csv_text import write_csv_line
from webapp.models import Asset, Client
from webapp.services.csv_imports import (
    ImportChangedError,
    ImportPreview,
    apply_import,
    preview_import,
)
from webapp.services.csv_uploads import store_upload
from webapp.services.desk.edit_assets import AssetValues, add_asset
from webapp.services.desk.import_assets import ASSET_IMPORT
from webapp.services.desk.list_assets import export_assets
from webapp.services.people.users import add_user

HEADER = "Client,Computer name,Serial,Type,Asset tag,Active\n"


@pytest.fixture
def owner(app: Flask) -> int:
    return add_user(email="a@b.org", name="Ada", password="correct horse", role="admin").id


@pytest.fixture
def globex(app: Flask) -> int:
    return add(Client(name="Globex")).id


def preview(owner: int, *rows: str) -> ImportPreview:
    text = HEADER + "".join(f"{row}\n" for row in rows)
    upload = store_upload("assets", "assets.csv", text.encode(), owner)
    return preview_import(ASSET_IMPORT, upload.id, owner)


def run(owner: int, *rows: str) -> None:
    found = preview(owner, *rows)
    apply_import(ASSET_IMPORT, found.upload.id, owner, found.plan.fingerprint)


@both_databases
def test_assets_are_added_and_changed(owner: int, globex: int) -> None:
    known = add_asset(AssetValues(globex, "WS-01", "SN-1", "Laptop"))
    found = preview(
        owner,
        "GLOBEX,ws-01,sn-1,,T-1,",
        "Globex,WS-02,SN-2,Server,,yes",
        "Globex,WS-03,,,,no",
    )
    assert [(row.outcome, row.details) for row in found.plan.rows] == [
        ("changed", ("Asset tag: empty → T-1",)),
        ("added", ("Serial number: SN-2", "Type: Server")),
        ("added", ("Inactive",)),
    ]
    apply_import(ASSET_IMPORT, found.upload.id, owner, found.plan.fingerprint)
    rows = {row.name: row for row in all_rows(Asset)}
    assert (rows["WS-01"].id, rows["WS-01"].asset_tag) == (known.id, "T-1")
    assert (rows["WS-01"].serial_number, rows["WS-01"].type) == ("SN-1", "Laptop")
    assert (rows["WS-02"].hostname_key, rows["WS-02"].type) == ("ws-02", "Server")
    assert rows["WS-03"].is_active is False
    assert audit_actions()[-4:] == ["asset.added"] * 2 + ["asset.changed", "assets.imported"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("Initech,WS-09,,,,", "No client is named Initech."),
        (",WS-09,,,,", "The client is missing."),
        ("Globex,,,,,", "Enter a hostname."),
        ("Gone,WS-09,,,,", "Gone is inactive"),
        ("Globex,ws-02,,,,", "Line 2 is about the same asset."),
        ("Globex,WS-09,,,,maybe", "neither yes nor no"),
        ("Globex,WS-09," + "s" * 201 + ",,,", "longer than 200"),
        ("Globex,WS-01,,,,", "Several assets have this hostname"),
    ],
)
def test_a_wrong_row_is_named(owner: int, globex: int, row: str, problem: str) -> None:
    add(Client(name="Gone", is_active=False))
    for serial in ("SN-1", "SN-2"):
        add_asset(AssetValues(globex, "WS-01", serial))
    found = preview(owner, "Globex,WS-02,,,,", row)
    [wrong] = found.plan.of(Outcome.WRONG)
    assert wrong.number == 3
    assert problem in wrong.details[0]


def test_the_serial_number_decides(owner: int, globex: int) -> None:
    first, second = (add_asset(AssetValues(globex, "WS-01", sn)).id for sn in ("SN-1", "SN-2"))
    found = preview(owner, "Globex,WS-01,sn-2,Server,,", "Globex,WS-01,SN-3,Server,,")
    assert [(row.outcome, row.row_id) for row in found.plan.rows] == [
        ("changed", second),
        ("added", None),
    ]
    assert first not in {row.row_id for row in found.plan.rows}


def test_a_serial_number_is_added_to_the_asset_that_has_none(owner: int, globex: int) -> None:
    known = add_asset(AssetValues(globex, "WS-01"))
    found = preview(owner, "Globex,WS-01,SN-1,,,", "Globex,WS-01,SN-2,,,")
    first, second = found.plan.rows
    assert (first.row_id, first.details) == (known.id, ("Serial number: empty → SN-1",))
    assert second.outcome == Outcome.WRONG
    assert "Line 2 is about the same asset" in second.details[0]


def test_assets_of_an_inactive_client_may_be_in_the_file(owner: int, globex: int) -> None:
    add_asset(AssetValues(globex, "WS-01", "SN-1"))
    change(Client, globex, is_active=False)
    assert preview(owner, "Globex,WS-01,SN-1,,,").plan.count(Outcome.UNCHANGED) == 1


@both_databases
def test_an_asset_added_meanwhile_stops_the_import(owner: int, globex: int) -> None:
    found = preview(owner, "Globex,WS-01,,,,")
    add_asset(AssetValues(globex, "WS-01"))
    with pytest.raises(ImportChangedError):
        apply_import(ASSET_IMPORT, found.upload.id, owner, found.plan.fingerprint)
    assert len(all_rows(Asset)) == 1


def test_an_export_comes_back_unchanged(owner: int, globex: int) -> None:
    add_asset(AssetValues(globex, "=WS", "-1", "Laptop, old", "@T"))
    add_asset(AssetValues(globex, "WS-02"))
    change(Asset, 2, is_active=False)
    text = "".join(write_csv_line(row) for row in export_assets())
    upload = store_upload("assets", "assets.csv", text.encode(), owner)
    found = preview_import(ASSET_IMPORT, upload.id, owner)
    assert [row.outcome for row in found.plan.rows] == [Outcome.UNCHANGED] * 2
    assert "'=WS" in text
