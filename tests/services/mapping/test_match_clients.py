"""A client matches the organizations of its name as soon as it has that name."""

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.mapping_data import add_mappings
from tests.support.rows import add, all_rows, change, organization
from webapp.models import AuditEvent, Client, OrganizationMapping
from webapp.services.mapping.map_organizations import set_mapping
from webapp.services.mapping.match_clients import match_clients, matched_words

FIRST, SECOND, THIRD = (str(40_000 + n) for n in range(3))


@pytest.fixture
def admin_id(app: Flask, fake_clock: FakeClock) -> int:
    """An admin; three organizations without a client on one connection and one on another."""
    admin, _ = desk_data.add_people()
    for account in (1, 2):
        desk_data.add_connection(fake_clock.now(), name=f"Account {account}", account_id=account)
    add_mappings(1, fake_clock.now(), organizations=3, states=["unmapped"])
    add_mappings(2, fake_clock.now(), organizations=1, states=["unmapped"])
    return admin.id


@both_databases
def test_organizations_of_all_connections_are_matched_and_audited(
    app: Flask, admin_id: int
) -> None:
    client = add(Client(name="ASHFORD dental"))
    assert match_clients(actor_id=admin_id) == ["Ashford Dental", "Ashford Dental"]
    rows = [organization(1, FIRST), organization(2, FIRST)]
    assert [(row.client_id, row.is_auto_matched) for row in rows] == [(client.id, True)] * 2
    assert organization(1, SECOND).client_id is None
    event = all_rows(AuditEvent, AuditEvent.action == "mapping.auto_matched")[0]
    assert (event.actor_id, event.subject_id) == (admin_id, FIRST)
    assert (event.before["client_id"], event.after["client_id"]) == (None, client.id)
    assert match_clients(actor_id=admin_id) == [], "there is nothing left to match"


def test_a_decision_is_kept_and_two_clients_of_one_name_are_a_question(
    app: Flask, admin_id: int
) -> None:
    set_mapping(1, FIRST, client_id=None, actor_id=admin_id)
    add(Client(name="Ashford Dental"))
    several = [add(Client(name=name)).id for name in ("Birchwood Dental", "BIRCHWOOD, DENTAL")]
    assert match_clients() == ["Ashford Dental"], "that of the other connection"
    assert organization(1, FIRST).client_id is None
    assert sorted(organization(1, SECOND).candidate_ids or []) == sorted(several)
    change(Client, several[1], name="Another name")
    assert match_clients() == ["Birchwood Dental"], "now there is one client of this name"
    assert organization(1, SECOND).client_id == several[0]
    assert all_rows(OrganizationMapping)[2].client_id is None


def test_the_words_name_the_organizations() -> None:
    assert matched_words([]) == ""
    assert matched_words(["Acme"]) == (
        "The Huntress organization “Acme” has the same name and is mapped now."
    )
    assert matched_words(["A", "B", "C", "D"]) == (
        "4 Huntress organizations of the same name are mapped now: “A”, “B”, “C” and 1 more."
    )
