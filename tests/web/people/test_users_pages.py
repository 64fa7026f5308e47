"""Users: invited, changed, signed out, deactivated, by admins only."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.desk_data import HELPDESK, PASSWORD, Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_actions, audit_events, fresh
from tests.support.security.sessions import COOKIE, sign_in_as
from tests.web.pages import Browser, Page, words_of
from webapp.models import PasswordLink, Ticket, User
from webapp.services.people.tokens import hash_token
from webapp.services.people.users import add_user, deactivate_user, set_role

SignIn = Callable[[tuple[str, str]], Browser]
NEW = {"name": "Cleo Marchetti", "email": "Cleo@Example.com", "role": "helpdesk"}


def rows(page: Page) -> list[str]:
    return [words_of(row) for row in page.all("tr")[1:]]


def actions(app: Flask) -> list[str]:
    with app.app_context():
        return audit_actions()


def user(app: Flask, user_id: int) -> User:
    with app.app_context():
        return fresh(User, user_id)


def token_on(page: Page) -> str:
    address = page.one("input", id="link").get("value") or ""
    found = re.fullmatch(r"http://localhost/choose-password\?token=([a-z2-7]{26})", address)
    assert found is not None, address
    return found[1]


def test_the_list(app: Flask, admin: Browser, desk: Desk) -> None:
    with app.app_context():
        sign_in_as(HELPDESK[0], PASSWORD, "a browser")
        open_tickets = len(
            all_rows(Ticket, Ticket.assignee_id == desk.helpdesk_id, Ticket.closed_at.is_(None))
        )
    ada, bo = rows(admin.get("/users"))
    assert ada.startswith("A Ada Okafor (you) ada@example.com Admin Active none nothing just now 1")
    assert bo.startswith("B Bo Lindqvist bo@example.com Helpdesk Active none nothing just now 1")
    assert open_tickets
    assert bo.endswith(f"1 {open_tickets} of Bo Lindqvist")
    assert admin.get("/users").one("a", href=f"/tickets?assignee={desk.helpdesk_id}") is not None


def test_deactivated_people_have_a_tab(app: Flask, admin: Browser, desk: Desk) -> None:
    assert "Nobody is deactivated" in admin.get("/users?show=deactivated").text
    with app.app_context():
        deactivate_user(desk.helpdesk_id)
    assert len(rows(admin.get("/users"))) == 1
    page = admin.get("/users?show=deactivated")
    assert "Bo Lindqvist bo@example.com Helpdesk Deactivated" in rows(page)[0]


def test_inviting_shows_the_link_once(app: Flask, admin: Browser, fake_clock: FakeClock) -> None:
    page = admin.page_of(admin.post_own("/users/invite", NEW))
    token = token_on(page)
    assert "until 12 Jun 2026, 12:00 UTC" in page.text
    assert page.response.headers["Cache-Control"] == "no-store"
    again = admin.get("/users/3/new-link")
    assert token not in again.response.text
    assert "cannot be shown again" in again.text
    with app.app_context():
        [link] = all_rows(PasswordLink)
    assert link.token_hash == hash_token(token)
    assert link.purpose == "invitation"
    assert link.expires_at == fake_clock.now() + timedelta(hours=72)
    cleo = user(app, 3)
    assert (cleo.email, cleo.role, cleo.has_password) == ("cleo@example.com", "helpdesk", False)
    row = rows(admin.get("/users"))[2]
    assert "Cleo Marchetti cleo@example.com Helpdesk Invited none nothing never 0 0" in row
    assert actions(app)[-1] == "user.invited"
    fake_clock.advance(hours=72)
    assert "Invitation expired" in admin.get("/users").text


def test_an_invited_person_cannot_sign_in_yet(admin: Browser, visitor: Browser) -> None:
    admin.post_own("/users/invite", NEW)
    for password in ("", "!", "anything at all"):
        assert visitor.post_sign_in("cleo@example.com", password).status_code == 400


def test_nothing_typed_is_lost_when_an_invitation_is_refused(app: Flask, admin: Browser) -> None:
    for data, words in (
        ({**NEW, "email": "nonsense"}, "Enter an e-mail address such as"),
        ({**NEW, "email": HELPDESK[0]}, "There is a user with the address bo@example.com."),
        ({**NEW, "name": ""}, "Enter a name."),
    ):
        page = admin.page_of(admin.post_own("/users/invite", data), status=400)
        assert words in words_of(page.one("div", role="alert"))
        assert page.one("input", name="email").get("value") == data["email"]
    with app.app_context():
        assert len(all_rows(User)) == 2


def test_an_invented_role_is_refused(app: Flask, admin: Browser) -> None:
    response = admin.post_own("/users/invite", {**NEW, "role": "owner"})
    assert response.status_code == 400
    with app.app_context():
        assert len(all_rows(User)) == 2


def test_the_address_of_the_link_is_the_public_one(app: Flask, admin: Browser) -> None:
    app.extensions["triagedesk_config"] = replace(
        app.extensions["triagedesk_config"], public_url="https://desk.example.com"
    )
    page = admin.page_of(admin.post_own("/users/invite", NEW))
    address = page.one("input", id="link").get("value") or ""
    assert address.startswith("https://desk.example.com/choose-password?token=")


def test_no_cookie_shows_a_link_again(admin: Browser, desk: Desk) -> None:
    """Neither the cookies from before nor those from after hold the token."""
    path = f"/users/{desk.helpdesk_id}"
    sent = admin.post(f"{path}/new-link", on=path)
    token = token_on(admin.page_of(sent))
    with admin.client.session_transaction() as held:
        assert token not in repr(dict(held))
    assert not any(token in value for value in sent.headers.getlist("Set-Cookie"))
    for user_id in (desk.helpdesk_id, desk.admin_id):
        assert not admin.get(f"/users/{user_id}/new-link").all("input", id="link")


def test_a_new_link_replaces_the_one_before(app: Flask, admin: Browser, desk: Desk) -> None:
    path = f"/users/{desk.helpdesk_id}"
    tokens = []
    for _ in range(2):
        tokens.append(token_on(admin.page_of(admin.post(f"{path}/new-link", on=path))))
    with app.app_context():
        [link] = all_rows(PasswordLink)
    assert link.token_hash == hash_token(tokens[1])
    assert link.purpose == "reset"
    assert "Link works until 10 Jun 2026, 12:00 UTC" in admin.get(path).text
    assert actions(app)[-2:] == ["user.link_made"] * 2


def test_a_link_is_withdrawn(app: Flask, admin: Browser, desk: Desk) -> None:
    path = f"/users/{desk.helpdesk_id}"
    admin.post(f"{path}/new-link", on=path)
    assert admin.post(f"{path}/withdraw-link", on=path).location == path
    assert "The link does not work any more." in admin.get(path).text
    admin.send(f"{path}/withdraw-link", {})
    assert "There was no link that worked." in admin.get(path).text
    with app.app_context():
        assert all_rows(PasswordLink) == []


def test_name_and_role_are_changed(app: Flask, admin: Browser, desk: Desk) -> None:
    path = f"/users/{desk.helpdesk_id}"
    response = admin.post(f"{path}/edit", {"name": " Bo  L. ", "role": "admin"}, on=path)
    assert (response.status_code, response.location) == (303, path)
    assert (user(app, desk.helpdesk_id).name, user(app, desk.helpdesk_id).role) == (
        "Bo L.",
        "admin",
    )
    with app.app_context():
        renamed, role = audit_events()[-2:]
    assert (renamed.before, renamed.after) == ({"name": "Bo Lindqvist"}, {"name": "Bo L."})
    assert (role.before, role.after) == ({"role": "helpdesk"}, {"role": "admin"})


def test_the_address_is_changed(app: Flask, admin: Browser, desk: Desk) -> None:
    path = f"/users/{desk.helpdesk_id}"
    admin.post(f"{path}/edit", {"email": "bo.new@example.com"}, on=path)
    assert user(app, desk.helpdesk_id).email == "bo.new@example.com"
    assert actions(app) == ["user.email_changed"]
    assert "Changed an e-mail address" in admin.get("/audit").text


def test_saving_nothing_new_is_no_event(app: Flask, admin: Browser, desk: Desk) -> None:
    path = f"/users/{desk.helpdesk_id}"
    admin.post(f"{path}/edit", on=path)
    assert actions(app) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": " "}, "Enter a name."),
        ({"name": "x" * 201}, "at most 200 characters"),
        ({"email": "ADA@example.com"}, "There is a user with the address ada@example.com."),
        ({"email": "bo"}, "Enter an e-mail address such as"),
        ({"role": "owner"}, "The role is one of admin, helpdesk, auditor."),
    ],
)
def test_what_cannot_be_taken_is_shown_again(
    app: Flask, admin: Browser, desk: Desk, data: dict[str, str], words: str
) -> None:
    path = f"/users/{desk.helpdesk_id}"
    page = admin.page_of(admin.post(f"{path}/edit", data, on=path), status=400)
    assert words in words_of(page.one("div", role="alert"))
    for name in {"name", "email"} & set(data):
        assert page.one("input", name=name).get("value") == data[name]
    assert user(app, desk.helpdesk_id).name == HELPDESK[1]
    assert user(app, desk.helpdesk_id).email == HELPDESK[0]


def test_two_admins_on_one_person(app: Flask, admin: Browser, desk: Desk) -> None:
    path = f"/users/{desk.helpdesk_id}"
    fields = admin.get(path).form(f"{path}/edit")
    with app.app_context():
        set_role(desk.helpdesk_id, "admin")
    response = admin.client.post(f"{path}/edit", data={**fields, "name": "Bobo"})
    page = admin.page_of(response, status=409)
    assert "it is Bo Lindqvist, admin, bo@example.com now. Nothing was saved" in page.text
    assert page.one("input", name="name").get("value") == "Bobo"
    assert page.one("input", name="seen_role").get("value") == "admin"
    assert user(app, desk.helpdesk_id).name == HELPDESK[1]


def test_the_last_admin_stays(app: Flask, admin: Browser, desk: Desk) -> None:
    path = f"/users/{desk.admin_id}"
    page = admin.get(path)
    assert "the last active admin" in page.text
    assert not page.all("a", href=f"{path}/deactivate")
    fields = {**page.form(f"{path}/edit"), "role": "helpdesk", "is_confirmed": "y"}
    refused = admin.page_of(admin.client.post(f"{path}/edit", data=fields), status=400)
    assert "make somebody else an admin first" in words_of(refused.one("div", role="alert"))
    assert "Make somebody else an admin first" in admin.get(f"{path}/deactivate").text
    response = admin.send(f"{path}/deactivate", {"is_confirmed": "y"})
    assert response.status_code == 400
    assert user(app, desk.admin_id).is_admin
    assert user(app, desk.admin_id).is_active


def test_nobody_gives_up_being_admin_by_accident(app: Flask, admin: Browser, desk: Desk) -> None:
    with app.app_context():
        set_role(desk.helpdesk_id, "admin")
    path = f"/users/{desk.admin_id}"
    page = admin.page_of(admin.post(f"{path}/edit", {"role": "helpdesk"}, on=path), status=400)
    assert "You would lose access" in words_of(page.one("div", role="alert"))
    assert user(app, desk.admin_id).is_admin
    chosen = {"role": "helpdesk", "is_confirmed": "y"}
    assert admin.post(f"{path}/edit", chosen, on=path).location == "/"
    assert not user(app, desk.admin_id).is_admin
    assert admin.client.get("/users").status_code == 403


def test_nobody_locks_themselves_out_by_accident(app: Flask, admin: Browser, desk: Desk) -> None:
    with app.app_context():
        set_role(desk.helpdesk_id, "admin")
    path = f"/users/{desk.admin_id}/deactivate"
    page = admin.page_of(admin.post_own(path, {}), status=400)
    assert "You would be signed out at once" in page.text
    assert user(app, desk.admin_id).is_active
    admin.post_own(path, {"is_confirmed": "y"})
    assert not user(app, desk.admin_id).is_active
    assert admin.client.get("/users").location.startswith("/sign-in")


def test_signing_somebody_out_everywhere(
    app: Flask, admin: Browser, desk: Desk, sign_in: SignIn
) -> None:
    helpdesk = sign_in(HELPDESK)
    path = f"/users/{desk.helpdesk_id}"
    admin.post(f"{path}/sign-out", on=path)
    assert "1 session ended." in admin.get(path).text
    assert helpdesk.client.get("/tickets").location.startswith("/sign-in")
    admin.send(f"{path}/sign-out", {})
    assert "Nobody was signed in." in admin.get(path).text
    assert actions(app).count("user.signed_out") == 1


def test_deactivating_hands_the_tickets_to_a_colleague(
    app: Flask, admin: Browser, desk: Desk, sign_in: SignIn
) -> None:
    helpdesk = sign_in(HELPDESK)
    with app.app_context():
        mine = all_rows(Ticket, Ticket.assignee_id == desk.helpdesk_id, Ticket.closed_at.is_(None))
    path = f"/users/{desk.helpdesk_id}"
    page = admin.get(f"{path}/deactivate")
    assert f"{len(mine)} open ticket" in page.text
    assert [words_of(option) for option in page.all("option")] == [
        "Nobody (unassigned)",
        "Ada Okafor",
    ]
    response = admin.post_own(f"{path}/deactivate", {"successor": str(desk.admin_id)})
    assert response.location == path
    assert f"cannot sign in any more; {len(mine)} open ticket" in admin.get(path).text
    with app.app_context():
        moved = [fresh(Ticket, ticket.id) for ticket in mine]
    assert {ticket.assignee_id for ticket in moved} == {desk.admin_id}
    assert helpdesk.client.get("/tickets").location.startswith("/sign-in")
    timeline = admin.get(f"/tickets/{mine[0].id}").text
    assert "Bo Lindqvist was deactivated: assigned to Ada Okafor." in timeline


@pytest.mark.parametrize("successor", ["99", "nonsense", "self", "0"])
def test_tickets_go_to_nobody_who_cannot_sign_in(
    app: Flask, admin: Browser, desk: Desk, successor: str
) -> None:
    chosen = str(desk.helpdesk_id) if successor == "self" else successor
    path = f"/users/{desk.helpdesk_id}/deactivate"
    page = admin.page_of(admin.post_own(path, {"successor": chosen}), status=400)
    assert "Choose somebody who can still sign in, or nobody." in page.text
    assert user(app, desk.helpdesk_id).is_active


def test_activating_again(app: Flask, admin: Browser, desk: Desk, visitor: Browser) -> None:
    with app.app_context():
        deactivate_user(desk.helpdesk_id)
    path = f"/users/{desk.helpdesk_id}"
    page = admin.get(path)
    assert not page.all("form", action=f"{path}/new-link")
    admin.post(f"{path}/activate", on=path)
    assert "Bo Lindqvist can sign in again." in admin.get(path).text
    assert visitor.post_sign_in(HELPDESK[0], PASSWORD).status_code == 303


def test_somebody_who_was_deactivated_meanwhile_gets_no_link(
    app: Flask, admin: Browser, desk: Desk
) -> None:
    with app.app_context():
        deactivate_user(desk.helpdesk_id)
    path = f"/users/{desk.helpdesk_id}"
    assert admin.send(f"{path}/new-link", {}).location == path
    assert "activate the account first" in admin.get(path).text
    assert "is deactivated already" in admin.get(f"{path}/deactivate").text


def test_names_are_text(app: Flask, admin: Browser, desk: Desk) -> None:
    attack = '"><img src=x onerror=alert(1)>{{ 7 * 7 }}'
    with app.app_context():
        added = add_user(email="x@example.com", name=attack, password=PASSWORD, role="helpdesk")
    for path in ("/users", f"/users/{added.id}", f"/users/{added.id}/deactivate", "/audit"):
        page = admin.get(path)
        assert not page.all("img")
        assert attack in page.text or path == "/audit"


def test_unknown_people(admin: Browser) -> None:
    for path in ("/users/99", "/users/99/link", "/users/99/deactivate"):
        assert admin.client.get(path).status_code == 404
    for path in ("edit", "new-link", "withdraw-link", "sign-out", "activate", "deactivate"):
        data = {"name": "x", "role": "admin"}
        assert admin.send(f"/users/99/{path}", data).status_code == 404, path


def test_helpdesk_may_do_none_of_it(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    me = desk.helpdesk_id
    for path in ("/users", "/users/invite", f"/users/{me}", f"/users/{me}/deactivate"):
        assert helpdesk.client.get(path).status_code == 403
    assert helpdesk.send(f"/users/{me}/edit", {"name": "Me", "role": "admin"}).status_code == 403
    assert helpdesk.send("/users/invite", NEW).status_code == 403
    assert not user(app, me).is_admin
    assert actions(app) == []


def test_an_ended_session_loses_nothing(admin: Browser, desk: Desk) -> None:
    path = f"/users/{desk.helpdesk_id}"
    fields = admin.get(path).form(f"{path}/edit")
    admin.client.delete_cookie(COOKIE)
    response = admin.client.post(
        f"{path}/edit", data={**fields, "name": "Robert"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert response.status_code == 401
    assert "Nothing was saved yet" in response.text
    assert 'value="Robert"' in response.text
