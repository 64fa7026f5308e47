"""The desk's settings: boards, categories, priorities, statuses, ticket numbers, configuration."""

import pytest
from flask import Flask

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY
from tests.support.desk_data import Desk
from tests.support.rows import add, all_rows, audit_events, change
from tests.web.pages import Browser, Page, words_of
from webapp.models import Board, Category, Priority, Status, Ticket
from webapp.services.desk.edit_boards import add_category

TABS = (
    "/desk",
    "/desk/priorities",
    "/desk/statuses",
    "/desk/response-times",
    "/desk/runbooks",
    "/desk/canned-notes",
    "/desk/ticket-numbers",
    "/desk/configuration",
)
SERVICE_DESK = 3
CRITICAL, HIGH, MEDIUM, LOW = 1, 2, 3, 4
OPEN, PROGRESS, WAITING, CLOSED = 1, 2, 3, 4


def names(page: Page) -> list[str]:
    """The names of the rows, in order."""
    return [words_of(link) for link in page.all("a", class_="row-link")]


def actions(page: Page) -> set[str]:
    return {form.get("action") or "" for form in page.all("form")}


def send(browser: Browser, path: str, **data: str) -> object:
    """Send the page's own form with these fields changed."""
    return browser.client.post(path, data={**browser.get(path).form_of("name"), **data})


@pytest.mark.parametrize("path", TABS)
def test_each_tab_says_where_it_is(admin: Browser, path: str) -> None:
    page = admin.get(path)
    current = page.one("nav", aria_label="Desk settings").findall("a[@aria-current='page']")
    assert [link.get("href") for link in current] == [path]


def test_boards(app: Flask, admin: Browser) -> None:
    page = admin.get("/desk")
    assert names(page) == ["Security", "Security Triage", "Service Desk"]
    assert page.text.count("Used by routing") == 2
    response = send(admin, "/desk", name="Projects")
    assert response.status_code == 303
    assert "Projects was added." in admin.get(response.location).text
    page = admin.page_of(send(admin, "/desk", name="projects"), status=400)
    assert "There is a board named Projects already." in page.text
    assert page.one("input", name="name").get("value") == "projects"


def test_a_board_is_renamed_deactivated_and_deleted(app: Flask, admin: Browser) -> None:
    path = f"/desk/boards/{SERVICE_DESK}"
    assert send(admin, path, name="Helpdesk").status_code == 303
    assert admin.get(path).heading == "Helpdesk"
    assert admin.post(f"{path}/deactivate", on=path).location == path
    assert "Inactive" in admin.get("/desk").text
    assert admin.post(f"{path}/activate", on=path).location == path
    assert admin.post(f"{path}/delete", on=path).location == "/desk"
    assert names(admin.get("/desk")) == ["Security", "Security Triage"]
    admin.get(path, status=404)
    assert admin.send(f"{path}/delete", {}).location == "/desk"
    assert "There is no board 3." in admin.get("/desk").text


def test_a_board_that_routing_points_to_says_so(admin: Browser) -> None:
    page = admin.get("/desk/boards/1")
    assert "It cannot be deactivated: the routing of Tallow & Reed Managed IT" in page.text
    assert not {"/desk/boards/1/deactivate", "/desk/boards/1/delete"} & actions(page)
    admin.send("/desk/boards/1/deactivate", {})
    assert "Security cannot be deactivated" in admin.get("/desk/boards/1").text


def test_categories_of_a_board(app: Flask, admin: Browser) -> None:
    path = f"/desk/boards/{SERVICE_DESK}"
    target = f"{path}/categories"
    assert "This board has no categories" in admin.get(path).text
    assert admin.post(target, {"category-name": "Mail"}, on=path).location == path
    with app.app_context():
        mail = all_rows(Category)[0].id
    data = {"category-name": "Spam", "category-parent_id": str(mail)}
    assert admin.post(target, data, on=path).status_code == 303
    page = admin.get(path)
    assert words_of(page.one("ul", class_="subcategories")) == "Spam"
    page = admin.page_of(admin.post(target, {**data, "category-name": "spam"}, on=path), status=400)
    assert "There is a category named Spam already." in page.text
    assert page.one("input", name="category-name").get("value") == "spam"
    assert page.one("input", name="name").get("value") == "Service Desk"
    chosen = page.one("select", name="category-parent_id").findall("option[@selected]")
    assert [option.get("value") for option in chosen] == [str(mail)]
    assert admin.send("/desk/boards/99/categories", data).status_code == 404


def test_a_category(app: Flask, admin: Browser) -> None:
    with app.app_context():
        mail = add_category(SERVICE_DESK, "Mail").id
        spam = add_category(SERVICE_DESK, "Spam", mail).id
        change(Ticket, 1, board_id=SERVICE_DESK, category_id=mail)
    page = admin.get(f"/desk/categories/{mail}")
    assert "1 category" in page.text
    assert "1 ticket" in page.text
    path = f"/desk/categories/{spam}"
    assert "Subcategory of Mail" in admin.get(path).text
    assert send(admin, path, name="Junk").location == f"/desk/boards/{SERVICE_DESK}"
    admin.post(f"{path}/deactivate", on=path)
    assert "Junk Inactive" in admin.get(f"/desk/boards/{SERVICE_DESK}").text
    admin.post(f"{path}/activate", on=path)
    response = admin.post(f"{path}/delete", on=path)
    assert response.location == f"/desk/boards/{SERVICE_DESK}"
    admin.get(path, status=404)


def test_priorities_are_ordered_without_a_script(app: Flask, admin: Browser) -> None:
    page = admin.get("/desk/priorities")
    assert names(page) == ["Critical", "High", "Medium", "Low"]
    buttons = {button.get("aria-label"): button for button in page.all("button")}
    assert buttons["Move Critical up"].get("disabled") is not None
    assert buttons["Move Low down"].get("disabled") is not None
    target = f"/desk/priorities/{LOW}/move"
    data = {"direction": "up"}
    assert admin.post(target, data, on="/desk/priorities").location == "/desk/priorities"
    page = admin.get("/desk/priorities")
    assert names(page) == ["Critical", "High", "Low", "Medium"]
    assert "The order was saved." in page.text
    admin.post(target, {"direction": "down"}, on="/desk/priorities")
    assert names(admin.get("/desk/priorities"))[-1] == "Low"


def test_a_priority(app: Flask, admin: Browser) -> None:
    added = send(admin, "/desk/priorities", name="Whenever", colour="purple")
    assert added.status_code == 303
    page = admin.page_of(send(admin, "/desk/priorities", name="low", colour="red"), status=400)
    assert "There is a priority named Low already." in page.text
    assert page.one("input", type="radio", value="red").get("checked") is not None
    page = admin.page_of(send(admin, "/desk/priorities", name="x", colour="pink"), status=400)
    assert "Choose one of the colours." in page.text
    path = "/desk/priorities/5"
    assert send(admin, path, name="Someday", colour="grey").location == "/desk/priorities"
    with app.app_context():
        row = all_rows(Priority)[-1]
        assert (row.name, row.colour, row.position) == ("Someday", "grey", 5)
    assert admin.post(f"{path}/delete", on=path).location == "/desk/priorities"
    page = admin.get(f"/desk/priorities/{CRITICAL}")
    assert "Where it is used" in page.text
    assert f"/desk/priorities/{CRITICAL}/delete" not in actions(page)


def test_edits_of_a_priority_that_collide(app: Flask, admin: Browser) -> None:
    path = f"/desk/priorities/{HIGH}"
    fields = admin.get(path).form_of("name")
    with app.app_context():
        change(Priority, HIGH, colour="purple")
    response = admin.client.post(path, data={**fields, "name": "Urgent"})
    page = admin.page_of(response, status=409)
    assert "Colour is now: Purple" in page.text
    assert page.one("input", name="name").get("value") == "Urgent"


def test_a_colour_that_is_not_offered_is_kept(app: Flask, admin: Browser) -> None:
    with app.app_context():
        change(Priority, HIGH, colour="lime")
    path = f"/desk/priorities/{HIGH}"
    assert send(admin, path, name="Urgent").status_code == 303
    with app.app_context():
        row = all_rows(Priority, Priority.id == HIGH)[0]
        assert (row.name, row.colour) == ("Urgent", "lime")


def test_statuses(app: Flask, admin: Browser) -> None:
    page = admin.get("/desk/statuses")
    assert names(page) == ["Open", "In progress", "Waiting", "Closed"]
    assert page.text.count("New tickets begin here") == 1
    assert f"/desk/statuses/{CLOSED}/default" not in actions(page)
    admin.post(f"/desk/statuses/{WAITING}/default", on="/desk/statuses")
    assert "New tickets begin in this status now." in admin.get("/desk/statuses").text
    assert "New tickets begin in this status." in admin.get(f"/desk/statuses/{WAITING}").text
    admin.send(f"/desk/statuses/{CLOSED}/default", {})
    assert "Closed is a closed status" in admin.get(f"/desk/statuses/{CLOSED}").text
    assert send(admin, "/desk/statuses", name="Solved", is_closed="yes").status_code == 303
    admin.post("/desk/statuses/5/move", {"direction": "up"}, on="/desk/statuses")
    assert names(admin.get("/desk/statuses"))[-2:] == ["Solved", "Closed"]
    assert admin.post("/desk/statuses/5/delete", on="/desk/statuses/5").location == "/desk/statuses"


def test_a_status_in_use_says_why_it_stays_as_it_is(app: Flask, admin: Browser) -> None:
    path = f"/desk/statuses/{CLOSED}"
    page = admin.page_of(send(admin, path, name="Closed", is_closed="no"), status=400)
    assert "Closed is the last closed status; add another first." in page.text
    with app.app_context():
        add(Status(name="Solved", is_closed=True, position=5))
        closed = len(all_rows(Ticket, Ticket.status_id == CLOSED))
    assert closed
    page = admin.page_of(send(admin, path, name="Done", is_closed="no"), status=400)
    assert "without anybody having worked on them" in page.text
    assert page.one("input", name="name").get("value") == "Done"
    with app.app_context():
        assert all_rows(Status, Status.id == CLOSED)[0].is_closed
    assert send(admin, path, name="Done").location == "/desk/statuses"


def test_ticket_numbers(app: Flask, admin: Browser) -> None:
    path = "/desk/ticket-numbers"
    assert "The next ticket is TKT-000013." in admin.get(path).text
    fields = admin.get(path).form_of("prefix")
    assert admin.client.post(path, data={**fields, "prefix": "SEC-"}).status_code == 303
    assert "The next ticket is SEC-000013." in admin.get(path).text
    page = admin.page_of(admin.client.post(path, data={**fields, "prefix": "INC-"}), status=409)
    assert "Prefix is now: SEC-" in page.text
    assert page.one("input", name="prefix").get("value") == "INC-"
    response = admin.client.post(path, data={**page.form_of("prefix"), "prefix": "T1"})
    page = admin.page_of(response, status=400)
    assert page.one("input", name="prefix").get("value") == "T1"
    assert "end with anything but a digit" in page.text


def test_the_configuration_is_shown_without_secrets(admin: Browser) -> None:
    page = admin.get("/desk/configuration")
    assert "TRIAGEDESK_DATABASE_URL" in page.text
    assert "docs/configuration.md" in page.text
    for secret in (SECRET_KEY, ENCRYPTION_KEY):
        assert secret not in page.response.text


def test_helpdesk_sees_none_of_it(app: Flask, helpdesk: Browser) -> None:
    with app.app_context():
        category = add_category(1, "Mail").id
    pages = ["boards/1", f"categories/{category}", "priorities/1", "statuses/1"]
    for path in (*TABS, *(f"/desk/{page}" for page in pages)):
        helpdesk.get(path, status=403)
    for path in ("/desk", "/desk/boards/3/delete", "/desk/priorities/1/move"):
        assert helpdesk.send(path, {"name": "x", "direction": "down"}).status_code == 403
    with app.app_context():
        assert len(all_rows(Board)) == 3
        assert [event.action for event in audit_events()][-1] == "category.added"


@pytest.mark.parametrize("attack", ['"><script>alert(1)</script>', "{{ 7 * 7 }}"])
def test_nothing_stored_becomes_markup(app: Flask, admin: Browser, attack: str) -> None:
    with app.app_context():
        change(Category, add_category(SERVICE_DESK, "Mail").id, name=attack)
        for model in (Board, Priority, Status):
            change(model, 3, name=attack, **({"colour": attack} if model is Priority else {}))
    for path in (*TABS[:3], "/desk/boards/3", "/desk/categories/1", "/desk/priorities/3"):
        page = admin.get(path)
        assert not [one for one in page.all("script") if one.get("src") is None]
        assert attack in page.text


def test_what_does_not_exist(admin: Browser, desk: Desk) -> None:
    for kind in ("boards", "categories", "priorities", "statuses"):
        admin.get(f"/desk/{kind}/999", status=404)
