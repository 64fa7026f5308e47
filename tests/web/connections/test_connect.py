"""Connecting an account, its page, its credentials, and letting go of it."""

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, add_run
from tests.support.fake_clock import FakeClock
from tests.support.polling import report
from tests.support.rows import all_rows, audit_actions, audit_events, change, fresh
from tests.web.pages import Browser, Page, words_of
from webapp import clock
from webapp.huntress.errors import ErrorKind, HuntressError
from webapp.huntress.simulator import Simulator
from webapp.huntress.simulator.faults import Faults
from webapp.models import (
    Board,
    Client,
    Connection,
    OrganizationMapping,
    Priority,
)
from webapp.services.connections.connect_account import disconnect_account
from webapp.services.notices.offer_policies import decline_offer
from webapp.services.transactions import transaction

SignIn = Callable[[tuple[str, str]], Browser]
CONNECT = "/integrations/huntress/connect"
PAGE = "/integrations/huntress/1"
SECRET = "hs_very_secret"


@pytest.fixture
def viewer(people: tuple[int, int], sign_in: SignIn) -> Browser:
    return sign_in(ADMIN)


@pytest.fixture
def stored(app: Flask) -> Callable[[], list[Connection]]:
    def _stored() -> list[Connection]:
        with app.app_context():
            return all_rows(Connection)

    return _stored


def fill_in(huntress: Simulator, **changes: str) -> dict[str, str]:
    values = {"api_key": "hk_demo", "api_secret": "hs_demo", "name": ""}
    return {**values, "base_url": huntress.base_url, **changes}


def refused(browser: Browser, data: dict[str, str]) -> Page:
    return browser.page_of(browser.post_own(CONNECT, data), status=400)


def set_connection(app: Flask, **values: object) -> None:
    with app.app_context():
        change(Connection, 1, **values)


def flashed(browser: Browser, path: str = PAGE) -> str:
    return words_of(browser.get(path).one("div", class_="flashes"))


def test_connecting(
    app: Flask, viewer: Browser, huntress: Simulator, stored: Callable[[], list[Connection]]
) -> None:
    huntress.account.add_organization("Globex")
    response = viewer.post_own(CONNECT, fill_in(huntress, api_key=" hk_demo\n"))
    assert (response.status_code, response.location) == (303, PAGE)
    [connection] = stored()
    assert (connection.account_name, connection.api_key) == ("Acme MSP", "hk_demo")
    assert flashed(viewer) == (
        'Connected to Huntress account "Acme MSP". Complete the routing configuration below to '
        "start ticket creation."
    )
    with app.app_context():
        [event] = audit_events()
    assert (event.action, event.actor_id) == ("connection.created", 1)


def test_the_same_form_sent_twice_is_one_connection(
    viewer: Browser, huntress: Simulator, stored: Callable[[], list[Connection]]
) -> None:
    for _ in range(2):
        assert viewer.post_own(CONNECT, fill_in(huntress)).location == PAGE
    assert len(stored()) == 1


def test_several_accounts(
    viewer: Browser, huntress: Simulator, stored: Callable[[], list[Connection]]
) -> None:
    viewer.post_own(CONNECT, fill_in(huntress, name="First"))
    huntress.account.account.update(id=2, name="Other MSP")
    response = viewer.post_own(CONNECT, fill_in(huntress, name="Second"))
    assert response.location == "/integrations/huntress/2"
    assert [one.name for one in stored()] == ["First", "Second"]


@pytest.mark.parametrize(
    ("faults", "cause", "remedy"),
    [
        (None, "the API key or the secret is wrong", "Create a new API key"),
        (Faults(forbidden=True), "lacks permission", "use a key that may read it"),
        (Faults(next_500=99), "failing on its side", "Try again in a few minutes"),
        (Faults(cut_connection=True), "could not be reached", "Check this server's network"),
        (Faults(html_200=True), "A web page came back", "Check that the base URL"),
    ],
)
def test_a_refusal_names_cause_and_remedy_and_keeps_what_was_typed(
    viewer: Browser,
    huntress: Simulator,
    stored: Callable[[], list[Connection]],
    caplog: pytest.LogCaptureFixture,
    faults: Faults | None,
    cause: str,
    remedy: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    huntress.api_secret = SECRET
    secret = SECRET if faults else "hs_wrong_one"
    huntress.faults = faults or huntress.faults
    page = refused(viewer, fill_in(huntress, name="My account", api_secret=secret))
    alert = words_of(page.one("div", role="alert"))
    assert cause in alert
    assert remedy in alert
    assert page.one("input", id="name").get("value") == "My account"
    assert page.one("input", id="base_url").get("value") == huntress.base_url
    assert page.one("details", class_="advanced").get("open") is not None
    assert page.one("input", id="api_key").get("value") == "hk_demo"
    assert page.one("input", id="api_secret").get("value") in (None, "")
    assert "polling goes on" not in page.response.text.lower()
    assert secret not in page.response.text
    assert secret not in caplog.text
    assert stored() == []


def test_what_is_missing_is_said_at_its_field(viewer: Browser, huntress: Simulator) -> None:
    page = refused(viewer, fill_in(huntress, api_key="", api_secret=" "))
    assert words_of(page.one("p", id="api_key-error")) == "Enter the API key."
    assert words_of(page.one("p", id="api_secret-error")) == "Enter the API secret."
    links = [link.get("href") for link in page.one("div", role="alert").iter("a")]
    assert links == ["#api_key", "#api_secret"]
    assert huntress.requests == []


def test_a_host_that_is_not_allowed_is_said_at_the_base_url(
    viewer: Browser, huntress: Simulator
) -> None:
    page = refused(viewer, fill_in(huntress, base_url="https://evil.example.com"))
    message = words_of(page.one("p", id="base_url-error"))
    assert 'The host "evil.example.com" is not allowed.' in message
    assert "Leave the base URL empty to use Huntress's own." in message
    assert page.one("details", class_="advanced").get("open") is not None


def test_the_default_host_is_named_too(viewer: Browser, huntress: Simulator) -> None:
    page = refused(viewer, fill_in(huntress, base_url=""))
    message = words_of(page.one("p", id="base_url-error"))
    assert 'The host "api.huntress.io" is not allowed.' in message
    assert "Add it to TRIAGEDESK_HUNTRESS_HOSTS" in message
    assert "Leave the base URL empty" not in message


def test_the_base_url_is_advanced(viewer: Browser) -> None:
    details = viewer.get(CONNECT).one("details", class_="advanced")
    assert details.get("open") is None
    assert "Base URL" in words_of(details)


def test_the_page_leads_through_the_set_up(viewer: Browser, connected: int) -> None:
    page = viewer.get(PAGE)
    assert page.heading == "Acme MSP"
    steps = [words_of(step) for step in page.all("li", class_="setup-step")]
    assert steps[0] == "Connect (done) The account is connected."
    assert steps[1].startswith("Route needed before polling Still missing: Security board,")
    assert steps[2] == 'Map No organizations yet — click "Sync organizations".'
    assert steps[3].startswith("Start needed before polling You can start once")
    [current] = page.all("li", aria_current="step")
    assert "Route" in words_of(current)


def test_it_says_what_it_does_not_carry(viewer: Browser, connected: int) -> None:
    text = viewer.get(PAGE).text
    assert "keep Huntress’s emails on for escalations" in text
    assert "Signals are not collected" in text
    assert "Nothing is written to Huntress" in text


def test_the_set_up_is_gone_once_nothing_holds_up_polling(
    app: Flask, viewer: Browser, connected: int, fake_clock: FakeClock
) -> None:
    routing = {"board_id": 1, "fallback_board_id": 2, "fallback_client_id": 1}
    set_connection(app, **routing, polling_started_at=fake_clock.now())
    tell = viewer.get(PAGE).all("li", class_="setup-step")[4]
    assert "Choose who is told when something happens" in words_of(tell)
    assert tell.findall(".//a[@href='/notifications/offer']")
    with app.app_context():
        decline_offer()
    assert not viewer.get(PAGE).all("li", class_="setup-step")
    set_connection(app, paused_at=fake_clock.now())
    assert viewer.get(PAGE).all("li", class_="setup-step")


def test_the_status_card_keeps_itself_up_to_date_here(
    app: Flask, viewer: Browser, connected: int, fake_clock: FakeClock
) -> None:
    card = viewer.get(PAGE).one("article", id="connection-1")
    assert card.get("hx-get") == "/connections/1/status?place=connection"
    part = viewer.fragment(str(card.get("hx-get")))
    assert not part.all("a", href=PAGE)
    set_connection(app, last_error="Huntress is failing.", last_error_at=fake_clock.now())
    card = viewer.get(PAGE).one("article", id="connection-1")
    assert "Last poll failed: Huntress is failing." in words_of(card)
    assert "Connected to" not in words_of(card)


def test_polling_from_the_page_comes_back_to_it(
    app: Flask, viewer: Browser, connected: int, fake_clock: FakeClock
) -> None:
    routing = {"board_id": 1, "fallback_board_id": 2, "fallback_client_id": 1}
    set_connection(app, **routing, polling_started_at=fake_clock.now())
    action = "/connections/1/poll?place=connection"
    response = viewer.post(action, {"sweep": "yes"}, on=PAGE)
    assert response.location == f"{PAGE}#connection-1"
    page = viewer.get(PAGE)
    assert "The job queue (Redis) cannot be reached" in page.text
    assert page.one("a", class_="only-without-script").get("href") == PAGE


def test_a_running_poll_is_shown_with_its_wait(
    app: Flask, viewer: Browser, connected: int, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    set_connection(app, lease_token="e" * 32, lease_expires_at=now + timedelta(minutes=2))
    with app.app_context():
        add_run(
            1,
            now,
            lease_token="e" * 32,
            state="running",
            phase="processing",
            done=3,
            total=9,
            waiting="waiting for the API call window: 9 s left",
            finished_at=None,
        )
    card = viewer.get(PAGE).one("article", id="connection-1")
    assert "3 of 9" in words_of(card)
    assert "waiting for the API call window: 9 s left" in words_of(card)


def test_replacing_credentials(
    app: Flask, viewer: Browser, connected: int, huntress: Simulator
) -> None:
    huntress.api_key, huntress.api_secret = "hk_2", SECRET
    data = {"api_key": "hk_2", "api_secret": SECRET}
    response = viewer.post(f"{PAGE}/credentials", data, on=PAGE)
    assert response.location == PAGE
    assert flashed(viewer) == "The new credentials work and are stored."
    with app.app_context():
        assert fresh(Connection, 1).api_secret == SECRET
        assert audit_actions()[-1] == "connection.credentials_replaced"


def test_wrong_credentials_change_nothing(app: Flask, viewer: Browser, connected: int) -> None:
    data = {"api_key": "hk_demo", "api_secret": SECRET}
    response = viewer.post(f"{PAGE}/credentials", data, on=PAGE)
    page = viewer.page_of(response, status=400)
    assert "key or the secret is wrong" in words_of(page.one("div", role="alert"))
    assert SECRET not in response.text
    with app.app_context():
        assert fresh(Connection, 1).api_secret == "hs_demo"


def test_credentials_that_are_missing_are_said_at_their_field(
    viewer: Browser, connected: int
) -> None:
    page = viewer.page_of(viewer.post(f"{PAGE}/credentials", {}, on=PAGE), status=400)
    assert words_of(page.one("p", id="api_key-error")) == "Enter the API key."
    account = page.one("section", id="account")
    assert next(account.iter("details")).get("open") is not None
    assert page.one("select", id="critical_priority_id").get("aria-invalid") is None


def test_credentials_of_another_account_are_offered_a_second_connection(
    app: Flask, viewer: Browser, connected: int, huntress: Simulator
) -> None:
    huntress.account.account.update(id=2, name="Other MSP")
    data = {"api_key": "hk_demo", "api_secret": "hs_demo"}
    page = viewer.page_of(viewer.post(f"{PAGE}/credentials", data, on=PAGE), status=400)
    assert 'belong to another Huntress account ("Other MSP")' in page.text
    page.one("a", href=CONNECT)
    with app.app_context():
        assert fresh(Connection, 1).account_name == "Acme MSP"


def test_pausing_and_resuming(
    app: Flask, viewer: Browser, connected: int, fake_clock: FakeClock
) -> None:
    assert not viewer.get(PAGE).all("form", action=f"{PAGE}/pause")
    routing = {"board_id": 1, "fallback_board_id": 2, "fallback_client_id": 1}
    set_connection(app, **routing, polling_started_at=fake_clock.now())
    page = viewer.page_of(viewer.post(f"{PAGE}/pause", {"end": "hour"}, on=PAGE), status=400)
    assert words_of(page.one("p", id="reason-error")) == "Say why polling is paused."
    with app.app_context():
        assert fresh(Connection, 1).paused_at is None
    data = {"reason": "Firewall work", "end": "hour"}
    assert viewer.post(f"{PAGE}/pause", data, on=PAGE).location == PAGE
    assert "Polling is paused" in flashed(viewer)
    with app.app_context():
        paused = fresh(Connection, 1)
    assert (paused.pause_reason, paused.paused_by_id) == ("Firewall work", 1)
    assert paused.paused_until == fake_clock.now() + timedelta(hours=1)
    page = viewer.get(PAGE)
    assert "Firewall work" in words_of(page.one("section", id="account"))
    card = page.one("article", id="connection-1")
    assert [form.get("action") for form in card.iter("form")][-1] == f"{PAGE}/resume"
    viewer.send(f"{PAGE}/pause", data)
    assert viewer.post(f"{PAGE}/resume", on=PAGE).location == PAGE
    with app.app_context():
        assert fresh(Connection, 1).paused_at is None
        assert audit_actions()[-2:] == ["polling.paused", "polling.resumed"]


def test_disconnecting_asks_first_and_keeps_everything(
    app: Flask, viewer: Browser, connected: int
) -> None:
    page = viewer.get(f"{PAGE}/disconnect")
    assert "Disconnect Huntress? Existing tickets and mappings are kept." in page.text
    with app.app_context():
        assert fresh(Connection, 1).api_key == "hk_demo"
    assert viewer.post_own(f"{PAGE}/disconnect", {}).location == PAGE
    page = viewer.get(PAGE)
    assert "Tickets and mappings are kept." in page.text
    assert "Disconnected" in words_of(page.one("article", id="connection-1"))
    with app.app_context():
        gone = fresh(Connection, 1)
        assert (gone.api_key, gone.disconnected_by_id) == (None, 1)
        assert audit_actions()[-1] == "connection.disconnected"
    assert viewer.post(f"{PAGE}/acknowledge", on=PAGE).location == PAGE
    assert "stays disconnected" in flashed(viewer)
    assert not viewer.get(PAGE).all("form", action=f"{PAGE}/acknowledge")
    with app.app_context():
        assert fresh(Connection, 1).disconnect_acknowledged_by_id == 1
        assert audit_actions()[-1] == "connection.disconnect_acknowledged"


def test_a_connection_that_was_disconnected_in_another_tab(
    app: Flask, viewer: Browser, connected: int, huntress: Simulator
) -> None:
    with app.app_context():
        disconnect_account(1)
    assert "is disconnected already" in viewer.get(f"{PAGE}/disconnect").text
    assert viewer.send(f"{PAGE}/disconnect", {}).location == PAGE
    viewer.get(PAGE)
    viewer.send(f"{PAGE}/sync-organizations", {})
    assert "Missing Huntress API credentials" in flashed(viewer)
    viewer.send(f"{PAGE}/start", {})
    assert "is disconnected; connect the account again first" in flashed(viewer)
    page = viewer.get(f"{PAGE}/preview")
    assert "Connect the account again" in page.text
    response = viewer.send(f"{PAGE}/preview", {})
    assert "is disconnected" in viewer.page_of(response).text
    data = {"api_key": "hk_demo", "api_secret": "hs_demo"}
    assert viewer.post(f"{PAGE}/credentials", data, on=PAGE).location == PAGE
    with app.app_context():
        assert fresh(Connection, 1).disconnected_at is None


def test_a_connection_that_is_gone(viewer: Browser) -> None:
    for path in (PAGE, f"{PAGE}/preview", f"{PAGE}/disconnect"):
        viewer.get(path, status=404)
    for action in ("pause", "resume", "disconnect", "sync-organizations", "preview", "start"):
        viewer.page_of(viewer.send(f"{PAGE}/{action}", {}), status=404)
    data = {"api_key": "k", "api_secret": "s"}
    viewer.page_of(viewer.send(f"{PAGE}/credentials", data), status=404)


def test_synchronizing_organizations_says_what_it_did(
    app: Flask, viewer: Browser, connected: int, huntress: Simulator
) -> None:
    assert 'No organizations yet — click "Sync organizations".' in viewer.get(PAGE).text
    with app.app_context(), transaction() as session:
        session.add_all([Client(name=name) for name in ("Globex", "Twin", "TWIN")])
    for name in ("Globex", "Twin", "Hooli"):
        huntress.account.add_organization(name)
    assert viewer.post(f"{PAGE}/sync-organizations", on=PAGE).location == PAGE
    page = viewer.get(PAGE)
    assert (
        "Synchronized 3 organizations: 3 new, 0 updated, 1 auto-matched, 1 ambiguous, 0 gone from "
        "Huntress."
    ) in page.text
    assert "3 organizations, 2 unmapped." in page.text
    with app.app_context():
        event = audit_events()[-1]
        assert len(all_rows(OrganizationMapping)) == 3
    assert (event.action, event.actor_id) == ("organizations.synced", 1)
    assert event.after is not None
    assert event.after["created"] == 3


def test_a_failing_synchronization_says_why(
    app: Flask, viewer: Browser, connected: int, huntress: Simulator
) -> None:
    huntress.faults = Faults(next_500=99)
    viewer.post(f"{PAGE}/sync-organizations", on=PAGE)
    words = flashed(viewer)
    assert "Nothing was synchronized. Huntress is failing on its side" in words
    assert "Try again in a few minutes." in words
    with app.app_context():
        assert audit_actions() == ["connection.created"]


def test_credentials_are_not_needed_to_show_the_page(
    app: Flask, viewer: Browser, connected: int
) -> None:
    """A key that was lost must not take away the ways back."""
    lose = "UPDATE connections SET api_key = 'not encrypted'"
    with app.app_context(), transaction() as session:
        session.connection().exec_driver_sql(lose)
    assert "Replace credentials" in viewer.get(PAGE).text
    assert "can't be read" in viewer.get(f"{PAGE}/organizations").text
    viewer.send(f"{PAGE}/sync-organizations", {})
    assert "Credentials can't be read: enter them again" in flashed(viewer)
    data = {"api_key": "hk_demo", "api_secret": "hs_demo"}
    assert viewer.post(f"{PAGE}/credentials", data, on=PAGE).location == PAGE
    with app.app_context(), transaction() as session:
        assert session.get_one(Connection, 1).api_key == "hk_demo"
        session.connection().exec_driver_sql(lose)
    assert viewer.send(f"{PAGE}/disconnect", {}).location == PAGE
    assert viewer.post(f"{PAGE}/credentials", data, on=PAGE).location == PAGE
    with app.app_context():
        assert fresh(Connection, 1).disconnected_at is None


def test_a_key_that_was_revoked_is_replaced_from_the_error(
    app: Flask, viewer: Browser, connected: int, fake_clock: FakeClock
) -> None:
    error = HuntressError(ErrorKind.UNAUTHORIZED).sentence
    set_connection(app, last_error=error, last_error_at=fake_clock.now())
    card = viewer.get("/").one("article", id="connection-1")
    [link] = [one for one in card.iter("a") if words_of(one) == "Replace credentials"]
    assert link.get("href") == f"{PAGE}#api_key"
    details = next(viewer.get(PAGE).one("section", id="account").iter("details"))
    assert details.get("open") is not None


def test_a_worker_that_is_missing_is_told_once_polling_is_started(
    app: Flask, viewer: Browser, connected: int, fake_clock: FakeClock
) -> None:
    words = "The job queue (Redis) cannot be reached."
    assert words not in viewer.get(PAGE).text
    routing = {"board_id": 1, "fallback_board_id": 2, "fallback_client_id": 1}
    set_connection(app, polling_started_at=fake_clock.now(), **routing)
    assert words in viewer.get(PAGE).text


@pytest.mark.parametrize("text", ['"><img src=x onerror=alert(1)>', "</script><script>x</script>"])
def test_what_others_wrote_is_text(
    app: Flask, viewer: Browser, connected: int, huntress: Simulator, text: str
) -> None:
    huntress.account.add_organization(text, id=7)
    huntress.account.incident_rows[1] = report(1, clock.utcnow(), organization_id=7)
    routing = {"board_id": 1, "fallback_board_id": 2, "fallback_client_id": 1}
    set_connection(app, **routing, name=text, account_name=text)
    with app.app_context():
        for model in (Board, Client, Priority):
            change(model, 1, name=text)
    viewer.send(f"{PAGE}/sync-organizations", {})
    pages = [viewer.get(path) for path in ("/integrations", PAGE, f"{PAGE}/disconnect")]
    pages.append(viewer.page_of(viewer.post(f"{PAGE}/preview", on=f"{PAGE}/preview")))
    for page in pages:
        assert text in page.text
        assert not page.all("img")
        assert all(script.get("src") for script in page.all("script"))
