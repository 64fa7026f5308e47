"""The routing form: checked at its fields, never losing what was typed, never overwriting."""

import json
from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, add_connection
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, audit_events, change, fresh
from tests.web.pages import Browser, Page, words_of
from webapp.models import AuditEvent, Board, Category, Client, Connection
from webapp.services.connections.routing_settings import ROUTING_FIELDS, save_routing
from webapp.services.desk.edit_statuses import add_status

SignIn = Callable[[tuple[str, str]], Browser]
PAGE = "/integrations/huntress/1"
SAVE = f"{PAGE}/routing"


@pytest.fixture
def connection(app: Flask, people: tuple[int, int], fake_clock: FakeClock) -> int:
    """A connection that polls."""
    with app.app_context():
        return add_connection(fake_clock.now())


@pytest.fixture
def viewer(connection: int, sign_in: SignIn) -> Browser:
    return sign_in(ADMIN)


@pytest.fixture
def categories(app: Flask) -> dict[str, int]:
    """Two categories of the security board, one of another, subcategories of the first two."""
    with app.app_context():
        ids = {
            name: add(Category(name=name, board_id=board)).id
            for name, board in (("Malware", 1), ("Phishing", 1), ("Hardware", 3))
        }
        for name, parent in (("Trojan", "Malware"), ("Invoice", "Phishing")):
            ids[name] = add(Category(name=name, board_id=1, parent_id=ids[parent])).id
        return ids


def set_connection(app: Flask, **values: object) -> None:
    with app.app_context():
        change(Connection, 1, **values)


def stored(app: Flask) -> Connection:
    with app.app_context():
        return fresh(Connection, 1)


def events(app: Flask) -> list[AuditEvent]:
    with app.app_context():
        return audit_events()


def refused(browser: Browser, data: dict[str, object], status: int = 400) -> Page:
    return browser.page_of(browser.post(SAVE, data, on=PAGE), status=status)


def flashed(browser: Browser) -> str:
    return words_of(browser.get(PAGE).one("div", class_="flashes"))


def error_at(page: Page, name: str) -> str:
    """The message beside a field, to which the field and the summary lead."""
    field = page.one(("input" if name in TYPED else "select"), id=name)
    assert field.get("aria-invalid") == "true"
    assert f"{name}-error" in str(field.get("aria-describedby"))
    summary = page.one("div", class_="error-summary")
    assert [link for link in summary.iter("a") if link.get("href") == f"#{name}"]
    return words_of(page.one("p", id=f"{name}-error"))


TYPED = {"poll_interval_minutes", "backfill_days", "auto_close_tickets"}


def chosen(page: Page, name: str) -> str:
    if name in TYPED:
        return str(page.one("input", id=name).get("value"))
    options = list(page.one("select", id=name).iter("option"))
    return next((words_of(one) for one in options if one.get("selected") is not None), "")


def test_the_labels_are_the_fixed_ones(viewer: Browser) -> None:
    page = viewer.get(PAGE)
    labels = [words_of(label) for label in page.one("section", id="routing").iter("label")]
    assert labels == [
        "Security board",
        "Category (optional)",
        "Subcategory (optional)",
        "Fallback client",
        "Fallback (triage) board",
        "Critical severity →",
        "High severity →",
        "Low severity →",
        "Poll interval (minutes)",
        "Backfill (days)",
        "Close tickets when Huntress closes the incident",
        "Closed status",
        "Leave tickets open that a person has worked on",
        "Reopen tickets when the incident needs work again",
    ]
    assert "Save routing configuration" in page.text


def test_saved_values_are_shown_with_what_they_mean(viewer: Browser) -> None:
    page = viewer.get(PAGE)
    assert (chosen(page, "board_id"), chosen(page, "low_priority_id")) == ("Security", "Low")
    assert chosen(page, "poll_interval_minutes") == "5"
    assert "Critical incidents become tickets of priority Critical on board Security." in page.text


def test_saving(app: Flask, viewer: Browser, categories: dict[str, int]) -> None:
    data = {
        "category_id": categories["Malware"],
        "subcategory_id": categories["Trojan"],
        "poll_interval_minutes": " 10 ",
        "auto_close_tickets": "y",
        "closed_status_id": 4,
        "leave_touched_open": "y",
    }
    response = viewer.post(SAVE, data, on=PAGE)
    assert (response.status_code, response.location) == (303, PAGE)
    assert flashed(viewer) == "Routing configuration saved — incident polling is active."
    connection = stored(app)
    assert connection.subcategory_id == categories["Trojan"]
    assert (connection.poll_interval_minutes, connection.closed_status_id) == (10, 4)
    assert (connection.auto_close_tickets, connection.reopen_tickets) == (True, True)
    [event] = events(app)
    assert (event.action, event.actor_id) == ("routing.saved", 1)
    assert event.before is not None
    assert event.before["poll_interval_minutes"] == 5
    text = viewer.get(PAGE).text
    assert "They get the category Malware / Trojan." in text
    assert "its ticket gets the status Closed, unless a person has worked on it." in text


def test_switches_can_be_turned_off(app: Flask, viewer: Browser) -> None:
    fields = viewer.get(PAGE).form(SAVE)
    del fields["reopen_tickets"]
    viewer.client.post(SAVE, data=fields)
    assert stored(app).reopen_tickets is False


def test_nothing_changed_is_no_event(app: Flask, viewer: Browser) -> None:
    viewer.post(SAVE, on=PAGE)
    assert events(app) == []


def test_incomplete_routing_is_saved_and_pauses(app: Flask, viewer: Browser) -> None:
    viewer.post(SAVE, {"board_id": "", "low_priority_id": ""}, on=PAGE)
    assert flashed(viewer) == (
        "Saved, but routing is still incomplete; polling stays paused until every required field "
        "is set."
    )
    page = viewer.get(PAGE)
    assert (
        "Incident polling is paused until the routing configuration below is complete (board, "
        "fallback client/board, and all three severity priorities)." in page.text
    )
    assert "Missing: Security board, Low severity →." in page.text
    hints = [words_of(hint) for hint in page.all("p", class_="form-hint")]
    assert hints.count("Required before anything is polled.") == 2
    assert page.one("button", id="connection-1-poll").get("disabled") is not None
    assert "Last poll failed" not in page.text


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("poll_interval_minutes", "0", "Enter a whole number from 1 to 60."),
        ("poll_interval_minutes", "61", "Enter a whole number from 1 to 60."),
        ("poll_interval_minutes", "", "Enter a whole number from 1 to 60."),
        ("poll_interval_minutes", "5.5", "Enter a whole number from 1 to 60."),
        ("poll_interval_minutes", "-5", "Enter a whole number from 1 to 60."),
        ("poll_interval_minutes", "five", "Enter a whole number from 1 to 60."),
        ("poll_interval_minutes", "٥", "Enter a whole number from 1 to 60."),
        ("backfill_days", "31", "Enter a whole number from 1 to 30."),
        ("backfill_days", "9" * 400, "Enter a whole number from 1 to 30."),
    ],
)
def test_numbers_out_of_range_are_refused_at_their_field(
    app: Flask, viewer: Browser, name: str, typed: str, words: str
) -> None:
    page = refused(viewer, {name: typed, "board_id": 3})
    assert error_at(page, name) == words
    assert (page.one("input", id=name).get("value") or "") == typed
    assert chosen(page, "board_id") == "Service Desk"
    assert stored(app).board_id == 1
    assert events(app) == []


def test_several_mistakes_are_all_said(viewer: Browser) -> None:
    page = refused(viewer, {"poll_interval_minutes": "0", "backfill_days": "99"})
    summary = page.one("div", class_="error-summary")
    assert [words_of(link) for link in summary.iter("a")] == [
        "Poll interval (minutes): Enter a whole number from 1 to 60.",
        "Backfill (days): Enter a whole number from 1 to 30.",
    ]
    assert summary.get("autofocus") is not None


def test_closing_needs_a_closed_status(app: Flask, viewer: Browser) -> None:
    page = refused(viewer, {"auto_close_tickets": "y", "closed_status_id": ""})
    assert error_at(page, "closed_status_id") == "Choose the status that closed tickets get."
    assert page.one("input", id="auto_close_tickets").get("checked") is not None
    assert stored(app).auto_close_tickets is False


def test_only_closed_statuses_are_offered(viewer: Browser) -> None:
    options = [words_of(one) for one in viewer.get(PAGE).one("select", id="closed_status_id")]
    assert options == ["Not chosen", "Closed"]
    page = refused(viewer, {"closed_status_id": 1})
    assert error_at(page, "closed_status_id") == "Open is not a closed status."


@pytest.mark.parametrize("value", ["99", "2147483648", "-1", "x", "1; DROP TABLE boards"])
def test_a_choice_that_does_not_exist(viewer: Browser, value: str) -> None:
    page = refused(viewer, {"board_id": value})
    assert error_at(page, "board_id") == "This choice does not exist any more."


def test_categories_stand_under_their_board(viewer: Browser, categories: dict[str, int]) -> None:
    page = viewer.get(PAGE)
    lists = {}
    for name in ("category_id", "subcategory_id"):
        groups = page.one("select", id=name).iter("optgroup")
        lists[name] = {
            group.get("label"): [(words_of(one), one.get("data-above")) for one in group]
            for group in groups
        }
    assert lists == {
        "category_id": {
            "Security": [("Malware", "1"), ("Phishing", "1")],
            "Service Desk": [("Hardware", "3")],
        },
        "subcategory_id": {
            "Malware": [("Trojan", str(categories["Malware"]))],
            "Phishing": [("Invoice", str(categories["Phishing"]))],
        },
    }


def test_without_script_a_foreign_category_is_refused_at_its_field(
    app: Flask, viewer: Browser, categories: dict[str, int]
) -> None:
    page = refused(viewer, {"category_id": categories["Hardware"]})
    message = "Hardware is not a category of the security board."
    assert error_at(page, "category_id") == message
    assert chosen(page, "category_id") == "Hardware"
    data = {"category_id": categories["Malware"], "subcategory_id": categories["Invoice"]}
    page = refused(viewer, data)
    message = "Invoice is not a subcategory of that category."
    assert error_at(page, "subcategory_id") == message
    assert stored(app).category_id is None


def test_another_board_clears_the_category_that_was_left_as_it_was(
    app: Flask, viewer: Browser, categories: dict[str, int]
) -> None:
    set_connection(app, category_id=categories["Malware"], subcategory_id=categories["Trojan"])
    viewer.post(SAVE, {"board_id": 3}, on=PAGE)
    connection = stored(app)
    assert (connection.board_id, connection.category_id, connection.subcategory_id) == (
        3,
        None,
        None,
    )
    assert "The category was cleared" in flashed(viewer)


def test_another_board_together_with_a_category_of_its_own(
    app: Flask, viewer: Browser, categories: dict[str, int]
) -> None:
    set_connection(app, category_id=categories["Malware"])
    viewer.post(SAVE, {"board_id": 3, "category_id": categories["Hardware"]}, on=PAGE)
    assert (stored(app).board_id, stored(app).category_id) == (3, categories["Hardware"])


def test_a_board_that_was_deactivated_stays_selected_and_marked(
    app: Flask, viewer: Browser, categories: dict[str, int]
) -> None:
    set_connection(app, category_id=categories["Malware"])
    with app.app_context():
        change(Board, 1, is_active=False)
    page = viewer.get(PAGE)
    assert chosen(page, "board_id") == "Security (deactivated)"
    assert chosen(page, "category_id") == "Malware"
    assert "Security was deactivated; choose another." in page.text
    viewer.post(SAVE, {"poll_interval_minutes": "7"}, on=PAGE)
    assert (stored(app).board_id, stored(app).poll_interval_minutes) == (1, 7)


def test_a_board_deactivated_since_the_form_was_loaded(app: Flask, viewer: Browser) -> None:
    fields = viewer.get(PAGE).form(SAVE)
    with app.app_context():
        change(Board, 3, is_active=False)
    response = viewer.client.post(SAVE, data={**fields, "board_id": "3"})
    page = viewer.page_of(response, status=400)
    message = "Service Desk is not active any more; choose another."
    assert error_at(page, "board_id") == message


def test_only_active_clients_are_offered(app: Flask, viewer: Browser) -> None:
    with app.app_context():
        add(Client(name="Zeta"))
        add(Client(name="Gone", is_active=False))
    options = [words_of(one) for one in viewer.get(PAGE).one("select", id="fallback_client_id")]
    assert options == ["Not chosen", "Internal (unmapped security)", "Zeta"]


def save_elsewhere(app: Flask, **changes: object) -> None:
    """Somebody else saves other settings."""
    with app.app_context():
        save_routing(1, changes, actor_id=1)


def test_what_somebody_else_saved_is_not_overwritten(app: Flask, viewer: Browser) -> None:
    fields = viewer.get(PAGE).form(SAVE)
    save_elsewhere(app, board_id=3, poll_interval_minutes=15)
    mine = {**fields, "board_id": "2", "backfill_days": "3"}
    page = viewer.page_of(viewer.client.post(SAVE, data=mine), status=409)
    assert "Somebody else changed the routing meanwhile, so nothing was saved." in page.text
    assert error_at(page, "board_id") == (
        "Somebody else chose “Service Desk” meanwhile; you chose “Security Triage”. Saving again "
        "keeps yours."
    )
    assert error_at(page, "poll_interval_minutes") == "Changed meanwhile from 5 to 15."
    assert chosen(page, "board_id") == "Security Triage"
    assert chosen(page, "poll_interval_minutes") == "15"
    assert chosen(page, "backfill_days") == "3"
    assert (stored(app).board_id, stored(app).backfill_days) == (3, 7)
    again = viewer.client.post(SAVE, data=page.form(SAVE))
    assert again.status_code == 303
    connection = stored(app)
    assert (connection.board_id, connection.poll_interval_minutes) == (2, 15)
    assert connection.backfill_days == 3


def test_switches_changed_meanwhile(app: Flask, viewer: Browser) -> None:
    fields = viewer.get(PAGE).form(SAVE)
    save_elsewhere(app, reopen_tickets=False, category_id=None)
    page = viewer.page_of(viewer.client.post(SAVE, data=fields), status=409)
    assert words_of(page.one("p", id="reopen_tickets-error")) == (
        "Changed meanwhile from on to off."
    )
    assert page.one("input", id="reopen_tickets").get("checked") is None
    assert stored(app).reopen_tickets is False


def test_the_same_form_sent_twice_is_no_conflict(
    app: Flask, viewer: Browser, categories: dict[str, int]
) -> None:
    set_connection(app, category_id=categories["Malware"])
    fields = {**viewer.get(PAGE).form(SAVE), "board_id": "3", "backfill_days": "2"}
    for _ in range(2):
        assert viewer.client.post(SAVE, data=fields).status_code == 303
    assert len(events(app)) == 1


def test_both_chose_the_same(app: Flask, viewer: Browser) -> None:
    fields = viewer.get(PAGE).form(SAVE)
    save_elsewhere(app, board_id=3)
    response = viewer.client.post(SAVE, data={**fields, "board_id": "3"})
    assert response.status_code == 303


def test_a_refused_form_still_knows_what_it_was_loaded_with(app: Flask, viewer: Browser) -> None:
    """Else the refusal would hide that somebody else saved meanwhile."""
    fields = viewer.get(PAGE).form(SAVE)
    save_elsewhere(app, board_id=3)
    bad = {**fields, "board_id": "3", "poll_interval_minutes": "0"}
    page = viewer.page_of(viewer.client.post(SAVE, data=bad), status=400)
    assert json.loads(page.form(SAVE)["loaded"])["board_id"] == 1


@pytest.mark.parametrize(
    "loaded", ["", "[]", "{}", "null", "{", '{"board_id": 1}', "NaN", "[" * 2_000]
)
def test_a_form_without_what_it_was_loaded_with(viewer: Browser, loaded: str) -> None:
    refused(viewer, {"loaded": loaded})


def test_loaded_values_must_be_plain(viewer: Browser) -> None:
    values = {**dict.fromkeys(ROUTING_FIELDS), "board_id": {"a": 1}}
    refused(viewer, {"loaded": json.dumps(values)})


def test_a_connection_that_is_gone(viewer: Browser) -> None:
    fields = viewer.get(PAGE).form(SAVE)
    response = viewer.client.post("/integrations/huntress/9/routing", data=fields)
    viewer.page_of(response, status=404)


def test_an_expired_session_loses_nothing(viewer: Browser) -> None:
    fields = viewer.get(PAGE).form(SAVE)
    viewer.client.delete_cookie("triagedesk_login")
    headers = {"Sec-Fetch-Site": "same-origin"}
    response = viewer.client.post(SAVE, data={**fields, "board_id": "3"}, headers=headers)
    assert response.status_code == 401
    assert "Sign in in a new tab" in response.text
    assert 'name="board_id" value="3"' in response.text
    assert 'name="loaded"' in response.text


def test_a_stale_token_loses_nothing(app: Flask, viewer: Browser) -> None:
    fields = {**viewer.get(PAGE).form(SAVE), "csrf_token": "old", "board_id": "3"}
    headers = {"Sec-Fetch-Site": "same-origin"}
    page = viewer.page_of(viewer.client.post(SAVE, data=fields, headers=headers), status=400)
    assert stored(app).board_id == 1
    assert viewer.client.post(SAVE, data=page.form(SAVE)).status_code == 303
    assert stored(app).board_id == 3


def test_a_paused_or_new_connection_is_told_so(
    app: Flask, viewer: Browser, fake_clock: FakeClock
) -> None:
    set_connection(app, paused_at=fake_clock.now())
    viewer.post(SAVE, {"backfill_days": "2"}, on=PAGE)
    assert flashed(viewer) == "Routing configuration saved — incident polling is paused."
    set_connection(app, paused_at=None, polling_started_at=None)
    viewer.post(SAVE, {"backfill_days": "3"}, on=PAGE)
    assert "start polling when you are ready" in flashed(viewer)


def test_the_only_closed_status_is_chosen_already(app: Flask, viewer: Browser) -> None:
    assert chosen(viewer.get(PAGE), "closed_status_id") == "Closed"
    assert stored(app).closed_status_id is None
    with app.app_context():
        add_status("Solved", is_closed=True)
    assert chosen(viewer.get(PAGE), "closed_status_id") in ("", "Not chosen")


def test_the_only_client_is_chosen_as_the_fallback_already(app: Flask, viewer: Browser) -> None:
    set_connection(app, fallback_client_id=None)
    assert chosen(viewer.get(PAGE), "fallback_client_id") == "Internal (unmapped security)"
    assert stored(app).fallback_client_id is None, "it is stored when somebody saves it"
    viewer.post(SAVE, {}, on=PAGE)
    assert stored(app).fallback_client_id is not None
    set_connection(app, fallback_client_id=None)
    with app.app_context():
        add(Client(name="Alder Street Dental"))
    assert chosen(viewer.get(PAGE), "fallback_client_id") in ("", "Not chosen")
