"""Assets: told apart by client, hostname and serial number."""

import threading

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.rows import add, all_rows, audit_actions, audit_events, change, fresh
from webapp.models import Asset, Client
from webapp.services.desk.delete_guard import activate_row, deactivate_row
from webapp.services.desk.edit_assets import (
    AssetValues,
    add_asset,
    asset_version,
    edit_asset,
    read_asset_values,
)
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.errors import FieldError, NotFoundError


@pytest.fixture
def globex(app: Flask) -> int:
    return add(Client(name="Globex")).id


@both_databases
def test_an_asset_is_added_with_its_key(globex: int) -> None:
    asset = add_asset(AssetValues(globex, "WS-STRAßE", "SN-1", "Laptop", "T-1"))
    stored = fresh(Asset, asset.id)
    assert (stored.name, stored.hostname_key) == ("WS-STRAßE", "ws-strasse")
    assert (stored.serial_number, stored.type, stored.asset_tag) == ("SN-1", "Laptop", "T-1")
    assert stored.is_active
    event = audit_events()[-1]
    assert event.action == "asset.added"
    assert event.after["client_id"] == globex


def test_the_key_follows_the_name(globex: int) -> None:
    asset = add_asset(AssetValues(globex, "WS-01"))
    assert edit_asset(asset.id, AssetValues(globex, "WS-02"), seen=asset_version(asset))
    assert fresh(Asset, asset.id).hostname_key == "ws-02"
    assert audit_events()[-1].after == {"name": "WS-02"}


@pytest.mark.parametrize(("first", "second"), [(None, None), ("SN-1", "sn-1"), (None, "")])
def test_the_same_machine_twice_is_refused(
    globex: int, first: str | None, second: str | None
) -> None:
    add_asset(AssetValues(globex, "WS-01", first))
    with pytest.raises(FieldError) as caught:
        add_asset(AssetValues(globex, "ws-01", second))
    assert set(caught.value.fields) == {"name"}
    assert "already" in str(caught.value)


def test_the_same_hostname_with_another_serial_number_or_client(globex: int) -> None:
    other = add(Client(name="Initech")).id
    first = add_asset(AssetValues(globex, "WS-01", "SN-1"))
    add_asset(AssetValues(globex, "WS-01", "SN-2"))
    add_asset(AssetValues(other, "WS-01", "SN-1"))
    with pytest.raises(FieldError, match="serial number already"):
        edit_asset(first.id, AssetValues(globex, "WS-01", "SN-2"))
    deactivate_row(Asset, first.id)
    with pytest.raises(FieldError, match="inactive"):
        add_asset(AssetValues(globex, "WS-01", "SN-1"))


def test_only_active_clients_get_assets(globex: int) -> None:
    asset = add_asset(AssetValues(globex, "WS-01"))
    gone = add(Client(name="Gone", is_active=False)).id
    for values in (AssetValues(gone, "WS-02"), AssetValues(999, "WS-02")):
        with pytest.raises(FieldError) as caught:
            add_asset(values)
        assert set(caught.value.fields) == {"client_id"}
    with pytest.raises(FieldError):
        edit_asset(asset.id, AssetValues(gone, "WS-01"))
    change(Client, globex, is_active=False)
    assert edit_asset(asset.id, AssetValues(globex, "WS-01", "SN-1"))


def test_an_edit_of_an_older_state_is_refused(globex: int) -> None:
    asset = add_asset(AssetValues(globex, "WS-01"))
    seen = asset_version(asset)
    edit_asset(asset.id, AssetValues(globex, "WS-01", asset_tag="T-1"), seen=seen)
    with pytest.raises(EditConflictError) as caught:
        edit_asset(asset.id, AssetValues(globex, "WS-01", asset_tag="T-2"), seen=seen)
    assert caught.value.current["asset_tag"] == "T-1"


def test_states_and_what_does_not_exist(globex: int) -> None:
    asset = add_asset(AssetValues(globex, "WS-01"))
    assert deactivate_row(Asset, asset.id).is_active is False
    assert activate_row(Asset, asset.id).is_active is True
    assert audit_actions()[-2:] == ["asset.deactivated", "asset.activated"]
    with pytest.raises(NotFoundError, match="no asset 99"):
        edit_asset(99, AssetValues(globex, "WS-01"))


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(FieldError) as caught:
        read_asset_values(None, " ", "s" * 201, "t" * 201, "a" * 201)
    assert set(caught.value.fields) == {"client_id", "name", "serial_number", "type", "asset_tag"}
    assert read_asset_values(1, " WS-01\n", "") == AssetValues(1, "WS-01")


@both_databases
def test_the_same_machine_added_by_two_at_once(app: Flask, globex: int) -> None:
    """No constraint tells assets apart: the client's row is what makes them wait."""
    refused: list[FieldError] = []
    start = threading.Barrier(4)

    def attempt() -> None:
        with app.app_context():
            start.wait()
            try:
                add_asset(AssetValues(globex, "WS-01"))
            except FieldError as error:
                refused.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(all_rows(Asset)) == 1
    assert len(refused) == 3
