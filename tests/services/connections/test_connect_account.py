"""Connecting accounts: tried before stored, never twice, never the wrong one."""

import logging
import re
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import responses
from flask import Flask
from sqlalchemy import text

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.poller import allow_host
from tests.support.rows import add, all_rows, audit_actions, audit_events, change, fresh
from webapp.crypto import cipher, generate_key
from webapp.extensions import db
from webapp.huntress.errors import HuntressError
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.huntress.simulator.faults import Faults
from webapp.models import ApiExchange, Client, Connection, OrganizationMapping, Priority
from webapp.services.calls.open_client import MissingCredentialsError, open_client
from webapp.services.connections.connect_account import (
    ConnectError,
    OtherAccountError,
    connect_account,
    connected_message,
    disconnect_account,
    replace_credentials,
)
from webapp.services.edition import EditionError
from webapp.services.errors import FieldError, NotFoundError

ORIGIN = "http://127.0.0.1:1"


def _connect(simulator: Simulator, **changes: str) -> Connection:
    values = {"name": "Acme", "api_key": "hk_demo", "api_secret": "hs_demo"}
    return connect_account(**{"base_url": simulator.base_url, **values, **changes})


@both_databases
def test_connecting(huntress: Simulator, fake_clock: FakeClock) -> None:
    huntress.account.add_organization("Globex", id=7)
    connection = _connect(huntress, api_key="  hk_demo\n", api_secret=" hs_demo ")
    stored = fresh(Connection, connection.id)
    assert (stored.account_id, stored.account_name) == ("30911", "Acme MSP")
    assert (stored.name, stored.subdomain, stored.provider) == ("Acme", "acme", "huntress")
    assert (stored.api_key, stored.api_secret) == ("hk_demo", "hs_demo")
    assert stored.connected_at == stored.created_at == fake_clock.now()
    assert (stored.polling_started_at, stored.cursor, stored.horizon) == (None, None, None)
    assert stored.organizations_synced_at == fake_clock.now()
    assert [row.name for row in all_rows(OrganizationMapping)] == ["Globex"]
    assert audit_actions() == ["connection.created"]
    assert connected_message(stored) == (
        'Connected to Huntress account "Acme MSP". Complete the routing configuration below to '
        "start ticket creation."
    )


def test_credentials_are_encrypted_and_nowhere_else(
    huntress: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connection = _connect(huntress)
    with db.engine.connect() as raw:
        stored = raw.execute(text("SELECT api_key, api_secret FROM connections")).one()
    assert "hk_demo" not in stored[0]
    assert "hs_demo" not in stored[1]
    [event] = audit_events()
    assert event.after is not None
    assert (event.after["api_key"], event.after["api_secret"]) == ("changed", "changed")
    assert "hs_demo" not in caplog.text
    assert "hs_demo" not in repr(connection)


def test_an_empty_name_becomes_the_accounts(huntress: Simulator) -> None:
    assert _connect(huntress, name=" ").name == "Acme MSP"


def test_priorities_are_filled_in_by_name_and_kept_once_chosen(huntress: Simulator) -> None:
    ids = {row.name: row.id for row in all_rows(Priority)}
    connection = _connect(huntress)
    chosen = (
        connection.critical_priority_id,
        connection.high_priority_id,
        connection.low_priority_id,
    )
    assert chosen == (ids["Critical"], ids["High"], ids["Medium"])
    change(Connection, connection.id, low_priority_id=ids["Low"], high_priority_id=None)
    again = _connect(huntress)
    assert (again.low_priority_id, again.high_priority_id) == (ids["Low"], ids["High"])


@pytest.mark.parametrize(
    ("key", "secret", "fields"),
    [("", "x", {"api_key"}), ("x", "  ", {"api_secret"}), ("", "", {"api_key", "api_secret"})],
)
def test_key_and_secret_are_required(
    huntress: Simulator, key: str, secret: str, fields: set[str]
) -> None:
    with pytest.raises(FieldError) as caught:
        _connect(huntress, api_key=key, api_secret=secret)
    assert set(caught.value.fields) == fields
    assert huntress.requests == []
    assert all_rows(Connection) == []


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (Faults(forbidden=True), "lacks permission"),
        (Faults(next_500=99), "failing on its side"),
        (Faults(html_200=True), "web page"),
        (Faults(cut_connection=True), "could not be reached"),
        (Faults(storm_429=True), "used up"),
    ],
)
def test_a_refusal_says_why_and_stores_nothing(
    huntress: Simulator, faults: Faults, words: str
) -> None:
    huntress.faults = faults
    with pytest.raises(ConnectError, match=words):
        _connect(huntress)
    assert all_rows(Connection) == []
    assert all_rows(ApiExchange) == []
    assert audit_actions() == []


def test_wrong_credentials(huntress: Simulator) -> None:
    with pytest.raises(ConnectError, match="key or the secret is wrong") as caught:
        _connect(huntress, api_secret="hs_wrong_one")
    assert "hs_wrong_one" not in str(caught.value)
    assert all_rows(Connection) == []


def test_nobody_waits_a_minute_for_a_rate_limit(huntress: Simulator, fake_clock: FakeClock) -> None:
    huntress.faults = Faults(storm_429=True)
    huntress.retry_after = None
    with pytest.raises(ConnectError):
        _connect(huntress)
    assert fake_clock.slept <= 10


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("https://evil.example.com", "not allowed"),
        ("http://api.huntress.io", "https://"),
        ("https://api.huntress.io:8443", "port"),
        ("https://user:pass@api.huntress.io", "user name"),
        ("https://api.huntress.io/v1", "path"),
        ("http://127.0.0.1:9", "not allowed"),
        ("not a url", "https://"),
    ],
)
def test_other_hosts_never_see_the_credentials(app: Flask, base_url: str, words: str) -> None:
    with pytest.raises(ConnectError, match=re.escape(words)):
        connect_account(name="", base_url=base_url, api_key="k", api_secret="s")
    assert all_rows(Connection) == []


@responses.activate
def test_without_a_base_url_it_is_huntress(app: Flask) -> None:
    responses.get("https://api.huntress.io/v1/account", json={"account": {"id": 5, "name": "M"}})
    responses.get("https://api.huntress.io/v1/organizations", json={"organizations": []})
    connection = connect_account(name="", base_url="", api_key="k", api_secret="s")
    assert connection.base_url == "https://api.huntress.io"


@responses.activate
@pytest.mark.parametrize(
    ("answer", "account_id", "name", "subdomain"),
    [
        ({"account": {"id": 5, "name": "M", "subdomain": "m"}}, "5", "M", "m"),
        ({"id": 5, "name": "M"}, "5", "M", None),
        ({"account": {"id": "5", "name": None}}, "5", "Huntress account 5", None),
        ({"account": {"id": 5, "name": "A\u202eB\x00\nC" + "x" * 300}}, "5", None, None),
    ],
)
def test_every_shape_of_the_account(
    app: Flask, answer: object, account_id: str, name: str | None, subdomain: str | None
) -> None:
    allow_host(app, ORIGIN)
    responses.get(f"{ORIGIN}/v1/account", json=answer)
    responses.get(f"{ORIGIN}/v1/organizations", json={"organizations": []})
    connection = connect_account(name="", base_url=ORIGIN, api_key="k", api_secret="s")
    assert (connection.account_id, connection.subdomain) == (account_id, subdomain)
    assert connection.account_name is not None
    if name is None:
        assert connection.account_name.startswith("AB C")
        assert len(connection.account_name) == 200
    else:
        assert connection.account_name == name


@responses.activate
@pytest.mark.parametrize("answer", [{}, [], {"account": {}}, {"account": {"id": None}}, None])
def test_an_answer_without_an_account_id(app: Flask, answer: object) -> None:
    allow_host(app, ORIGIN)
    responses.get(f"{ORIGIN}/v1/account", json=answer)
    with pytest.raises(ConnectError):
        connect_account(name="", base_url=ORIGIN, api_key="k", api_secret="s")
    assert all_rows(Connection) == []


def test_a_failing_organization_sync_does_not_undo_the_connection(
    huntress: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    huntress.faults = Faults(fail_calls={2, 3, 4})
    connection = _connect(huntress)
    assert fresh(Connection, connection.id).organizations_synced_at is None
    assert "First organization sync" in caplog.text


def test_the_trial_call_counts_in_the_call_window(huntress: Simulator) -> None:
    _connect(huntress)
    paths = [(row.slot, row.path, row.status) for row in all_rows(ApiExchange)]
    assert paths == [(1, "/v1/account", 200), (2, "/v1/organizations", 200)]


@both_databases
def test_connecting_again_reopens_the_connection(
    huntress: Simulator, fake_clock: FakeClock
) -> None:
    first = _connect(huntress)
    cursor = fake_clock.now() - timedelta(hours=3)
    started = fake_clock.now()
    change(Connection, first.id, cursor=cursor, polling_started_at=started, board_id=1)
    disconnect_account(first.id)
    huntress.api_secret = "hs_new"
    later = fake_clock.advance(hours=1)
    again = _connect(huntress, api_secret="hs_new", name="")
    stored = fresh(Connection, first.id)
    assert again.id == first.id
    assert (stored.name, stored.api_secret) == ("Acme", "hs_new")
    assert (stored.cursor, stored.polling_started_at, stored.board_id) == (cursor, started, 1)
    assert (stored.disconnected_at, stored.connected_at) == (None, later)
    assert len(all_rows(Connection)) == 1
    assert audit_actions()[-1] == "connection.reconnected"
    assert "Complete the routing configuration" in connected_message(stored)
    change(Connection, first.id, fallback_board_id=2, fallback_client_id=1)
    assert connected_message(fresh(Connection, first.id)) == (
        'Connected to Huntress account "Acme MSP". Polling goes on where it stopped.'
    )
    change(Connection, first.id, paused_at=later)
    assert "Polling goes on" not in connected_message(fresh(Connection, first.id))


def test_another_account_gets_a_connection_of_its_own(
    huntress: Simulator, fake_clock: FakeClock, app: Flask
) -> None:
    """It must not inherit a cursor: its backlog would be skipped."""
    first = _connect(huntress)
    change(Connection, first.id, cursor=fake_clock.now())
    huntress.account.account["id"] = 2
    second = _connect(huntress, name="Second")
    assert second.id != first.id
    assert second.cursor is None


@both_databases
def test_the_same_account_connected_by_two_people_at_once(app: Flask, huntress: Simulator) -> None:
    barrier = threading.Barrier(2)
    ids: list[int] = []

    def connect() -> None:
        with app.app_context():
            barrier.wait(30)
            ids.append(_connect(huntress).id)

    threads = [threading.Thread(target=connect) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert sorted(audit_actions()) == ["connection.created", "connection.reconnected"]


def test_replacing_credentials(connection: Connection, huntress: Simulator) -> None:
    change(Connection, connection.id, last_error="Wrong key", last_error_at=connection.created_at)
    huntress.api_key, huntress.api_secret = "hk_2", "hs_2"
    with pytest.raises(ConnectError, match="key or the secret is wrong"):
        replace_credentials(connection.id, "hk_2", "hs_wrong")
    assert fresh(Connection, connection.id).api_secret == "hs_demo"
    replace_credentials(connection.id, " hk_2 ", " hs_2 ")
    stored = fresh(Connection, connection.id)
    assert (stored.api_key, stored.api_secret, stored.last_error) == ("hk_2", "hs_2", None)
    assert audit_actions()[-1] == "connection.credentials_replaced"


@both_databases
def test_the_same_credentials_are_written_with_the_newest_key(
    connection: Connection, app: Flask
) -> None:
    newest = generate_key()
    cipher.configure([newest, *app.extensions["triagedesk_config"].encryption_keys])
    replace_credentials(connection.id, "hk_demo", "hs_demo")
    cipher.configure([newest])
    stored = fresh(Connection, connection.id)
    assert (stored.api_key, stored.api_secret) == ("hk_demo", "hs_demo")


def test_connecting_again_polls_at_once(connection: Connection, fake_clock: FakeClock) -> None:
    routing = {"board_id": 1, "fallback_board_id": 2, "fallback_client_id": 1}
    change(Connection, connection.id, polling_started_at=fake_clock.now(), **routing)
    for paused_at in (None, fake_clock.now()):
        disconnect_account(connection.id, actor_id=None)
        change(Connection, connection.id, paused_at=paused_at)
        when = fake_clock.advance(minutes=1)
        stored = replace_credentials(connection.id, "hk_demo", "hs_demo")
        requested = fresh(Connection, connection.id).poll_requested_at
        assert requested == (when if paused_at is None else None)
        assert stored.disconnected_at is None


def test_credentials_of_another_account_are_refused(
    connection: Connection, huntress: Simulator
) -> None:
    huntress.account.account.update(id=2, name="Initech MSP")
    with pytest.raises(OtherAccountError, match=r'"Initech MSP".*second connection'):
        replace_credentials(connection.id, "hk_demo", "hs_demo")
    stored = fresh(Connection, connection.id)
    assert (stored.account_id, stored.account_name) == ("30911", "Acme MSP")


def test_replacing_needs_both_and_a_connection(connection: Connection) -> None:
    with pytest.raises(FieldError):
        replace_credentials(connection.id, "", "x")
    with pytest.raises(NotFoundError, match="no connection 99"):
        replace_credentials(99, "x", "x")


@both_databases
def test_disconnecting_keeps_everything_but_the_credentials(
    connection: Connection, huntress: Simulator, fake_clock: FakeClock
) -> None:
    huntress.account.add_organization("Globex")
    change(
        Connection,
        connection.id,
        cursor=fake_clock.now(),
        board_id=1,
        poll_requested_at=fake_clock.now(),
    )
    when = fake_clock.advance(minutes=1)
    disconnect_account(connection.id)
    fake_clock.advance(minutes=1)
    disconnect_account(connection.id)
    stored = fresh(Connection, connection.id)
    assert (stored.api_key, stored.api_secret) == (None, None)
    assert (stored.disconnected_at, stored.poll_requested_at) == (when, None)
    assert (stored.board_id, stored.account_id) == (1, "30911")
    assert stored.cursor is not None
    assert audit_actions().count("connection.disconnected") == 1


def test_a_disconnected_connection_cannot_call(connection: Connection, app: Flask) -> None:
    config = app.extensions["triagedesk_config"]
    gone = disconnect_account(connection.id)
    with pytest.raises(MissingCredentialsError, match="Missing Huntress API credentials"):
        open_client(gone, config)


def test_a_host_that_is_not_allowed_any_more(connection: Connection, app: Flask) -> None:
    config = replace(app.extensions["triagedesk_config"], huntress_hosts=("api.huntress.io",))
    with pytest.raises(HuntressError, match="not allowed"):
        open_client(connection, config)


def test_community_edition_refuses(app: Flask, connection: Connection) -> None:
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    calls = (
        lambda: connect_account(name="", base_url="", api_key="k", api_secret="s"),
        lambda: replace_credentials(connection.id, "k", "s"),
        lambda: disconnect_account(connection.id),
    )
    for call in calls:
        with pytest.raises(EditionError, match="is an Enterprise feature"):
            call()
    assert fresh(Connection, connection.id).api_key == "hk_demo"


def test_organizations_are_matched_on_connect(huntress: Simulator) -> None:
    client = add(Client(name="Globex, Inc."))
    huntress.account.add_organization("GLOBEX INC")
    _connect(huntress)
    [row] = all_rows(OrganizationMapping)
    assert (row.client_id, row.is_auto_matched) == (client.id, True)


def test_the_account_may_have_no_organizations_yet(app: Flask, fake_clock: FakeClock) -> None:
    with Simulator(SimulatedAccount(now=fake_clock.now()), clock=fake_clock.now) as simulator:
        allow_host(app, simulator.base_url)
        assert _connect(simulator).organizations_synced_at == fake_clock.now()
