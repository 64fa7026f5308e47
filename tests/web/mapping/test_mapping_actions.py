"""Syncing, moving tickets, making tickets of recorded incidents: pressed on the mapping page."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK
from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk, simulated_desk
from tests.support.polling import set_faults
from tests.support.rows import add, all_rows, audit_actions, change
from tests.web.pages import Browser
from webapp.huntress.simulator import SimulatedAccount
from webapp.models import AuditEvent, Client, Ticket
from webapp.services.mapping.map_organizations import set_mapping

ACME = 7


@pytest.fixture
def polled(app: Flask, people: tuple[int, int], fake_clock: FakeClock) -> Iterator[Desk]:
    """A desk over a simulated account: one ticket on triage, one incident from before backfill."""
    account = SimulatedAccount(now=fake_clock.now())
    with app.app_context(), simulated_desk(app, fake_clock, account) as desk:
        account.add_organization("Acme", id=ACME)
        account.add_incident(ACME, now=fake_clock.now(), id=1, subject="Old")
        account.add_incident(ACME, now=fake_clock.advance(days=20), id=2, subject="New")
        desk.poll(sweep=True)
        yield desk


@pytest.fixture
def admin(polled: Desk, sign_in: Callable[[tuple[str, str]], Browser]) -> Browser:
    """An admin on it."""
    return sign_in(ADMIN)


PATH = "/integrations/huntress/1/organizations"


def press(browser: Browser, action: str):
    """Press the button of a form of the page."""
    return browser.post(f"{PATH}/{action}", on=PATH)


def test_the_offer_stands_where_an_admin_looks_until_it_is_done_or_declined(
    app: Flask, polled: Desk, admin: Browser
) -> None:
    """In the message, on overview, dashboard, the client's page; "Not now" leads back there."""
    client_id = polled.add_client("Acme Ltd")
    admin.post(f"{PATH}/save", {f"client-{ACME}": "Acme Ltd"}, on=PATH)
    assert "1 change saved. 1 open ticket can move off triage now." in admin.get(PATH).text
    places = ["/", "/integrations/huntress/1", f"/clients/{client_id}"]
    offer = "1 open ticket is still on triage although its organization has a client now."
    assert all(offer in admin.get(place).text for place in places)
    for place in places:
        fields = admin.get(place).form(f"{PATH}/move-tickets")
        assert admin.send(f"{PATH}/move-tickets/decline", fields).location == place
        assert "They stay on triage." in admin.get(place).text
        with app.app_context():
            change(Ticket, polled.ticket(2).id, is_move_declined=False)
    press(admin, "move-tickets")
    assert all(offer not in admin.get(place).text for place in places)


def test_who_cannot_map_is_not_asked(
    polled: Desk, sign_in: Callable[[tuple[str, str]], Browser]
) -> None:
    set_mapping(1, str(ACME), client_id=polled.add_client("Acme Ltd"))
    assert "still on triage" not in sign_in(HELPDESK).get("/").text


def test_what_was_declined_can_still_be_moved(polled: Desk, admin: Browser) -> None:
    set_mapping(1, str(ACME), client_id=polled.add_client("Acme Ltd"))
    admin.send(f"{PATH}/move-tickets/decline", {})
    assert "still on triage" not in admin.get(PATH).text
    assert "still on triage" not in admin.get("/").text
    press(admin, "move-tickets")
    assert "1 open ticket moved to its client." in admin.get(PATH).text


def test_a_sync_says_what_it_did(app: Flask, polled: Desk, admin: Browser) -> None:
    polled.account.add_organization("Globex", id=8)
    polled.account.add_organization("Initech", id=9)
    polled.account.remove_organization(ACME)
    add(Client(name="globex"))
    assert press(admin, "sync").location == PATH
    assert (
        "Synchronized 2 organizations: 2 new, 0 updated, 1 auto-matched, 0 ambiguous, "
        "1 gone from Huntress." in admin.get(PATH).text
    )
    [event] = all_rows(AuditEvent, AuditEvent.action == "organizations.synced")
    assert (event.actor_id, event.after["created"]) == (1, 2)


def test_a_sync_that_fails_says_why(polled: Desk, admin: Browser) -> None:
    set_faults(polled, forbidden=True)
    press(admin, "sync")
    assert "Nothing was synchronized. The Huntress API key lacks" in admin.get(PATH).text
    assert "organizations.synced" not in audit_actions()


def test_moving_tickets_is_offered_once_there_is_a_client(
    app: Flask, polled: Desk, admin: Browser
) -> None:
    assert "Move 1 open ticket" not in admin.get(PATH).text
    client_id = polled.add_client("Acme Ltd")
    set_mapping(1, str(ACME), client_id=client_id)
    assert "1 open ticket is still on triage" in admin.get(PATH).text
    press(admin, "move-tickets")
    page = admin.get(PATH)
    assert "1 open ticket moved to its client." in page.text
    assert "Move 1 open ticket" not in page.text
    assert polled.ticket(2).client_id == client_id
    response = admin.send(f"{PATH}/move-tickets", {})
    assert response.status_code == 303
    assert "There is no ticket to move any more." in admin.get(PATH).text


def test_tickets_for_recorded_incidents(app: Flask, polled: Desk, admin: Browser) -> None:
    assert "Create tickets for 1 open recorded incident" in admin.get(PATH).text
    press(admin, "create-tickets")
    page = admin.get(PATH)
    assert "1 ticket created." in page.text
    assert "open recorded incident" not in page.text
    assert polled.ticket(1) is not None
    admin.send(f"{PATH}/create-tickets", {})
    assert "no open incident without a ticket any more" in admin.get(PATH).text
    assert len(all_rows(Ticket)) == 2


def test_incidents_of_an_organization_included_again(polled: Desk, admin: Browser) -> None:
    set_mapping(1, str(ACME), tickets=False)
    assert "open recorded incident" not in admin.get(PATH).text
    polled.clock.advance(seconds=1)
    set_mapping(1, str(ACME), tickets=True)
    press(admin, "create-tickets")
    words = "1 ticket comes with the next poll: the reports were not kept"
    assert words in admin.get(PATH).text
    polled.poll()
    assert polled.ticket(1) is not None


def test_incomplete_routing_and_missing_credentials_are_said(polled: Desk, admin: Browser) -> None:
    set_mapping(1, str(ACME), client_id=polled.add_client("Acme Ltd"))
    polled.set(fallback_board_id=None)
    for action in ("move-tickets", "create-tickets"):
        admin.send(f"{PATH}/{action}", {})
        assert "The routing configuration is incomplete" in admin.get(PATH).text
    assert "ticket.moved" not in audit_actions()


def test_a_connection_that_is_not_there(admin: Browser) -> None:
    for action in ("sync", "move-tickets", "create-tickets", "save", "bulk"):
        response = admin.send(f"{PATH.replace('/1/', '/99/')}/{action}", {})
        assert response.status_code in (303, 400, 404), action


def test_helpdesk_may_not(polled: Desk, sign_in: Callable) -> None:
    helpdesk = sign_in(HELPDESK)
    for action in ("sync", "move-tickets", "create-tickets", "save", "bulk", "import"):
        assert helpdesk.send(f"{PATH}/{action}", {}).status_code == 403
