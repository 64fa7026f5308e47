"""Uploads are kept for the person who sent them, for one kind of import."""

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.desk_data import add_connection
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, fresh
from webapp.models import CsvUpload
from webapp.services.csv_uploads import (
    delete_upload,
    get_upload,
    note_preview,
    read_upload,
    store_upload,
)
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.people.users import add_user

DATA = b"\xef\xbb\xbfName;Note\nAcme;\xc3\xa4\n"


@pytest.fixture
def owner(app: Flask) -> int:
    return add_user(email="a@b.org", name="A", password="correct horse", role="admin").id


@both_databases
def test_an_upload_is_kept_as_text_and_read_again(app: Flask, owner: int) -> None:
    upload = store_upload("clients", " my\nfile.csv ", DATA, owner)
    stored = get_upload(upload.id, "clients", owner)
    assert (stored.filename, stored.connection_id) == ("my file.csv", None)
    assert [row.values for row in read_upload(stored).rows] == [["Acme", "ä"]]
    assert read_upload(stored).notes == []


def test_a_guessed_encoding_is_remembered(app: Flask, owner: int) -> None:
    upload = store_upload("clients", "x.csv", "Name\nMüller\n".encode("windows-1252"), owner)
    note_preview(upload.id, "clients", owner, fingerprint="f" * 64, columns={"name": 0})
    stored = get_upload(upload.id, "clients", owner)
    assert stored.columns == {"name": 0, "encoding": "windows-1252"}
    assert stored.fingerprint == "f" * 64
    assert "Windows-1252" in read_upload(stored).notes[0]


def test_a_preview_may_keep_the_columns(app: Flask, owner: int) -> None:
    upload = store_upload("clients", "x.csv", DATA, owner)
    note_preview(upload.id, "clients", owner, fingerprint="1")
    assert fresh(CsvUpload, upload.id).columns == {"encoding": "utf-8"}


@pytest.mark.parametrize("name", ["a.csv", "A.CSV ", "b.tsv", "from PSA.txt"])
def test_names_of_csv_files_are_taken(app: Flask, owner: int, name: str) -> None:
    assert store_upload("clients", name, DATA, owner).filename == name.strip()


@pytest.mark.parametrize("name", ["", "csv", "a.exe", "a.csv.html", "a.xlsx", "../a.csv/x"])
def test_other_names_are_refused_whatever_the_content(app: Flask, owner: int, name: str) -> None:
    with pytest.raises(FieldError, match=r"has to end in \.csv, \.tsv or \.txt"):
        store_upload("clients", name, DATA, owner)
    assert all_rows(CsvUpload) == []


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"Name\n", b'Name\n"x', b"a\n1,2\n"])
def test_what_cannot_be_read_is_not_kept(app: Flask, owner: int, data: bytes) -> None:
    with pytest.raises(FieldError) as caught:
        store_upload("clients", "x.csv", data, owner)
    assert set(caught.value.fields) == {"file"}
    assert all_rows(CsvUpload) == []


@both_databases
def test_uploads_of_others_and_of_other_kinds_are_not_there(app: Flask, owner: int) -> None:
    upload = store_upload("clients", "x.csv", DATA, owner)
    for upload_id, kind, person in (
        (upload.id, "assets", owner),
        (upload.id, "clients", owner + 1),
        (upload.id + 1, "clients", owner),
        (2**40, "clients", owner),
    ):
        with pytest.raises(NotFoundError, match="upload the file again"):
            get_upload(upload_id, kind, person)
        delete_upload(upload_id, kind, person)
    assert fresh(CsvUpload, upload.id).owner_id == owner


def test_uploads_of_one_connection_are_not_there_for_another(
    owner: int, fake_clock: FakeClock
) -> None:
    mine, other = (add_connection(fake_clock.now(), account_id=number) for number in (1, 2))
    upload = store_upload("mapping", "x.csv", DATA, owner, mine)
    assert get_upload(upload.id, "mapping", owner, mine).connection_id == mine
    for connection_id in (other, None):
        with pytest.raises(NotFoundError):
            get_upload(upload.id, "mapping", owner, connection_id)
        with pytest.raises(NotFoundError):
            note_preview(upload.id, "mapping", owner, connection_id, fingerprint="1")
        delete_upload(upload.id, "mapping", owner, connection_id)
    delete_upload(upload.id, "mapping", owner, mine)
    assert all_rows(CsvUpload) == []


def test_a_deleted_upload_is_gone_and_deleting_twice_is_fine(app: Flask, owner: int) -> None:
    upload = store_upload("clients", "x.csv", DATA, owner)
    delete_upload(upload.id, "clients", owner)
    delete_upload(upload.id, "clients", owner)
    assert all_rows(CsvUpload) == []
    with pytest.raises(NotFoundError):
        note_preview(upload.id, "clients", owner, fingerprint="1")
