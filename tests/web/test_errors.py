"""Error pages: plain words, and nothing typed is lost."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, IntegrityError, InternalError, OperationalError

from tests.support.desk_data import ADMIN, PASSWORD, Desk
from tests.support.security.sessions import COOKIE
from tests.web.pages import Browser, words_of
from webapp.config import Config
from webapp.extensions import db
from webapp.models import Comment
from webapp.outage import DATABASE
from webapp.services.errors import ConflictError, FieldError, RefusedError, ServiceError
from webapp.services.transactions import reading
from webapp.web.access import public

SignIn = Callable[[tuple[str, str]], Browser]
NOTES = "/tickets/1/notes"
SAME_ORIGIN = {"Origin": "http://localhost", "Referer": "http://localhost/tickets/1"}


def notes(app: Flask) -> list[str]:
    with app.app_context(), reading() as session:
        return [note.body for note in session.query(Comment).filter(Comment.author_id.is_not(None))]


def test_pages_that_do_not_exist(visitor: Browser, admin: Browser) -> None:
    for browser in (visitor, admin):
        page = browser.get("/nowhere", status=404)
        assert page.heading == "There is nothing here"
    assert page.all("nav", aria_label="Main")


def test_what_is_not_for_this_person(app: Flask, helpdesk: Browser) -> None:
    app.view_functions["account.edit_preferences"] = lambda: "unmarked"
    assert helpdesk.get("/preferences", status=403).heading == "This is for admins"


def test_another_method(admin: Browser) -> None:
    page = admin.page_of(admin.client.get("/theme"), status=405)
    assert page.heading == "That cannot be done this way"
    assert "POST" in page.response.headers["Allow"]


def test_a_body_that_is_too_large(app: Flask, admin: Browser) -> None:
    token = admin.token()
    app.config["MAX_CONTENT_LENGTH"] = 100
    data = {"csrf_token": token, "body": "x" * 1000}
    assert admin.client.post(NOTES, data=data).status_code == 413


def test_a_bug_shows_no_details(app: Flask, admin: Browser) -> None:
    def broken() -> str:
        raise RuntimeError("the secret is hs_12345")

    app.add_url_rule("/broken", "broken", public(broken))
    page = admin.get("/broken", status=500)
    assert "Something went wrong on our side" in page.text
    assert "hs_12345" not in page.response.text


@pytest.mark.parametrize(
    ("path", "rule", "status", "heading"),
    [
        ("/", "/", 503, "The database cannot be used just now"),
        ("/tickets", "/tickets", 503, "The database cannot be used just now"),
        ("/take/s3cret", "/take/<token>", 503, "The database cannot be used just now"),
        ("/nowhere/s3cret", "unknown page", 404, "There is nothing here"),
    ],
)
def test_a_database_that_is_away(
    app: Flask,
    admin: Browser,
    config: Config,
    path: str,
    rule: str,
    status: int,
    heading: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with app.app_context():
        db.engine.dispose()
    for file in config.data_dir.glob("triagedesk.db*"):
        file.unlink()
    (config.data_dir / "triagedesk.db").mkdir()
    page = admin.get(path, status=status)
    assert page.heading == heading
    assert "SELECT" not in page.response.text
    admin.get(path, status=status)
    told = f"cannot be used, trying again: unable to open database file (GET {rule})"
    assert [message for message in caplog.messages if told in message] == [f"The database {told}"]
    assert "Traceback" not in caplog.text
    assert "s3cret" not in caplog.text


@pytest.fixture
def stop_writing(app: Flask) -> Iterator[Callable[[], None]]:
    """From its call on, the database takes no write; afterwards it does again."""
    with app.app_context():
        engine = db.engine

    def forbid(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute("PRAGMA query_only=ON")

    def stop() -> None:
        engine.dispose()
        event.listen(engine, "checkout", forbid)

    yield stop
    event.remove(engine, "checkout", forbid)
    engine.dispose()
    DATABASE.end()


def test_a_database_that_takes_no_write_says_so_and_keeps_what_was_typed(
    stop_writing: Callable[[], None],
    admin: Browser,
    desk: Desk,
    caplog: pytest.LogCaptureFixture,
) -> None:
    admin.get("/tickets/1")
    data = {"body": "Two hours of work", "csrf_token": admin.token()}
    stop_writing()
    for _ in range(2):
        page = admin.page_of(admin.client.post(NOTES, data=data, headers=SAME_ORIGIN), status=503)
        assert page.heading == "The database cannot be used just now"
        assert page.one("textarea").text.lstrip("\n") == data["body"]
    assert admin.get("/tickets").response.status_code == 200
    assert [message for message in caplog.messages if "again: attempt to write" in message] == [
        "The database cannot be used, trying again: attempt to write a readonly database"
        " (POST /tickets/<int:ticket_id>/notes)"
    ]


def test_nobody_can_sign_in_and_is_told_why(
    stop_writing: Callable[[], None], visitor: Browser, desk: Desk
) -> None:
    visitor.get("/sign-in")
    data = {"email": ADMIN[0], "password": PASSWORD, "csrf_token": visitor.token()}
    stop_writing()
    answer = visitor.client.post("/sign-in", data=data, headers=SAME_ORIGIN)
    page = visitor.page_of(answer, status=503)
    assert page.heading == "The database cannot be used just now"
    assert PASSWORD not in page.response.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InternalError("", {}, Exception("read-only transaction")), 503),
        (DatabaseError("", {}, Exception("database disk image is malformed")), 503),
        (OperationalError("", {}, Exception("database or disk is full")), 503),
        (IntegrityError("", {}, Exception("a bug of ours")), 500),
    ],
)
def test_what_the_database_is_to_blame_for_is_no_error_of_ours(
    app: Flask, admin: Browser, error: Exception, status: int
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def broken() -> str:
        raise error

    app.add_url_rule("/broken", "broken", public(broken))
    admin.get("/broken", status=status)
    DATABASE.end()


def test_an_expired_form_is_shown_again_with_what_was_typed(
    app: Flask, admin: Browser, desk: Desk
) -> None:
    typed = "Two hours of work\n\non <this> ticket"
    data = {"csrf_token": "expired", "body": typed}
    page = admin.page_of(admin.client.post(NOTES, data=data, headers=SAME_ORIGIN), status=400)
    assert "nothing is lost" in page.text
    assert page.one("textarea").text.lstrip("\n") == typed
    again = page.form(NOTES)
    assert again["csrf_token"] != "expired"
    assert admin.client.post(NOTES, data={**again, "body": typed}).status_code == 303
    assert notes(app)[-1] == typed


def test_files_that_are_not_kept_are_named(admin: Browser, desk: Desk) -> None:
    """A form that is sent again has no files: whoever chose some is told to add them again."""

    def send(*files: tuple[BytesIO, str]) -> str:
        data = {"csrf_token": "expired", "body": "See the file", "files": list(files)}
        answer = admin.client.post(NOTES, data=data, headers=SAME_ORIGIN)
        return admin.page_of(answer, status=400).text

    none = send((BytesIO(), ""))
    assert "nothing is lost" in none
    assert "not kept" not in none
    assert "The file that you chose was not kept" in send((BytesIO(b"x"), "x.txt"))
    two = send((BytesIO(b"x"), "x.txt"), (BytesIO(b"y"), "y.txt"))
    assert "The 2 files that you chose were not kept" in two
    assert "nothing that you typed is lost" in two


def test_a_change_form_that_expired_can_be_sent_again(admin: Browser, desk: Desk) -> None:
    fields = {**admin.get("/tickets/1").form("/tickets/1/change"), "priority_id": "3"}
    data = {**fields, "csrf_token": "expired"}
    path = "/tickets/1/change"
    page = admin.page_of(admin.client.post(path, data=data, headers=SAME_ORIGIN), status=400)
    again = page.form(path)
    assert {name: again[name] for name in fields if name != "csrf_token"} == {
        name: value for name, value in fields.items() if name != "csrf_token"
    }
    assert admin.client.post(path, data=again).status_code == 303


def test_a_form_sent_over_http_where_cookies_need_https_says_where_to_go(
    app: Flask, visitor: Browser
) -> None:
    app.config["SESSION_COOKIE_SECURE"] = True
    app.extensions["triagedesk_config"] = replace(
        app.extensions["triagedesk_config"], public_url="https://desk.example.com"
    )
    data = {"csrf_token": "any", "email": "ada@example.com", "password": "x"}
    response = visitor.client.post("/sign-in", data=data, headers=SAME_ORIGIN)
    page = visitor.page_of(response, status=400)
    assert page.heading == "Open Triagedesk at its https address"
    assert page.one("a", href="https://desk.example.com").text == "https://desk.example.com"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Referer": "https://evil.example/x"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Referer": "http://[evil.example"},
        {},
    ],
)
def test_a_form_of_another_site_is_not_offered_again(
    app: Flask, admin: Browser, desk: Desk, headers: dict[str, str]
) -> None:
    data = {"csrf_token": "forged", "body": "planted"}
    page = admin.page_of(admin.client.post(NOTES, data=data, headers=headers), status=400)
    assert "did not come from Triagedesk" in page.text
    assert "planted" not in page.response.text
    assert not [text for text in notes(app) if "planted" in text]


@pytest.mark.parametrize("referer", ["https://[evil.example", "https://localhost:99999/", None])
def test_behind_https_only_pages_of_this_site_send_forms(
    app: Flask, people: object, visitor: Browser, referer: str | None
) -> None:
    app.config["WTF_CSRF_SSL_STRICT"] = True
    token = visitor.token()
    headers = {"Referer": referer} if referer else {}
    data = {"csrf_token": token, "email": ADMIN[0], "password": PASSWORD}
    response = visitor.client.post(
        "/sign-in", data=data, headers=headers, base_url="https://localhost"
    )
    page = visitor.page_of(response, status=400)
    assert "did not come from Triagedesk" in page.text


def test_the_way_back_never_leads_to_another_site(admin: Browser) -> None:
    headers = {"Origin": "http://localhost", "Referer": "http://localhost//evil.example/x"}
    data = {"csrf_token": "expired", "body": "typed"}
    page = admin.page_of(admin.client.post(NOTES, data=data, headers=headers), status=400)
    assert "typed" in page.response.text
    assert "evil.example" not in page.response.text


def test_a_page_before_that_is_no_address_is_none(admin: Browser) -> None:
    admin.get("/tickets/1", headers={"Referer": "http://[evil.example"})


def test_a_session_that_ended_keeps_what_was_typed(app: Flask, desk: Desk, sign_in: SignIn) -> None:
    browser = sign_in(ADMIN)
    token = browser.token()
    browser.client.delete_cookie(COOKIE)
    data = {"csrf_token": token, "body": "typed while signed out"}
    page = browser.page_of(browser.client.post(NOTES, data=data, headers=SAME_ORIGIN), status=401)
    assert page.heading == "You have been signed out meanwhile"
    assert (page.one("textarea").text or "").strip() == "typed while signed out"
    link = next(one for one in page.all("a") if "Sign in" in words_of(one))
    assert link.get("href") == "/sign-in?next=/tickets/1"
    browser.post_sign_in(ADMIN[0], PASSWORD)
    again = page.form(NOTES)
    again_page = browser.client.post(NOTES, data=again, headers=SAME_ORIGIN)
    assert "nothing is lost" in again_page.text
    last = browser.page_of(again_page, status=400).form(NOTES)
    assert browser.client.post(NOTES, data=last).status_code == 303
    assert notes(app)[-1] == "typed while signed out"


def test_passwords_are_never_repeated(people: object, visitor: Browser) -> None:
    data = {"csrf_token": "expired", "email": ADMIN[0], "password": PASSWORD}
    headers = {"Origin": "http://localhost"}
    response = visitor.client.post("/sign-in", data=data, headers=headers)
    assert response.status_code in (400, 401)
    assert PASSWORD not in response.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RefusedError("Not as things are."), 400),
        (FieldError({"name": "Not this name."}), 400),
        (ConflictError("Somebody was faster."), 409),
    ],
)
def test_a_refusal_that_a_page_has_no_place_for(
    app: Flask, admin: Browser, error: ServiceError, status: int
) -> None:
    def refuse() -> str:
        raise error

    app.add_url_rule("/refused", "refused", public(refuse))
    page = admin.get("/refused", status=status)
    assert page.heading == "That is not possible"
    assert str(error) in page.text
