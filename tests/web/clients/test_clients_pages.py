"""The pages of clients: found, added, edited, switched off, deleted."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, Desk
from tests.support.rows import add, all_rows, audit_events, change
from tests.web.pages import Browser, Page, words_of
from webapp.models import Client, OrganizationMapping, Ticket
from webapp.services.desk.edit_assets import AssetValues, add_asset
from webapp.services.desk.read_client import read_client

ATTACK = '"><script>alert(1)</script>'


@pytest.fixture
def globex(app: Flask, desk: Desk) -> int:
    """A client that nothing points to."""
    with app.app_context():
        return add(Client(name="Aardvark Ltd", external_reference="C-7", notes="Calls often")).id


def stored(app: Flask, client_id: int) -> Client:
    with app.app_context():
        [row] = all_rows(Client, Client.id == client_id)
        return row


def links(page: Page) -> dict[str, str]:
    return {words_of(link): link.get("href") for link in page.all("a")}


def test_the_list_counts_and_searches(app: Flask, admin: Browser, globex: int) -> None:
    page = admin.get("/clients")
    assert links(page)["Aardvark Ltd"] == f"/clients/{globex}"
    assert "Fallback client" in page.text
    page = admin.get("/clients?q=c-7")
    assert "Aardvark Ltd" in page.text
    assert links(page)["Active 1"] == "/clients?q=c-7"
    assert links(page)["Inactive 0"] == "/clients?q=c-7&state=inactive"
    assert "Internal (unmapped" not in page.text
    assert "No client fits this search" in admin.get("/clients?q=nobody").text
    assert "No inactive clients" in admin.get("/clients?state=inactive").text


def test_a_new_install_is_told_where_clients_come_from(
    people: object, sign_in: Callable[[tuple[str, str]], Browser]
) -> None:
    page = sign_in(ADMIN).get("/clients")
    assert "Add your clients one by one, import a CSV file, or create them" in page.text


def test_the_list_leads_to_the_tickets_of_a_client(app: Flask, admin: Browser) -> None:
    with app.app_context():
        ticket = all_rows(Ticket, Ticket.closed_at.is_(None), Ticket.is_unmapped.is_(False))[0]
    page = admin.get("/clients")
    assert page.all("a", href=f"/tickets?client={ticket.client_id}")
    assert ticket.number in admin.get(f"/tickets?client={ticket.client_id}").text


def test_pages_of_the_list(app: Flask, admin: Browser) -> None:
    with app.app_context():
        for number in range(60):
            add(Client(name=f"Client {number:02}"))
    first = admin.get("/clients?q=client+")
    assert "1–50 of 60" in first.text
    assert "Client 55" not in first.text
    second = admin.get(links(first)["Next"])
    assert "51–60 of 60" in second.text
    assert "Client 55" in second.text
    assert "51–60 of 60" in admin.get("/clients?q=client+&page=99").text
    for page in ("0", "-1", "x", "9" * 30):
        assert "1–50 of 60" in admin.get(f"/clients?q=client+&page={page}").text


def test_a_client_is_added(app: Flask, admin: Browser, desk: Desk) -> None:
    data = {"name": " Hooli ", "notes": "Big", "external_reference": ""}
    response = admin.post_own("/clients/new", data)
    assert response.status_code == 303
    page = admin.get(response.location)
    assert "Hooli was added." in page.text
    assert page.heading == "Hooli"
    assert "by Ada Okafor" in page.text
    with app.app_context():
        assert audit_events()[-1].actor_id == desk.admin_id


def test_pressing_add_twice_says_that_it_is_there(app: Flask, admin: Browser) -> None:
    data = {"name": "Hooli", "notes": "typed", "external_reference": ""}
    assert admin.post_own("/clients/new", data).status_code == 303
    page = admin.page_of(admin.post_own("/clients/new", data), status=400)
    assert "There is a client named Hooli already." in page.text
    assert page.one("input", name="name").get("value") == "Hooli"
    assert page.one("textarea", name="notes").text.strip() == "typed"
    with app.app_context():
        assert len(all_rows(Client, Client.name == "Hooli")) == 1


@pytest.mark.parametrize("name", ["", "x" * 201, ATTACK * 10])
def test_what_cannot_be_taken_is_kept_in_the_form(admin: Browser, name: str) -> None:
    page = admin.page_of(
        admin.post_own("/clients/new", {"name": name, "notes": ATTACK}), status=400
    )
    field = page.one("input", name="name")
    assert field.get("value") == name
    assert field.get("aria-invalid") == "true"
    assert page.all("a", href=f"#{field.get('id')}")
    assert page.one("textarea", name="notes").text.strip() == ATTACK


def test_a_client_is_edited(app: Flask, admin: Browser, globex: int) -> None:
    path = f"/clients/{globex}"
    fields = {**admin.get(path).form_of("name"), "name": "Globex Ltd"}
    assert admin.client.post(path, data=fields).status_code == 303
    page = admin.get(path)
    assert "Globex Ltd was saved." in page.text
    assert stored(app, globex).name == "Globex Ltd"
    assert stored(app, globex).notes == "Calls often"
    fields = admin.get(path).form_of("name")
    assert admin.client.post(path, data=fields).status_code == 303
    assert "Nothing was changed." in admin.get(path).text


def test_edits_that_collide_are_shown_and_not_lost(
    app: Flask, admin: Browser, globex: int, sign_in: Callable[[tuple[str, str]], Browser]
) -> None:
    path = f"/clients/{globex}"
    mine = admin.get(path).form_of("name")
    other = sign_in(ADMIN)
    theirs = {**other.get(path).form_of("name"), "notes": "Theirs"}
    assert other.client.post(path, data=theirs).status_code == 303
    response = admin.client.post(path, data={**mine, "notes": "Mine"})
    page = admin.page_of(response, status=409)
    assert "Ada Okafor changed this while you were editing it." in page.text
    assert "Notes (optional) is now: Theirs" in page.text
    assert page.one("textarea", name="notes").text.strip() == "Mine"
    assert stored(app, globex).notes == "Theirs"
    again = page.form_of("name")
    assert again["seen"] != mine["seen"]
    assert admin.client.post(path, data=again).status_code == 303
    assert stored(app, globex).notes == "Mine"


def test_a_typing_mistake_does_not_hide_a_collision(
    app: Flask, admin: Browser, globex: int
) -> None:
    path = f"/clients/{globex}"
    mine = admin.get(path).form_of("name")
    with app.app_context():
        change(Client, globex, notes="Theirs")
    page = admin.page_of(admin.client.post(path, data={**mine, "name": ""}), status=400)
    response = admin.client.post(path, data={**page.form_of("name"), "name": "Mine"})
    assert response.status_code == 409
    assert stored(app, globex).name == "Aardvark Ltd"


def test_deactivating_and_activating(app: Flask, admin: Browser, globex: int) -> None:
    path = f"/clients/{globex}"
    assert admin.post(f"{path}/deactivate", on=path).location == path
    page = admin.get(path)
    assert "The client is inactive." in page.text
    assert page.all("a", href="/clients?state=inactive"), "the way back leads to its tab"
    assert "Aardvark" in admin.get("/clients?state=inactive").text
    assert admin.post(f"{path}/activate", on=path).location == path
    assert stored(app, globex).is_active


def test_the_fallback_client_says_why_it_stays(app: Flask, admin: Browser) -> None:
    page = admin.get("/clients/1")
    reason = "the routing of Tallow & Reed Managed IT uses it"
    assert f"It cannot be deactivated: {reason}. Change the routing first." in page.text
    actions = {form.get("action") for form in page.all("form")}
    assert not {"/clients/1/deactivate", "/clients/1/delete"} & actions
    for action, word in (("deactivate", "deactivated"), ("delete", "deleted")):
        assert admin.send(f"/clients/1/{action}", {}).location == "/clients/1"
        assert f"cannot be {word}" in admin.get("/clients/1").text
    assert stored(app, 1).is_active


def test_what_holds_a_client(app: Flask, admin: Browser) -> None:
    with app.app_context():
        client_id = all_rows(Ticket, Ticket.is_unmapped.is_(False))[0].client_id
        add_asset(AssetValues(client_id, "WS-01", "SN-1", "Laptop"))
        view = read_client(client_id)
    page = admin.get(f"/clients/{client_id}")
    for holder in view.holders:
        assert str(holder) in page.text
    assert "It can be deleted once nothing uses it any more." in page.text
    assert links(page)["1 asset"] == f"/assets?client={client_id}"
    assert "Laptop · SN-1" in page.text
    assert page.all("a", href=f"/tickets?client={client_id}&state=closed")


def test_deleting(app: Flask, admin: Browser, globex: int) -> None:
    path = f"/clients/{globex}"
    page = admin.get(path)
    assert "Nothing uses it" in page.text
    assert "will be gone for good" in words_of(page.one("details", class_="confirm"))
    response = admin.post(f"{path}/delete", on=path)
    assert response.location == "/clients"
    assert "The client was deleted." in admin.get("/clients").text
    admin.get(path, status=404)
    for action in ("delete", "deactivate", "activate"):
        assert admin.send(f"{path}/{action}", {}).location == "/clients"
        assert f"There is no client {globex}." in admin.get("/clients").text
    assert admin.send(path, {"name": "x"}).status_code == 404


def test_the_export(app: Flask, admin: Browser, globex: int) -> None:
    with app.app_context():
        change(Client, globex, name="=cmd|' /C calc'!A0", notes='a "b"\nc')
    response = admin.client.get("/clients/export")
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"] == 'attachment; filename="clients.csv"'
    rows = list(csv.reader(io.StringIO(response.data.decode("utf-8-sig"))))
    assert rows[0] == ["Name", "Notes", "External reference", "Active"]
    assert ["'=cmd|' /C calc'!A0", 'a "b"\nc', "C-7", "yes"] in rows


def test_helpdesk_sees_none_of_it(helpdesk: Browser, globex: int) -> None:
    paths = ["/clients", "/clients/new", f"/clients/{globex}", "/clients/export", "/clients/import"]
    for path in paths:
        helpdesk.get(path, status=403)
    assert helpdesk.send(f"/clients/{globex}", {"name": "x"}).status_code == 403
    assert helpdesk.send(f"/clients/{globex}/delete", {}).status_code == 403
    hrefs = {link.get("href") or "" for link in helpdesk.get("/").all("a")}
    assert not [href for href in hrefs if href.startswith(("/clients", "/assets", "/desk"))]


@pytest.mark.parametrize("attack", [ATTACK, "{{ 7 * 7 }}", "\u202egnp.exe", "&lt;b&gt;"])
def test_nothing_stored_becomes_markup(
    app: Flask, admin: Browser, globex: int, attack: str
) -> None:
    with app.app_context():
        change(Client, globex, name=attack, notes=attack, external_reference=attack)
    for path in ("/clients", f"/clients/{globex}", "/assets/new"):
        page = admin.get(path)
        assert not [one for one in page.all("script") if one.get("src") is None]
        assert " ".join(attack.split()) in page.text


def test_saving_a_client_matches_its_organization_at_once(app: Flask, admin: Browser) -> None:
    """Added, renamed, activated, imported: each time the page says what was mapped."""
    now = datetime.now(UTC)
    with app.app_context():
        for number, name in enumerate(("Added", "Renamed", "Activated", "Imported"), start=901):
            stamps = {"created_at": now, "updated_at": now, "connection_id": 1}
            add(OrganizationMapping(external_id=str(number), name=f"{name} Ltd", **stamps))
        renamed = add(Client(name="Something else")).id
        inactive = add(Client(name="Activated Ltd", is_active=False)).id

    def mapped(name: str) -> None:
        words = f"The Huntress organization “{name} Ltd” has the same name and is mapped now."
        assert words in admin.get("/clients").text
        with app.app_context():
            [row] = all_rows(OrganizationMapping, OrganizationMapping.name == f"{name} Ltd")
            assert (row.client_id is not None, row.is_auto_matched) == (True, True)

    admin.post_own("/clients/new", {"name": "added LTD"})
    mapped("Added")
    page = f"/clients/{renamed}"
    admin.send(page, {**admin.get(page).form_of("name"), "name": "Renamed Ltd"})
    mapped("Renamed")
    admin.send(f"/clients/{inactive}/activate", {})
    mapped("Activated")
    file = (io.BytesIO(b"name\nImported Ltd\n"), "clients.csv")
    sent = {"csrf_token": admin.token(), "file": file}
    upload = admin.client.post("/clients/import", data=sent).location
    admin.client.post(upload, data=admin.get(upload).form_of("name"))
    upload = upload.removesuffix("/columns")
    admin.client.post(upload, data=admin.get(upload).form_of("fingerprint"))
    mapped("Imported")
