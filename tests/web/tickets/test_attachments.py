"""Files on the ticket page: sent with a note, never served as a page, removed by who may."""

import io
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.desk_data import HELPDESK, Desk
from tests.support.security.attached_files import HTML, SVG, bomb, picture, picture_with_position
from tests.support.strict_html import parse
from tests.web.pages import Browser, Page, words_of
from webapp.models import Attachment, Comment
from webapp.services.transactions import reading

SignIn = Callable[[tuple[str, str]], Browser]

PATH = "/tickets/1"


@pytest.fixture
def path(desk: Desk) -> str:
    return PATH


def send(browser: Browser, *files: tuple[bytes, str], body: str = "") -> TestResponse:
    sent = [(io.BytesIO(data), name) for data, name in files]
    return browser.send(f"{PATH}/notes", {"body": body, "files": sent})


def fetch(browser: Browser, path: str) -> TestResponse:
    return browser.client.get(path)


def file_ids(app: Flask) -> list[int]:
    with app.app_context(), reading() as session:
        return [row.id for row in session.query(Attachment).order_by(Attachment.id)]


def test_files_are_sent_listed_and_downloaded(app: Flask, admin: Browser, path: str) -> None:
    assert (
        send(admin, (b"evidence", "Übersicht (1).txt"), (picture(), "shot.png")).status_code == 303
    )
    page = admin.get(path)
    assert "Übersicht (1).txt" in page.text
    first, second = file_ids(app)
    answer = fetch(admin, f"{path}/files/{first}")
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
    shown = fetch(admin, f"{path}/files/{second}/picture")
    assert shown.headers["Content-Type"] == "image/png"
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert fetch(admin, f"/tickets/2/files/{first}").status_code == 404
    assert fetch(admin, f"{path}/files/{first}/picture").status_code == 404


@pytest.mark.parametrize("data", [HTML, SVG, b"\x89PNG\r\n\x1a\n" + HTML, b"GIF89a" + SVG, bomb()])
def test_nothing_is_served_as_a_page(app: Flask, admin: Browser, path: str, data: bytes) -> None:
    """Whatever its name and the browser's word for its type say."""
    send(admin, (data, "x.png"))
    [file_id] = file_ids(app)
    answer = fetch(admin, f"{path}/files/{file_id}")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert fetch(admin, f"{path}/files/{file_id}/picture").status_code == 404
    assert admin.get(path).all("img") == []


def test_a_picture_is_shown_without_what_else_is_in_its_file(
    app: Flask, admin: Browser, path: str
) -> None:
    send(admin, (picture_with_position(), "polyglot.html"))
    [file_id] = file_ids(app)
    shown = fetch(admin, f"{path}/files/{file_id}/picture")
    assert b"SECRETPLACE" not in shown.data
    assert b"script" not in shown.data
    assert fetch(admin, f"{path}/files/{file_id}").data == picture_with_position()


def test_a_refused_file_loses_no_note(app: Flask, admin: Browser, path: str) -> None:
    refused = send(admin, (bytes(10 * 1024 * 1024 + 1), "big.bin"), body="Typed for long.")
    assert refused.status_code == 400
    page = Page(parse(refused.text), 400, refused)
    assert "“big.bin” is larger than 10 MB." in words_of(page.one("p", id="files-error"))
    assert words_of(page.one("textarea", name="body")) == "Typed for long."
    assert file_ids(app) == []
    with app.app_context(), reading() as session:
        assert session.query(Comment).filter_by(body="Typed for long.").count() == 0


def test_only_who_is_signed_in_may_send_much(
    app: Flask, admin: Browser, path: str, sign_in: SignIn
) -> None:
    large = [(bytes(9 * 1024 * 1024), "a.bin"), (bytes(9 * 1024 * 1024 - 1), "b.bin")]
    assert send(admin, *large).status_code == 303
    other = app.test_client()
    files = [(io.BytesIO(data), name) for data, name in large]
    assert other.post(f"{path}/notes", data={"files": files}).status_code == 413
    files = [(io.BytesIO(data), name) for data, name in large]
    too_large = admin.send("/tickets/preview", {"body": "x", "files": files})
    assert too_large.status_code == 413


def test_who_may_remove(
    app: Flask, admin: Browser, auditor: Browser, path: str, sign_in: SignIn
) -> None:
    send(admin, (b"x", "theirs.txt"))
    [file_id] = file_ids(app)
    helper = sign_in(HELPDESK)
    assert f"files/{file_id}/remove" not in fetch(helper, path).text
    refused = helper.send(f"{path}/files/{file_id}/remove", {})
    assert refused.status_code == 400
    assert "Only who added a file" in refused.text
    assert fetch(auditor, f"{path}/files/{file_id}").status_code == 200
    assert auditor.send(f"{path}/files/{file_id}/remove", {}).status_code == 403
    assert admin.send(f"{path}/files/{file_id}/remove", {}).status_code == 303
    page = admin.get(path)
    assert "Removed the file theirs.txt" in page.text
    assert page.all("h2", id="files-heading") == []


def test_all_files_of_a_ticket_on_pages_of_their_own(app: Flask, admin: Browser, path: str) -> None:
    for turn in range(7):
        send(admin, *((f"{turn}{n}".encode(), f"f{turn}{n}.txt") for n in range(15)))
    assert "Show all 105 files" in admin.get(path).text
    page = admin.get(f"{path}/files")
    assert len(page.all("span", class_="file-name")) == 100
    last = admin.get(page.one("a", rel="next").get("href"))
    assert len(last.all("span", class_="file-name")) == 5
    assert fetch(admin, "/tickets/99/files").status_code == 404
