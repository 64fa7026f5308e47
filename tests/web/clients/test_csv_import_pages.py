"""CSV imports in the browser: upload, columns, preview, import."""

import io
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.desk_data import Desk
from tests.support.rows import add, all_rows, change
from tests.support.security.sessions import COOKIE, begin
from tests.web.pages import Browser, Page
from webapp.models import Asset, Client, CsvUpload, User
from webapp.services.people.users import add_user

UTF16 = "Name\tNotes\nHooli\tGroß\n".encode("utf-16")


def send_file(browser: Browser, data: bytes, area: str = "clients") -> TestResponse:
    fields = {
        "csrf_token": browser.token(),
        "file": (io.BytesIO(data), "from PSA.csv"),
    }
    return browser.client.post(f"/{area}/import", data=fields, content_type="multipart/form-data")


def start(browser: Browser, text: str, area: str = "clients") -> str:
    """Upload a file and take the suggested columns; returns the preview's address."""
    columns = send_file(browser, text.encode(), area).location
    page = browser.get(columns)
    response = browser.client.post(columns, data=page.form_of("name"))
    assert response.status_code == 303, response.text
    return str(response.location)


def confirm(browser: Browser, page: Page, path: str) -> TestResponse:
    return browser.client.post(path, data=page.form_of("fingerprint"))


def stored(app: Flask) -> dict[str, Client]:
    with app.app_context():
        return {row.name: row for row in all_rows(Client)}


def test_from_the_file_to_the_clients(app: Flask, admin: Browser) -> None:
    assert admin.get("/clients/import").heading == "Import clients"
    response = send_file(admin, b"\xef\xbb\xbfCompany;Comment;Nr\r\nHooli;Big;7\r\n\r\nPied;;8\r\n")
    assert response.status_code == 303
    page = admin.get(response.location)
    fields = page.form_of("name")
    assert (fields["name"], fields["notes"], fields["external_reference"]) == ("0", "1", "")
    assert "The file begins like this" in page.text
    fields["external_reference"] = "2"
    response = admin.client.post(response.location, data=fields)
    page = admin.get(response.location)
    assert "Import 2 clients" in page.text
    assert "Hooli" not in stored(app)
    response = confirm(admin, page, response.location)
    assert response.location == "/clients"
    page = admin.get("/clients")
    assert "Imported: 2 clients added, 0 changed." in page.text
    assert stored(app)["Pied"].external_reference == "8"
    assert stored(app)["Hooli"].notes == "Big"


def test_other_encodings(app: Flask, admin: Browser) -> None:
    response = send_file(admin, UTF16)
    assert "Groß" in admin.get(response.location).text
    response = send_file(admin, "Name\nMüller\n".encode("windows-1252"))
    page = admin.get(response.location)
    assert "read as Windows-1252" in page.text
    assert "Müller" in page.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Choose a CSV file that is not empty."),
        (b"PK\x03\x04workbook", "Excel workbook"),
        (b"Name\n", "no rows"),
        (b'Name\n"open\n', "quotation mark"),
        (b"Name\n" + b"x\n" * 2_500_000, "larger than 4 MB"),
    ],
)
def test_a_file_that_cannot_be_read(app: Flask, admin: Browser, data: bytes, words: str) -> None:
    page = admin.page_of(send_file(admin, data), status=400)
    assert words in page.text
    assert page.one("input", type="file").get("aria-invalid") == "true"
    with app.app_context():
        assert all_rows(CsvUpload) == []


def test_no_file_at_all(admin: Browser) -> None:
    page = admin.page_of(admin.send("/clients/import", {}), status=400)
    assert "Choose a CSV file that is not empty." in page.text


def test_columns_have_to_be_chosen(admin: Browser) -> None:
    path = send_file(admin, b"Firm,Text\nHooli,Big\n").location
    preview = path.removesuffix("/columns")
    assert admin.client.get(preview).location == path
    assert admin.send(preview, {"fingerprint": "x"}).location == path, "nothing to confirm yet"
    fields = {**admin.get(path).form_of("name"), "notes": "1"}
    page = admin.page_of(admin.client.post(path, data=fields), status=400)
    assert "Choose the column with the name." in page.text
    assert page.form_of("name")["notes"] == "1"
    fields["name"] = "1"
    page = admin.page_of(admin.client.post(path, data=fields), status=400)
    assert "This column is used for name already." in page.text
    for nonsense in ("7", "-1", "x"):
        assert admin.client.post(path, data={**fields, "name": nonsense}).status_code == 400


def test_wrong_rows_are_named_and_stop_everything(app: Flask, admin: Browser) -> None:
    path = start(admin, "Name,Active\nHooli,yes\n,yes\nPied,perhaps\nhooli,\n")
    page = admin.get(path)
    assert "3 rows are wrong." in page.text
    for line, problem in (
        (3, "Enter a name."),
        (4, '"perhaps" is neither yes nor no.'),
        (5, "Line 2 has the same name."),
    ):
        assert str(line) in page.text
        assert problem in page.text
    assert not page.all("input", name="fingerprint")
    response = admin.send(path, {"fingerprint": "x"})
    assert "Nothing was imported" in admin.page_of(response, status=409).text
    assert "Hooli" not in stored(app)


def test_what_changed_since_the_preview_is_shown_again(app: Flask, admin: Browser) -> None:
    path = start(admin, "Name,Notes\nHooli,Big\n")
    page = admin.get(path)
    with app.app_context():
        hooli = add(Client(name="Hooli", notes="Small")).id
    page = admin.page_of(confirm(admin, page, path), status=409)
    assert "The data changed since this preview was made." in page.text
    assert "Notes replaced" in page.text
    with app.app_context():
        assert all_rows(Client, Client.id == hooli)[0].notes == "Small"
    assert confirm(admin, page, path).location == "/clients"
    assert stored(app)["Hooli"].notes == "Big"


def test_importing_twice_and_discarding(app: Flask, admin: Browser) -> None:
    path = start(admin, "Name\nHooli\n")
    page = admin.get(path)
    assert confirm(admin, page, path).location == "/clients"
    response = confirm(admin, page, path)
    assert response.location == "/clients/import"
    assert "This import is done or was discarded meanwhile." in admin.get("/clients/import").text
    assert admin.client.get(f"{path}/columns").location == "/clients/import"
    path = start(admin, "Name\nPied\n")
    assert admin.post(f"{path}/discard", on=path).location == "/clients"
    assert "nothing was changed" in admin.get("/clients").text
    with app.app_context():
        assert all_rows(CsvUpload) == []
    assert "Pied" not in stored(app)


def test_nothing_to_import(admin: Browser) -> None:
    page = admin.get(start(admin, "Name\nInternal (unmapped security)\n"))
    assert "There is nothing to import" in page.text
    assert not page.all("input", name="fingerprint")


def test_an_upload_belongs_to_the_person_who_sent_it(
    app: Flask, admin: Browser, sign_in: Callable[[tuple[str, str]], Browser]
) -> None:
    path = start(admin, "Name\nHooli\n")
    with app.app_context():
        other: User = add_user(
            email="eve@example.com", name="Eve", password="correct horse", role="admin"
        )
        browser = Browser(app)
        browser.client.set_cookie(COOKIE, begin(other.id, "tests"))
    for suffix in ("", "/columns"):
        assert browser.client.get(path + suffix).location == "/clients/import"
    browser.send(f"{path}/discard", {})
    admin.get(path)


def test_an_import_of_one_kind_is_none_of_another(admin: Browser) -> None:
    path = start(admin, "Name\nHooli\n").replace("clients", "assets")
    assert admin.client.get(path).location == "/assets/import"


def test_formulas_and_markup_in_a_file_are_text(app: Flask, admin: Browser) -> None:
    attack = '"><img src=x onerror=alert(1)>'
    quoted = attack.replace('"', '""')
    text = f'Name,Notes,"{quoted}"\n=1+1,"{quoted}","{quoted}"\n"{quoted}",,\n'
    path = start(admin, text)
    for page in (admin.get(path), admin.get(f"{path}/columns")):
        assert not page.all("img")
        assert attack in page.text
    confirm(admin, admin.get(path), path)
    assert {"=1+1", attack} <= set(stored(app))
    assert "'=1+1" in admin.client.get("/clients/export").text


def test_many_rows_are_imported_and_not_all_shown(app: Flask, admin: Browser) -> None:
    rows = "".join(f"Client {number:04},note\n" for number in range(1_000))
    path = start(admin, f"Name,Notes\n{rows}")
    page = admin.get(path)
    assert "…and 800 more" in page.text
    assert len(page.response.data) < 150_000
    assert confirm(admin, page, path).location == "/clients"
    assert len(stored(app)) > 1_000


def test_assets_are_imported_the_same_way(app: Flask, admin: Browser) -> None:
    with app.app_context():
        globex = add(Client(name="Aardvark Ltd")).id
    path = start(admin, "Customer;Device;S/N\naardvark ltd;WS-01;SN-1\nNobody;WS-02;\n", "assets")
    page = admin.get(path)
    assert "No client is named Nobody." in page.text
    path = start(admin, "Customer;Device;S/N\naardvark ltd;WS-01;SN-1\n", "assets")
    assert "Import 1 asset" in admin.get(path).text
    with app.app_context():
        change(Client, globex, is_active=False)
    page = admin.get(path)
    assert "Aardvark Ltd is inactive; activate it first." in page.text
    with app.app_context():
        change(Client, globex, is_active=True)
    assert confirm(admin, admin.get(path), path).location == "/assets"
    with app.app_context():
        [asset] = all_rows(Asset)
        assert (asset.client_id, asset.name, asset.serial_number) == (globex, "WS-01", "SN-1")


def test_helpdesk_imports_nothing(helpdesk: Browser, desk: Desk) -> None:
    for path in ("/clients/import", "/clients/import/1", "/assets/import/1/columns"):
        helpdesk.get(path, status=403)
    assert send_file(helpdesk, b"Name\nHooli\n").status_code == 403
