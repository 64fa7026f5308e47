"""The form of links to Huntress's portal: chosen for a connection, followed by its tickets."""

from datetime import timedelta

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import add_bulk
from tests.support.rows import all_rows, audit_actions, change
from webapp.domain.portal_link import INCIDENT_REPORTS_URL, INFECTION_REPORTS_URL
from webapp.models import Ticket, User
from webapp.services.errors import FieldError
from webapp.services.people.users import add_user
from webapp.services.polling import relink_tickets as module
from webapp.services.polling.relink_tickets import choose_portal_link, relink_waiting
from webapp.services.tickets.describe_tickets import export_tickets
from webapp.services.tickets.read_ticket import read_ticket

ID = 1_780_001
DEFAULT = f"(https://acme.huntress.io/incident_reports/{ID})"
CHOSEN = f"(https://acme.huntress.io/org/7/incident_reports/{ID})"


@pytest.fixture
def admin(app: Flask) -> User:
    return add_user(email="a@b.org", name="Ada", password="correct horse", role="admin")


@pytest.fixture
def one(desk: Desk) -> Desk:
    """A desk with one ticket of organization 7."""
    desk.account.add_incident(7, now=desk.clock.now(), id=ID)
    desk.poll()
    assert DEFAULT in desk.ticket(ID).description
    return desk


def choose(desk: Desk, admin: User, template: str | None = INCIDENT_REPORTS_URL) -> bool:
    return choose_portal_link(desk.connection_id, template, actor_id=admin.id)


@both_databases
def test_tickets_follow_the_choice(one: Desk, admin: User) -> None:
    updated = one.ticket(ID).updated_at
    assert choose(one, admin)
    ticket = one.ticket(ID)
    assert CHOSEN in ticket.description
    assert DEFAULT not in ticket.description
    assert ticket.updated_at == updated
    assert f"({read_ticket(ticket.id).portal_url})" == CHOSEN
    [exported] = export_tickets()
    assert f"({exported['portal_url']})" == CHOSEN
    assert audit_actions()[-1] == "portal_link.chosen"
    one.account.add_incident(7, now=one.clock.now(), id=2)
    one.account.add_incident(now=one.clock.now(), id=3)
    one.poll()
    assert "/org/7/incident_reports/2)" in one.ticket(2).description
    assert ".io/incident_reports/3)" in one.ticket(3).description, "of no organization"
    assert choose(one, admin), "again"
    assert audit_actions().count("portal_link.chosen") == 1
    assert choose(one, admin, None)
    assert DEFAULT in one.ticket(ID).description


def test_what_a_person_wrote_stays_but_the_page_has_the_new_link(one: Desk, admin: User) -> None:
    ticket = one.ticket(ID)
    change(Ticket, ticket.id, text_edited_by_person_at=one.clock.now())
    choose(one, admin)
    assert DEFAULT in one.ticket(ID).description
    assert f"({read_ticket(ticket.id).portal_url})" == CHOSEN


def test_nothing_is_rewritten_while_a_poll_runs_but_at_the_end_of_the_next(
    one: Desk, admin: User
) -> None:
    one.set(lease_token="t", lease_expires_at=one.clock.now() + timedelta(seconds=60))
    assert not choose(one, admin)
    assert DEFAULT in one.ticket(ID).description
    assert one.poll().is_success
    assert CHOSEN in one.ticket(ID).description
    assert one.connection().relink_after_id is None


def test_it_goes_on_where_it_stopped(
    desk: Desk, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    add_bulk(desk.account, 5, desk.clock.now(), organization_id=7)
    desk.poll()
    with monkeypatch.context() as patch:
        patch.setattr(module.relink_tickets, "__kwdefaults__", {"seconds": 0.0})
        assert not choose(desk, admin)
        ids = [ticket.id for ticket in all_rows(Ticket)]
        assert desk.connection().relink_after_id == ids[1]
        relink_waiting()
        assert desk.connection().relink_after_id == ids[3]
    assert desk.poll().is_success
    assert all("/org/7/" in ticket.description for ticket in all_rows(Ticket))
    relink_waiting()
    assert desk.connection().relink_after_id is None
    assert choose(desk, admin, None), "in the time that a person waits"
    assert not any("/org/7/" in ticket.description for ticket in all_rows(Ticket))


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("http://{subdomain}.huntress.io/{incident_id}", "Begin with https://"),
        ("https:///{incident_id}", "Begin with https://"),
        ("https://me@huntress.io/{incident_id}", "Begin with https://"),
        ("https://{subdomain}.huntress.io/", "Put {incident_id}"),
        ("https://x.example/{incident_id}/{host}", "can be written in braces"),
        ("https://x.example/ {incident_id}", "Leave out spaces"),
        ("https://x.example/{incident_id})", "Leave out spaces"),
        ("https://{incident_id}.example/", "only {subdomain}"),
        (f"https://x.example/{{incident_id}}{'x' * 500}", "at most 500"),
        ("", "Put {incident_id}"),
    ],
)
def test_an_own_form_is_checked(desk: Desk, admin: User, template: str, words: str) -> None:
    with pytest.raises(FieldError) as refusal:
        choose(desk, admin, template)
    assert words in refusal.value.fields["template"]
    assert desk.connection().portal_template is None


def test_an_own_form(one: Desk, admin: User) -> None:
    choose(one, admin, " https://portal.example/{subdomain}?id={incident_id} ")
    assert f"(https://portal.example/acme?id={ID})" in one.ticket(ID).description
    choose(one, admin, INFECTION_REPORTS_URL)
    assert f"/org/7/infection_reports/{ID})" in one.ticket(ID).description
