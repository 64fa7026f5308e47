"""Files on the ticket page: sent with a note, never served as a page, removed by who may."""

import io
from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.desk_data import AUDITOR, HELPDESK, Desk
from tests.support.files import HTML, SVG, bomb, picture, picture_with_position
from tests.web.pages import Browser, words_of
from webapp.models import Attachment, Comment
from webapp.services.transactions import reading

SignIn = Callable[[tuple[str, str]], Browser]

PATH = "/tickets/1"


@pytest.fixture
def path(desk: Desk) -> str:
    return PATH


def send(browser: Browser, *files: tuple[bytes, str], body: str = "") -> object:
    sent = [(io.BytesIO(data), name) for data, name in files]
    return browser.post(f"{PATH}/notes", body=body, files=sent)


def file_ids(app: Flask) -> list[int]:
    with app.app_context(), reading() as session:
        return [row.id for row in session.query(Attachment).order_by(Attachment.id)]


def test_files_are_sent_listed_and_downloaded(app: Flask, admin: Browser, path: str) -> None:
    assert send(admin, (b"evidence", "Übersicht (1).txt"), (picture(), "shot.png")).status == 303
    page = admin.get(path)
    assert "Übersicht (1).txt" in page.text
    first, second = file_ids(app)
    answer = admin.get(f"{path}/files/{first}")
    assert answer.data == b"evidence"
    headers = answer.headers
    assert headers["Content-Disposition"] == (
        "attachment; filename=\"Ubersicht (1).txt\"; filename*=UTF-8''%C3%9Cbersicht%20%281%29.txt"
    )
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Length"] == "8"
    shown = admin.get(f"{path}/files/{second}/picture")
    assert shown.headers["Content-Type"] == "image/png"
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert admin.get(f"/tickets/2/files/{first}").status == 404
    assert admin.get(f"{path}/files/{first}/picture").status == 404


@pytest.mark.parametrize(
    "data", [HTML, SVG, b"\x89PNG\r\n\x1a\n" + HTML, b"GIF89a" + SVG, bomb()]
)
def test_nothing_is_served_as_a_page(
    app: Flask, admin: Browser, path: str, data: bytes
) -> None:
    """Whatever its name and the browser's word for its type say."""
    send(admin, (data, "x.png"))
    [file_id] = file_ids(app)
    answer = admin.get(f"{path}/files/{file_id}")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert admin.get(f"{path}/files/{file_id}/picture").status == 404
    assert "<img" not in admin.get(path).text.partition('id="files-heading"')[2]


def test_a_picture_is_shown_without_what_else_is_in_its_file(
    app: Flask, admin: Browser, path: str
) -> None:
    send(admin, (picture_with_position(), "polyglot.html"))
    [file_id] = file_ids(app)
    shown = admin.get(f"{path}/files/{file_id}/picture")
    assert b"SECRETPLACE" not in shown.data
    assert b"script" not in shown.data
    assert admin.get(f"{path}/files/{file_id}").data == picture_with_position()


def test_a_refused_file_loses_no_note(app: Flask, admin: Browser, path: str) -> None:
    refused = send(admin, (bytes(10 * 1024 * 1024 + 1), "big.bin"), body="Typed for long.")
    assert refused.status == 400
    assert "“big.bin” is larger than 10 MB." in words_of(refused.one("p", id="files-error"))
    assert words_of(refused.one("textarea", name="body")) == "Typed for long."
    assert file_ids(app) == []
    with app.app_context(), reading() as session:
        assert session.query(Comment).filter_by(body="Typed for long.").count() == 0


def test_only_who_is_signed_in_may_send_much(
    app: Flask, admin: Browser, path: str, sign_in: SignIn
) -> None:
    large = [(bytes(9 * 1024 * 1024), "a.bin"), (bytes(9 * 1024 * 1024 - 1), "b.bin")]
    assert send(admin, *large).status == 303
    other = app.test_client()
    files = [(io.BytesIO(data), name) for data, name in large]
    assert other.post(f"{path}/notes", data={"files": files}).status_code == 413
    too_large = admin.post(
        "/tickets/preview", body="x", files=[(io.BytesIO(data), name) for data, name in large]
    )
    assert too_large.status == 413


def test_who_may_remove(app: Flask, admin: Browser, path: str, sign_in: SignIn) -> None:
    send(admin, (b"x", "theirs.txt"))
    [file_id] = file_ids(app)
    helper = sign_in(HELPDESK)
    assert f"files/{file_id}/remove" not in helper.get(path).text
    refused = helper.post(f"{path}/files/{file_id}/remove")
    assert refused.status == 400
    assert "Only who added a file" in refused.text
    auditor = sign_in(AUDITOR)
    assert auditor.get(f"{path}/files/{file_id}").status == 200
    assert auditor.post(f"{path}/files/{file_id}/remove").status == 403
    assert admin.post(f"{path}/files/{file_id}/remove").status == 303
    page = admin.get(path)
    assert "Removed the file theirs.txt" in page.text
    assert "files-heading" not in page.text


def test_all_files_of_a_ticket_on_pages_of_their_own(
    app: Flask, admin: Browser, path: str
) -> None:
    for turn in range(7):
        send(admin, *((f"{turn}{n}".encode(), f"f{turn}{n}.txt") for n in range(15)))
    assert "Show all 105 files" in admin.get(path).text
    page = admin.get(f"{path}/files")
    assert page.text.count("file-name") == 100
    assert admin.get(page.one("a", rel="next").get("href")).text.count("file-name") == 5
    assert admin.get("/tickets/99/files").status == 404
