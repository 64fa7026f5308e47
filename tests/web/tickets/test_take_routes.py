"""The page of a take-it link: looking takes nothing, the button takes it, words say why not."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import change, fresh
from tests.web.pages import Browser, Page
from webapp import clock
from webapp.extensions import db
from webapp.models import AuditEvent, Comment, Ticket, User
from webapp.models.user import NO_PASSWORD, ROLE_HELPDESK
from webapp.services.notices.compose_rows import make_take_link
from webapp.services.notices.read_facts import read_facts
from webapp.services.tickets import take_ticket as service
from webapp.services.tickets.take_ticket import EXPIRED, NO_PERSON, UNKNOWN, USED, take_ticket
from webapp.services.transactions import reading, transaction

BO = "Bo Lindqvist"


@pytest.fixture
def ticket_id(app: Flask, desk: Desk) -> int:
    """An open ticket that is nobody's."""
    with app.app_context(), reading() as session:
        query = select(Ticket.id).where(Ticket.closed_at.is_(None), Ticket.is_unmapped.is_(False))
        found = session.scalars(query.order_by(Ticket.id)).first()
    assert found is not None
    set_ticket(app, found, assignee_id=None, first_touched_at=None)
    return found


@pytest.fixture
def path(app: Flask, desk: Desk, ticket_id: int) -> str:
    """The link that Bo was sent."""
    return f"/take/{make_token(app, ticket_id, desk.helpdesk_id)}"


def make_token(app: Flask, ticket_id: int, user_id: int, **facts: object) -> str:
    with app.app_context(), transaction() as session:
        known = read_facts(session, {ticket_id})[ticket_id].as_json()
        return make_take_link(session, ticket_id, user_id, {**known, **facts}, clock.utcnow())


def set_ticket(app: Flask, ticket_id: int, **values: object) -> None:
    with app.app_context():
        change(Ticket, ticket_id, **values)
        db.session.remove()


def ticket(app: Flask, ticket_id: int) -> Ticket:
    with app.app_context():
        found = fresh(Ticket, ticket_id)
        db.session.remove()
        return found


def everything(app: Flask) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for table in db.metadata.sorted_tables
        }


def press(visitor: Browser, path: str) -> Page:
    """Press the button; return the page that follows."""
    page = visitor.get(path)
    token = page.form_of("csrf_token")["csrf_token"]
    response = visitor.client.post(path, data={"csrf_token": token})
    if response.status_code == 303:
        assert response.location == path
        return visitor.get(path)
    return visitor.page_of(response, status=response.status_code)


@both_databases
def test_looking_takes_nothing_however_often(app: Flask, visitor: Browser, path: str) -> None:
    before = everything(app)
    for _ in range(20):
        page = visitor.get(path)
        assert visitor.client.head(path).status_code == 200
    assert f"Take this ticket as {BO}" in page.text
    for agent in ("Mozilla/5.0 (compatible; SafeLinks)", "curl/8"):
        visitor.get(path, headers={"User-Agent": agent})
    assert everything(app) == before


def test_it_shows_what_the_message_said_and_nothing_else(
    app: Flask, desk: Desk, visitor: Browser, ticket_id: int
) -> None:
    what = "A \u202elink https://evil.example/a <b>bold</b> " + "x" * 1000
    token = make_token(
        app, ticket_id, desk.helpdesk_id, what=what, host="PC-7", severity="critical"
    )
    with app.app_context(), transaction() as session:
        session.add(Comment(ticket_id=ticket_id, body="For us alone.", created_at=clock.utcnow()))
    page, stored = visitor.get(f"/take/{token}"), ticket(app, ticket_id)
    assert stored.number in page.text
    assert stored.number in page.title
    assert "critical" in page.text
    assert "PC-7" in page.text
    assert "hxxps[:]//evil[.]example/a <b>bold</b>" in page.text
    assert "\u202e" not in page.text
    assert "x" * 400 not in page.text
    assert "For us alone" not in page.text
    links = {link.get("href") for link in page.all("a")}
    assert links == {f"/tickets/{ticket_id}", "#content"}
    assert visitor.client.get(f"/tickets/{ticket_id}").status_code == 302, "after signing in"


@both_databases
def test_the_button_takes_it_without_signing_in(
    app: Flask, desk: Desk, visitor: Browser, ticket_id: int, path: str
) -> None:
    page = press(visitor, path)
    assert "You have taken this ticket." in page.text
    assert f"{BO}, nobody else is called for it any more." in page.text
    assert page.all("button") == []
    assert ticket(app, ticket_id).assignee_id == desk.helpdesk_id
    with app.app_context(), reading() as session:
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert event is not None
    assert (event.action, event.actor_id) == ("ticket.taken_by_link", desk.helpdesk_id)
    assert visitor.client.get("/").status_code == 302, "nobody is signed in by it"
    assert "You have taken this ticket." in visitor.get(path).text, "also when it is opened again"


def send(visitor: Browser, path: str) -> Page:
    """Press the button of a page that was opened before things changed."""
    data = {"csrf_token": visitor.token()}
    response = visitor.client.post(path, data=data)
    return visitor.page_of(response, status=response.status_code)


def check_refusal(visitor: Browser, path: str, status: int, sentence: str) -> None:
    """Looking says why there is nothing to take, and so does the button of an old page."""
    page = visitor.get(path, status=404 if status == 404 else 200)
    assert sentence in page.text
    assert page.all("button") == []
    page = send(visitor, path)
    assert page.status == status
    assert sentence in page.text


def test_a_link_that_was_used(app: Flask, visitor: Browser, ticket_id: int, path: str) -> None:
    press(visitor, path)
    page = send(visitor, path)
    assert page.status == 409
    assert "You have taken this ticket." in page.text
    set_ticket(app, ticket_id, assignee_id=None)
    check_refusal(visitor, path, 400, USED)


def test_a_link_that_has_expired(visitor: Browser, path: str, fake_clock: FakeClock) -> None:
    fake_clock.advance(hours=24)
    check_refusal(visitor, path, 404, EXPIRED)


@pytest.mark.parametrize("token", ["nothing", "a" * 4000, "%00", "%F0%9F%98%80"])
def test_a_link_that_is_unknown(visitor: Browser, desk: Desk, token: str) -> None:
    check_refusal(visitor, f"/take/{token}", 404, UNKNOWN)


def test_a_ticket_that_a_colleague_took(
    app: Flask, desk: Desk, visitor: Browser, ticket_id: int, path: str
) -> None:
    set_ticket(app, ticket_id, assignee_id=desk.admin_id)
    check_refusal(visitor, path, 409, "Ada Okafor has taken this ticket already.")
    page = visitor.get(f"{path}?done=1")
    assert "You have taken" not in page.text


def test_a_ticket_that_was_given_to_this_person(
    app: Flask, desk: Desk, visitor: Browser, ticket_id: int, path: str
) -> None:
    set_ticket(app, ticket_id, assignee_id=desk.helpdesk_id)
    check_refusal(visitor, path, 409, "You have taken this ticket already.")


def test_a_ticket_that_was_closed(app: Flask, visitor: Browser, ticket_id: int, path: str) -> None:
    set_ticket(app, ticket_id, closed_at=clock.utcnow())
    check_refusal(visitor, path, 409, "The ticket is closed already.")


def test_a_person_who_was_deactivated(app: Flask, desk: Desk, visitor: Browser, path: str) -> None:
    with app.app_context():
        change(User, desk.helpdesk_id, is_active=False)
    check_refusal(visitor, path, 400, NO_PERSON)


def test_a_drill_says_so_and_stays_taken_once_it_is_closed(
    app: Flask, desk: Desk, visitor: Browser, ticket_id: int
) -> None:
    path = f"/take/{make_token(app, ticket_id, desk.helpdesk_id, is_drill=True)}"
    assert "DRILL" in visitor.get(path).text
    press(visitor, path)
    set_ticket(app, ticket_id, closed_at=clock.utcnow())
    page = visitor.get(path)
    assert "You have taken this ticket." in page.text
    assert "DRILL" in page.text


def test_a_muted_ticket_is_taken_like_any_other(
    app: Flask, desk: Desk, visitor: Browser, ticket_id: int, path: str
) -> None:
    set_ticket(app, ticket_id, is_muted=True)
    assert "You have taken this ticket." in press(visitor, path).text


def test_whoever_is_signed_in_takes_it_for_the_person_it_was_sent_to(
    app: Flask, desk: Desk, admin: Browser, ticket_id: int, path: str
) -> None:
    press(admin, path)
    assert ticket(app, ticket_id).assignee_id == desk.helpdesk_id


def test_another_site_cannot_press_the_button(
    app: Flask, visitor: Browser, ticket_id: int, path: str
) -> None:
    for data, origin in (({}, None), ({"csrf_token": "made-up"}, "https://evil.example")):
        headers = {} if origin is None else {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        response = visitor.client.post(path, data=data, headers=headers)
        assert response.status_code == 400
    assert ticket(app, ticket_id).assignee_id is None


def test_nobody_else_keeps_or_learns_the_address(visitor: Browser, path: str) -> None:
    for answer in (visitor.client.get(path), visitor.client.get("/take/nothing")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "strict-origin"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert not re.search(r"(src|href)=\"https?://", answer.text)


def test_a_mistake_on_the_way_changes_nothing(
    app: Flask, visitor: Browser, ticket_id: int, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_values: object) -> None:
        raise RuntimeError("a mistake of ours")

    with monkeypatch.context() as patched:
        patched.setattr(service, "record_event", fail)
        assert send(visitor, path).status == 500
    assert ticket(app, ticket_id).assignee_id is None
    assert "You have taken this ticket." in press(visitor, path).text


def test_guesses_are_limited(app: Flask, visitor: Browser, desk: Desk) -> None:
    app.config["RATELIMIT_ENABLED"] = True
    statuses = [visitor.client.get(f"/take/guess-{number}").status_code for number in range(70)]
    assert statuses[0] == 404
    assert statuses[-1] == 429


def test_two_people_with_links_of_their_own(
    app: Flask, desk: Desk, visitor: Browser, ticket_id: int, path: str, fake_clock: FakeClock
) -> None:
    with app.app_context(), transaction() as session:
        cleo = User(
            email="cleo@example.com",
            name="Cleo",
            password_hash=NO_PASSWORD,
            role=ROLE_HELPDESK,
            created_at=fake_clock.now() - timedelta(days=1),
        )
        session.add(cleo)
        session.flush()
        cleo_id = cleo.id
    token = make_token(app, ticket_id, cleo_id)
    with app.app_context():
        take_ticket(token)
    check_refusal(visitor, path, 409, "Cleo has taken this ticket already.")
    assert "Cleo, nobody else" in visitor.get(f"/take/{token}").text
