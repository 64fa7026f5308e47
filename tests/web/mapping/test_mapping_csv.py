"""The mapping table as a file: out, edited, previewed, in; nothing runs as a formula."""

import io
from collections.abc import Callable

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.fake_clock import FakeClock
from tests.support.mapping_data import client_ids
from tests.support.rows import all_rows, audit_actions, audit_events, change, organization
from tests.web.pages import Browser, Page, words_of
from webapp.domain.csv_text import read_csv
from webapp.models import Client, CsvUpload
from webapp.services.csv_imports import preview_import
from webapp.services.mapping.import_mappings import mapping_import
from webapp.services.mapping.map_organizations import set_mapping
from webapp.services.people.users import add_user

PATH = "/integrations/huntress/1/organizations"
IMPORT = f"{PATH}/import"
MAPPED, AUTO, UNMAPPED, SIMILAR = (str(40_000 + n) for n in range(4))
HEADER = "organization id,organization name,client,create tickets\n"


@pytest.fixture
def table(mapping_table: Browser) -> Browser:
    """The admin."""
    return mapping_table


def upload(table: Browser, content: str | bytes, name: str = "clients.csv"):
    data = content.encode() if isinstance(content, str) else content
    return table.client.post(
        IMPORT,
        data={"csrf_token": table.token(), "file": (io.BytesIO(data), name)},
        content_type="multipart/form-data",
    )


def preview(table: Browser, content: str | bytes) -> Page:
    response = upload(table, content)
    assert response.status_code == 303
    return table.get(response.location)


def confirm(table: Browser, page: Page):
    """Press the button of a preview."""
    return table.client.post(page.response.request.path, data=page.form_of("fingerprint"))


def rows_of(page: Page, outcome: str) -> list[str]:
    """The rows of one of the tables: Wrong, Changed, Unchanged."""
    [found] = [one for one in page.all("table") if words_of(one).startswith(f"{outcome} rows")]
    return [words_of(row) for row in found.iter("tr")][1:]


def counts_of(page: Page) -> list[str]:
    """The figures above the tables: Changed, Unchanged, Wrong."""
    return [words_of(one) for one in page.one("dl", class_="import-stats").iter("dd")]


def client_name(app: Flask, external_id: str) -> str | None:
    with app.app_context():
        names = {key: name for name, key in client_ids().items()}
        return names.get(organization(1, external_id).client_id)


def actions(app: Flask) -> list[str]:
    with app.app_context():
        return audit_actions()


def test_an_export_is_a_file_of_all_rows_of_the_filter(table: Browser) -> None:
    response = table.client.get(f"{PATH}/export")
    assert response.mimetype == "text/csv"
    assert "attachment" in response.headers["Content-Disposition"]
    assert response.data.startswith(b"\xef\xbb\xbforganization id,")
    exported = read_csv(response.data)
    assert len(exported.rows) == 16
    first = exported.rows[0].values
    assert first == ["40000", "Ashford Dental", "Ashford Dental", "yes", "Mapped"]
    narrowed = read_csv(table.client.get(f"{PATH}/export?state=excluded").data)
    assert [row.values[3:] for row in narrowed.rows] == [["no", "Excluded"]] * 2
    gone = read_csv(table.client.get(f"{PATH}/export?state=gone").data)
    assert {row.values[4] for row in gone.rows} == {"Mapped (gone from Huntress)"}


def test_exporting_and_importing_again_changes_nothing(app: Flask, table: Browser) -> None:
    page = preview(table, table.client.get(f"{PATH}/export").data)
    assert "There is nothing to import: everything is as in the file." in page.text
    assert counts_of(page) == ["0", "16", "0"]
    assert not page.all("input", name="fingerprint"), "no button"


def test_formulas_are_guarded_on_the_way_out_and_understood_on_the_way_in(
    app: Flask, table: Browser
) -> None:
    evil = '=HYPERLINK("http://evil.example")'
    with app.app_context():
        change(Client, client_ids()["Ashford Dental"], name=evil)
        add = client_ids()["Birchwood Dental"]
        change(Client, add, name="'quoted")
    exported = table.client.get(f"{PATH}/export").text
    assert "'=HYPERLINK" in exported
    assert not any(cell.startswith("=") for cell in exported.replace('"', "").split(","))
    assert "There is nothing to import" in preview(table, exported).text
    page = preview(table, f'{HEADER}{UNMAPPED},,"\'{evil.replace(chr(34), chr(34) * 2)}",\n')
    assert confirm(table, page).status_code == 303
    assert client_name(app, UNMAPPED) == evil


def test_a_preview_shows_what_would_change_and_the_import_does_that(
    app: Flask, table: Browser
) -> None:
    content = (
        f"{HEADER}{UNMAPPED},,Ashford Dental,no\n{MAPPED},,,\n{AUTO},,Birchwood Dental,YES\n"
        f"{SIMILAR},,,off\n"
    )
    page = preview(table, content)
    assert page.title.startswith("Preview · Import organizations")
    assert counts_of(page) == ["3", "1", "0"]
    assert rows_of(page, "Changed") == [
        "2 Copperfield Dental (40002) Client: none → Ashford Dental; Create tickets: yes → no",
        "3 Ashford Dental (40000) Client: Ashford Dental → none",
        "5 Dunmore Dental (40003) Create tickets: yes → no",
    ]
    assert rows_of(page, "Unchanged") == ["4 Birchwood Dental (40001) –"]
    assert actions(app) == [], "nothing happened yet"
    assert confirm(table, page).location == PATH
    assert "3 organizations changed by the import." in table.get(PATH).text
    assert client_name(app, UNMAPPED) == "Ashford Dental"
    assert client_name(app, MAPPED) is None
    with app.app_context():
        assert organization(1, UNMAPPED).creates_tickets is False
        assert organization(1, UNMAPPED).changed_by_id == 1
        assert organization(1, AUTO).decided_by_person_at is None, "as it was: no decision"
        assert all_rows(CsvUpload) == []
        event = audit_events()[-1]
    assert (event.action, event.after) == ("mapping.imported", {"file": "clients.csv", "rows": 3})
    assert actions(app) == ["mapping.saved"] * 3 + ["mapping.imported"]


def test_columns_may_be_missing(app: Flask, table: Browser) -> None:
    page = preview(table, f"tickets;id\nno;{UNMAPPED}\n")
    confirm(table, page)
    assert client_name(app, MAPPED) == "Ashford Dental"
    with app.app_context():
        assert organization(1, UNMAPPED).creates_tickets is False


def test_errors_are_told_row_by_row_and_nothing_is_imported(app: Flask, table: Browser) -> None:
    inactive = "Ashford Legal Partners"
    content = (
        f"{HEADER}{UNMAPPED},,Nobody,maybe\n99,,,\n,x,,\n{SIMILAR},,{inactive},\n{AUTO},,,no\n"
        f"{AUTO},,,\n{MAPPED},,,no\n"
    )
    page = preview(table, content)
    assert "5 rows are wrong. Nothing is imported until every row is right." in page.text
    assert counts_of(page) == ["2", "0", "5"]
    assert [row.split()[0] for row in rows_of(page, "Wrong")] == ["2", "3", "4", "5", "7"]
    problems = " ".join(rows_of(page, "Wrong"))
    for words in (
        'There is no client "Nobody". Choose one from the list, or create it first. '
        '"maybe" is neither yes nor no.',
        "There is no organization with this id; sync organizations first.",
        "The organization id is missing.",
        f'The client "{inactive}" is not active.',
        "This organization is in line 6 already.",
    ):
        assert words in problems
    path = page.response.request.path
    assert not page.all("input", name="fingerprint"), "no button"
    with app.app_context():
        upload_id = int(path.rsplit("/", 1)[1])
        plan = preview_import(mapping_import(1), upload_id, 1).plan
        assert plan is not None
        fingerprint = plan.fingerprint
    refused = table.send(path, {"fingerprint": fingerprint})
    assert "Nothing was imported: correct the file" in table.page_of(refused, status=400).text
    assert actions(app) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Choose a CSV file"),
        (b"PK\x03\x04", "Excel workbook"),
        (b'organization id,client\n"1', "Line 2 cannot be read"),
    ],
)
def test_files_that_cannot_be_read(app: Flask, table: Browser, content: bytes, words: str) -> None:
    page = table.page_of(upload(table, content), status=400)
    assert words in page.text
    assert page.one("input", type="file").get("aria-invalid") == "true"
    with app.app_context():
        assert all_rows(CsvUpload) == []


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ("number,client\n{0},Ashford Dental\n", "Choose the column with the organization id."),
        ("organization id,customer\n{0},Ashford Dental\n", "for client or create tickets."),
    ],
)
def test_columns_are_asked_for_where_the_header_does_not_name_them(
    app: Flask, table: Browser, content: str, missing: str
) -> None:
    address = upload(table, content.format(UNMAPPED)).location
    columns = table.client.get(address).location
    assert columns == f"{address}/columns"
    page = table.get(columns)
    assert missing in page.text
    fields = page.form_of("organization_id")
    refused = table.page_of(table.client.post(columns, data=fields), status=400)
    assert missing in refused.text
    assert table.send(address, {"fingerprint": "x"}).location == columns, "nothing to confirm yet"
    chosen = {**fields, "organization_id": "0", "client": "1"}
    assert table.client.post(columns, data=chosen).location == address
    page = table.get(address)
    assert rows_of(page, "Changed") == [
        "2 Copperfield Dental (40002) Client: none → Ashford Dental"
    ]
    confirm(table, page)
    assert client_name(app, UNMAPPED) == "Ashford Dental"


def test_old_encodings_are_read_with_a_warning(app: Flask, table: Browser) -> None:
    with app.app_context():
        change(Client, client_ids()["Ashford Dental"], name="Zahnärzte")
    page = preview(table, f"id;client\n{UNMAPPED};Zahnärzte\n".encode("windows-1252"))
    assert "read as Windows-1252" in page.text
    assert "none → Zahnärzte" in page.text


def test_a_table_that_changed_since_its_preview_is_shown_anew(app: Flask, table: Browser) -> None:
    page = preview(table, f"id,client\n{UNMAPPED},Ashford Dental\n{SIMILAR},Ashford Dental\n")
    with app.app_context():
        set_mapping(1, UNMAPPED, client_id=client_ids()["Birchwood Dental"])
    anew = table.page_of(confirm(table, page), status=409)
    assert "changed since this preview was made. Nothing was imported" in anew.text
    assert "Birchwood Dental → Ashford Dental" in anew.text
    assert client_name(app, SIMILAR) is None
    assert confirm(table, anew).status_code == 303
    assert client_name(app, UNMAPPED) == client_name(app, SIMILAR) == "Ashford Dental"


def test_a_client_deactivated_since_the_preview(app: Flask, table: Browser) -> None:
    page = preview(table, f"id,client\n{UNMAPPED},Ashford Dental\n")
    with app.app_context():
        change(Client, client_ids()["Ashford Dental"], is_active=False)
    anew = table.page_of(confirm(table, page), status=409)
    assert "1 row is wrong." in anew.text


def test_changes_elsewhere_in_the_table_do_not_matter(app: Flask, table: Browser) -> None:
    page = preview(table, f"id,client\n{UNMAPPED},Ashford Dental\n")
    with app.app_context():
        set_mapping(1, SIMILAR, tickets=False)
    assert confirm(table, page).status_code == 303


def test_an_import_sent_twice_happens_once(app: Flask, table: Browser) -> None:
    page = preview(table, f"id,client\n{UNMAPPED},Ashford Dental\n")
    confirm(table, page)
    assert confirm(table, page).location == IMPORT
    assert "This import is done or was discarded meanwhile." in table.get(IMPORT).text
    assert actions(app).count("mapping.imported") == 1
    assert table.client.get(page.response.request.path).location == IMPORT


def test_an_upload_can_be_discarded(app: Flask, table: Browser) -> None:
    page = preview(table, f"id,client\n{UNMAPPED},Ashford Dental\n")
    path = f"{page.response.request.path}/discard"
    assert table.client.post(path, data=page.form(path)).location == PATH
    assert "nothing was changed" in table.get(PATH).text
    with app.app_context():
        assert all_rows(CsvUpload) == []


def test_uploads_are_their_owners_and_their_connections(
    app: Flask, table: Browser, sign_in: Callable
) -> None:
    page = preview(table, f"id,client\n{UNMAPPED},Ashford Dental\n")
    path = page.response.request.path
    with app.app_context():
        add_user(email="b@b.org", name="B", password="correct horse", role="admin")
        other = desk_data.add_connection(FakeClock().now(), account_id=7)
    elsewhere = path.replace("/1/", f"/{other}/", 1)
    stranger = sign_in(("b@b.org", "B"))
    for browser, address in ((table, elsewhere), (stranger, path)):
        upload_page = address.rsplit("/", 1)[0]
        for suffix in ("", "/columns"):
            assert browser.client.get(address + suffix).location == upload_page
        fingerprint = page.form_of("fingerprint")["fingerprint"]
        assert browser.send(address, {"fingerprint": fingerprint}).location == upload_page
        browser.send(f"{address}/discard", {})
    assert client_name(app, UNMAPPED) is None
    table.get(path.replace("/1/", "/77/", 1), status=404)
    assert confirm(table, page).location == PATH


def test_missing_clients_are_listed_and_created_with_the_import(app: Flask, table: Browser) -> None:
    page = preview(table, f"{HEADER}{UNMAPPED},,Brand New,\n")
    assert "Clients that do not exist" in page.text
    offer = next(one for one in page.all("a") if words_of(one) == "Create them with this import")
    page = table.get(offer.get("href"))
    assert "New clients" in page.text
    address = f"{page.response.request.path}?clients=create"
    assert table.client.post(address, data=page.form_of("fingerprint")).location == PATH
    done = table.get(PATH).text
    assert "1 organization changed by the import. 1 client created." in done
    with app.app_context():
        assert organization(1, UNMAPPED).client_id == client_ids()["Brand New"]
