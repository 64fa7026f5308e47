"""The pages of assets."""

import csv
import io

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.support.rows import add, all_rows, change
from tests.web.pages import Browser, words_of
from webapp import clock
from webapp.models import Asset, Client, HuntressAgent, OrganizationMapping, Ticket, TicketAsset
from webapp.services.desk.edit_assets import AssetValues, add_asset


@pytest.fixture
def globex(app: Flask, desk: Desk) -> int:
    with app.app_context():
        return add(Client(name="Aardvark Ltd")).id


@pytest.fixture
def asset(app: Flask, globex: int) -> int:
    with app.app_context():
        return add_asset(AssetValues(globex, "WS-01", "SN-1", "Laptop", "T-1")).id


def test_the_list_filters(app: Flask, admin: Browser, globex: int, asset: int) -> None:
    page = admin.get("/assets")
    for word in ("WS-01", "Aardvark Ltd", "Laptop", "SN-1", "T-1"):
        assert word in page.text
    assert "WS-01" in admin.get(f"/assets?client={globex}&q=sn-1").text
    assert "No asset fits these filters" in admin.get("/assets?client=1").text
    assert "No asset fits these filters" in admin.get("/assets?q=nothing").text
    assert "No inactive assets" in admin.get("/assets?state=inactive").text
    assert "WS-01" in admin.get("/assets?client=nonsense").text
    choice = admin.get(f"/assets?client={globex}").one("select", name="client")
    assert [words_of(option) for option in choice.findall("option[@selected]")] == ["Aardvark Ltd"]


def test_an_asset_is_added_for_the_client_it_was_asked_for(
    app: Flask, admin: Browser, globex: int
) -> None:
    page = admin.get(f"/assets/new?client={globex}")
    fields = {**page.form_of("name"), "name": "WS-STRAßE", "type": "Server"}
    assert fields["client_id"] == str(globex)
    response = admin.client.post("/assets/new", data=fields)
    assert response.status_code == 303
    assert "WS-STRAßE was added." in admin.get(response.location).text
    with app.app_context():
        [row] = all_rows(Asset)
        assert (row.client_id, row.hostname_key, row.type) == (globex, "ws-strasse", "Server")
    page = admin.page_of(admin.client.post("/assets/new", data=fields), status=400)
    assert "has an asset named WS-STRAßE without a serial number already." in page.text
    assert page.one("input", name="type").get("value") == "Server"


@pytest.mark.parametrize("client_id", ["", "999", "x"])
def test_without_a_client_there_is_no_asset(admin: Browser, globex: int, client_id: str) -> None:
    data = {"client_id": client_id, "name": "WS-09", "type": "typed"}
    page = admin.page_of(admin.post_own("/assets/new", data), status=400)
    assert page.one("select", name="client_id").get("aria-invalid") == "true"
    assert page.one("input", name="name").get("value") == "WS-09"
    assert page.one("input", name="type").get("value") == "typed"


def test_inactive_clients_are_not_offered_but_kept(
    app: Flask, admin: Browser, globex: int, asset: int
) -> None:
    with app.app_context():
        change(Client, globex, is_active=False)
    assert "Aardvark" not in admin.get("/assets/new").text
    page = admin.get(f"/assets/{asset}")
    fields = {**page.form_of("name"), "asset_tag": "T-2"}
    assert fields["client_id"] == str(globex)
    assert admin.client.post(f"/assets/{asset}", data=fields).status_code == 303
    with app.app_context():
        assert all_rows(Asset)[0].asset_tag == "T-2"


def test_edits_that_collide(app: Flask, admin: Browser, globex: int, asset: int) -> None:
    path = f"/assets/{asset}"
    fields = admin.get(path).form_of("name")
    with app.app_context():
        other = add(Client(name="Zebra Ltd")).id
        change(Asset, asset, client_id=other)
    page = admin.page_of(admin.client.post(path, data={**fields, "name": "Mine"}), status=409)
    assert "Client is now: Zebra Ltd" in page.text
    assert "Hostname is now: WS-01" in page.text
    assert page.one("input", name="name").get("value") == "Mine"


def test_states_and_deleting(app: Flask, admin: Browser, asset: int) -> None:
    path = f"/assets/{asset}"
    admin.post(f"{path}/deactivate", on=path)
    assert "The asset is inactive." in admin.get(path).text
    assert "WS-01" in admin.get("/assets?state=inactive").text
    admin.post(f"{path}/activate", on=path)
    assert "The asset is active." in admin.get(path).text
    with app.app_context():
        add(TicketAsset(ticket_id=1, asset_id=asset))
        number = all_rows(Ticket, Ticket.id == 1)[0].number
    page = admin.get(path)
    assert number in page.text
    assert "1 ticket" in page.text
    assert f"{path}/delete" not in {form.get("action") for form in page.all("form")}
    assert admin.send(f"{path}/delete", {}).location == path
    assert "WS-01 cannot be deleted: 1 ticket uses it." in admin.get(path).text
    with app.app_context():
        from_tickets = all_rows(Asset)
    assert len(from_tickets) == 1


def test_an_asset_that_nothing_points_to_is_deleted(app: Flask, admin: Browser, asset: int) -> None:
    path = f"/assets/{asset}"
    assert admin.post(f"{path}/delete", on=path).location == "/assets"
    assert "The asset was deleted." in admin.get("/assets").text
    assert admin.send(f"{path}/delete", {}).location == "/assets"
    assert "There is no asset" in admin.get("/assets").text


def test_the_export(admin: Browser, asset: int) -> None:
    response = admin.client.get("/assets/export")
    rows = list(csv.reader(io.StringIO(response.data.decode("utf-8-sig"))))
    assert rows == [
        ["Client", "Hostname", "Serial number", "Type", "Asset tag", "Active"],
        ["Aardvark Ltd", "WS-01", "SN-1", "Laptop", "T-1", "yes"],
    ]


def test_helpdesk_sees_none_of_it(helpdesk: Browser, asset: int) -> None:
    for path in (
        "/assets",
        "/assets/new",
        f"/assets/{asset}",
        "/assets/export",
        "/assets/import",
        "/assets/known-hosts",
    ):
        helpdesk.get(path, status=403)
    assert helpdesk.send(f"/assets/{asset}/delete", {}).status_code == 403


def test_assets_from_known_hosts(app: Flask, admin: Browser, asset: int) -> None:
    """Nothing before the button, only the chosen clients, and only what was shown."""
    with app.app_context():
        mapped = all_rows(OrganizationMapping, OrganizationMapping.client_id.is_not(None))[:2]
        for number, row in enumerate(mapped * 6):
            add(
                HuntressAgent(
                    connection_id=1,
                    external_id=f"900{number}",
                    organization_external_id=row.external_id,
                    hostname=f"KNOWN-{number:02}",
                    fetched_at=clock.utcnow(),
                )
            )
    button = next(
        link
        for link in admin.get("/assets").all("a")
        if words_of(link) == "Create assets from known hosts"
    )
    address = button.get("href")
    page = admin.get(address)
    assert "12 new assets in all" in page.text
    assert "KNOWN-00" in page.text
    fields = page.form_of("seal")
    wanted = {**fields, "client": str(mapped[0].client_id)}
    with app.app_context():
        add_asset(AssetValues(mapped[0].client_id, "known-00"))
    page = admin.page_of(admin.client.post(address, data=wanted), status=409)
    assert "The known hosts changed since this page was shown." in page.text
    ticked = page.all("input", name="client", checked="")
    assert [one.get("value") for one in ticked] == [str(mapped[0].client_id)], "as it was chosen"
    wanted["seal"] = page.form_of("seal")["seal"]
    assert admin.client.post(address, data=wanted).location == "/assets"
    assert "5 assets created." in admin.get("/assets").text
    page = admin.page_of(admin.client.post(address, data={**wanted, "client": ""}), status=409)
    assert "6 new assets in all" in page.text
