"""The preview of the first poll: it says what the poll then does, and writes nothing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk, simulated_desk
from tests.support.polling import (
    INCIDENTS,
    add_bulk,
    asked,
    page_answer,
    report,
    set_faults,
    use_small_pages,
)
from webapp.domain.plan import Reason
from webapp.huntress.simulator import Fault, SimulatedAccount
from webapp.models import (
    Alert,
    ApiExchange,
    AuditEvent,
    Board,
    Client,
    Connection,
    InboxRow,
    OrganizationMapping,
    PollRun,
    Priority,
    Ticket,
)
from webapp.services.calls.open_client import MissingCredentialsError
from webapp.services.edition import EditionError
from webapp.services.errors import NotFoundError
from webapp.services.mapping.sync_organizations import sync_organizations
from webapp.services.polling.preview_polling import (
    MAX_PAGES,
    Preview,
    PreviewError,
    preview_polling,
)
from webapp.services.transactions import reading

pytestmark = pytest.mark.slow

WRITTEN = (Ticket, Alert, InboxRow, OrganizationMapping, PollRun, AuditEvent)


@pytest.fixture
def demo(app: Flask, fake_clock: FakeClock) -> Iterator[Desk]:
    """The demo account, connected and routed; nothing is started."""
    account = SimulatedAccount.demo(now=fake_clock.now())
    with simulated_desk(app, fake_clock, account) as desk:
        desk.set(polling_started_at=None)
        yield desk


@pytest.fixture
def new(desk: Desk) -> Desk:
    """An empty account, connected and routed; nothing is started."""
    desk.set(polling_started_at=None)
    return desk


def look(desk: Desk) -> Preview:
    return preview_polling(desk.connection_id)


def poll_first(desk: Desk) -> None:
    outcome = desk.poll(minutes=0)
    assert outcome.is_success, outcome.error


def tickets_by(model: type) -> Counter[str]:
    """How many tickets the real poll made, by the name of their client, board or priority."""
    with reading() as session:
        rows = session.execute(
            select(model.name, func.count())
            .select_from(Ticket)
            .join(model, model.id == getattr(Ticket, f"{model.__name__.lower()}_id"))
            .group_by(model.name)
        )
        return Counter(dict(tuple(row) for row in rows))


def reasons() -> Counter[str]:
    with reading() as session:
        rows = session.execute(
            select(Alert.reason, func.count())
            .where(Alert.reason.is_not(None))
            .group_by(Alert.reason)
        )
        return Counter(dict(tuple(row) for row in rows))


def check_against_poll(desk: Desk, preview: Preview) -> None:
    """The poll does what the preview said, by board, client and priority."""
    poll_first(desk)
    by_client: Counter[str] = Counter()
    for row in preview.clients:
        by_client[row.name] += row.total
    assert tickets_by(Client) == by_client
    assert tickets_by(Board) == Counter(dict(preview.boards))
    assert tickets_by(Priority) == Counter({one.name: n for one, n in preview.priorities})
    assert desk.count(Ticket) == preview.tickets
    recorded = Counter({r.value: n for r, n in preview.without_ticket if r is not Reason.DELETING})
    assert reasons() == recorded


@both_databases
def test_the_poll_creates_what_the_preview_said(demo: Desk) -> None:
    rows = list(demo.account.organization_rows.values())
    for row in rows[:4]:
        demo.add_client(str(row["name"]))
    demo.add_client("An inactive one", is_active=False)
    sync_organizations(demo.connection_id)
    demo.map(rows[5]["id"], None, tickets=False)
    preview = look(demo)
    assert preview.tickets > 20
    assert len(preview.boards) == 2
    assert len(preview.clients) > 3
    why = dict(preview.without_ticket)
    assert why[Reason.ORG_OPTED_OUT]
    assert why[Reason.ALREADY_CLOSED]
    assert why[Reason.BEFORE_BACKFILL]
    assert not preview.is_cut_short
    check_against_poll(demo, preview)


def test_organizations_that_were_never_synchronized(demo: Desk) -> None:
    """The first poll finds out their names and matches them; so does the preview."""
    for row in list(demo.account.organization_rows.values())[:6]:
        demo.add_client(str(row["name"]))
    preview = look(demo)
    assert demo.count(OrganizationMapping) == 0
    assert len(preview.clients) > 3
    check_against_poll(demo, preview)


def test_a_client_entered_after_the_last_synchronization(demo: Desk) -> None:
    """Known rows are matched again by the sweep only, after the walk's tickets were made."""
    sync_organizations(demo.connection_id)
    for row in demo.account.organization_rows.values():
        demo.add_client(str(row["name"]))
    check_against_poll(demo, look(demo))


def test_one_unknown_organization_is_asked_for_by_its_id(new: Desk) -> None:
    now = new.clock.now()
    new.account.add_organization("Globex", id=7)
    new.account.add_organization("Initech", id=8)
    sync_organizations(new.connection_id)
    new.add_client("Initech")
    new.add_client("Hooli")
    new.account.add_organization("Hooli", id=9)
    for number, organization in enumerate((7, 8, 9), 1):
        new.account.incident_rows[number] = report(number, now, organization_id=organization)
    preview = look(new)
    assert {row.name: row.total for row in preview.clients} == {
        "Hooli": 1,
        "Internal (unmapped security)": 2,
    }
    assert preview.unmapped == [("Globex", 1), ("Initech", 1)]
    check_against_poll(new, preview)


@both_databases
def test_a_preview_writes_nothing_but_its_calls(demo: Desk) -> None:
    sync_organizations(demo.connection_id)
    demo.add_client(str(next(iter(demo.account.organization_rows.values()))["name"]))
    before = [demo.count(model) for model in WRITTEN]
    connection = demo.connection()
    calls = demo.count(ApiExchange)
    preview = look(demo)
    assert [demo.count(model) for model in WRITTEN] == before
    after = demo.connection()
    columns = [column.key for column in Connection.__table__.columns]
    assert [getattr(after, key) for key in columns] == [getattr(connection, key) for key in columns]
    assert demo.count(ApiExchange) - calls == preview.api_calls == 4
    with reading() as session:
        assert session.scalars(select(OrganizationMapping.client_id)).unique().all() == [None]


def test_what_is_looked_at(new: Desk) -> None:
    """The window, whatever is open, and the organizations; read only."""
    look(new)
    assert asked(new) == [
        "/v1/incident_reports",
        "/v1/organizations",
        "/v1/incident_reports?sent",
        "/v1/incident_reports?auto_remediating",
    ]
    assert {one.method for one in new.simulator.requests} == {"GET"}


def test_the_window_begins_where_the_poll_will_begin(new: Desk) -> None:
    new.set(backfill_days=3)
    now = new.clock.now()
    for incident_id, days in ((1, 2), (2, 4), (3, 90)):
        new.account.incident_rows[incident_id] = report(incident_id, now - timedelta(days=days))
    preview = look(new)
    assert preview.window_from == now - timedelta(days=3)
    assert (preview.tickets, dict(preview.without_ticket)) == (1, {Reason.BEFORE_BACKFILL: 2})
    check_against_poll(new, preview)


def test_reports_that_cannot_be_read_become_tickets_on_triage(new: Desk) -> None:
    now = new.clock.now()
    rows = [
        report(1, now),
        report(None, now, subject="without an id"),
        report(3, now, updated_at=None),
        report(4, now, severity="apocalyptic", organization_id=[]),
        report(5, now, status="deleting"),
        "no report at all",
    ]
    answer = page_answer(rows)
    new.simulator.faults.on_request = lambda _n, path: answer if "incident" in path else None
    preview = look(new)
    assert (preview.tickets, preview.unreadable) == (5, 2)
    assert dict(preview.boards) == {"Security Triage": 5}
    assert dict(preview.without_ticket) == {Reason.DELETING: 1}
    check_against_poll(new, preview)


def test_an_inactive_client_counts_as_none(new: Desk) -> None:
    new.account.add_organization("Globex", id=7)
    sync_organizations(new.connection_id)
    new.map(7, new.add_client("Globex", is_active=False))
    new.account.incident_rows[1] = report(1, new.clock.now(), organization_id=7)
    preview = look(new)
    assert dict(preview.boards) == {"Security Triage": 1}
    check_against_poll(new, preview)


def test_several_pages(new: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_pages(monkeypatch, 20)
    add_bulk(new.account, 50, new.clock.now(), status="closed")
    add_bulk(new.account, 15, new.clock.now(), first_id=100)
    preview = look(new)
    assert (preview.looked_at, preview.tickets, preview.is_cut_short) == (65, 15, False)
    check_against_poll(new, preview)


def test_a_large_account_is_not_looked_at_whole(new: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_pages(monkeypatch, 5)
    add_bulk(new.account, 200, new.clock.now())
    preview = look(new)
    assert (preview.is_cut_short, preview.is_unsure) == (True, False)
    assert preview.looked_at == 5 * MAX_PAGES
    assert preview.words == "50 seen: 50 tickets"


@pytest.mark.parametrize(("old", "is_cut_short"), [(0, False), (50, False), (51, True)])
def test_it_says_that_there_is_more_only_if_there_is(
    new: Desk, monkeypatch: pytest.MonkeyPatch, old: int, is_cut_short: bool
) -> None:
    """The walk takes every page that there is, and the sweep lists the same incidents again."""
    use_small_pages(monkeypatch, 5)
    add_bulk(new.account, 50, new.clock.now(), first_id=1_000)
    add_bulk(new.account, old, new.clock.now() - timedelta(days=30))
    preview = look(new)
    assert (preview.is_cut_short, preview.is_unsure) == (is_cut_short, False)
    assert preview.looked_at == 50 + min(old, 50)
    assert preview.words.startswith(f"{preview.looked_at} seen: 50 tickets")


def test_a_sweep_without_end_is_left(new: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_pages(monkeypatch, 1)
    monkeypatch.setattr("webapp.services.polling.preview_polling.MAX_SWEEP_PAGES", 3)
    add_bulk(new.account, 4, new.clock.now())
    assert look(new).is_unsure


def test_a_slow_account_is_not_waited_for(
    new: Desk, monkeypatch: pytest.MonkeyPatch, fake_clock: FakeClock
) -> None:
    use_small_pages(monkeypatch, 5)
    add_bulk(new.account, 200, new.clock.now())

    def slow(_number: int, _path: str) -> Fault | None:
        fake_clock.advance(seconds=10)
        return None

    new.simulator.faults.on_request = slow
    preview = look(new)
    assert (preview.is_cut_short, preview.is_unsure) == (False, True)
    assert preview.api_calls == 3


def test_routing_must_be_complete(new: Desk) -> None:
    new.set(board_id=None, low_priority_id=None)
    with pytest.raises(PreviewError, match="still missing: Security board, Low severity →"):
        look(new)
    assert new.simulator.requests == []


def test_not_after_polling_began(desk: Desk) -> None:
    with pytest.raises(PreviewError, match="has been started already"):
        look(desk)
    assert desk.simulator.requests == []


def test_not_without_an_account(new: Desk) -> None:
    new.set(api_key=None)
    with pytest.raises(MissingCredentialsError):
        look(new)
    new.set(disconnected_at=new.clock.now())
    with pytest.raises(PreviewError, match="is disconnected; connect the account again"):
        look(new)
    with pytest.raises(NotFoundError):
        preview_polling(99)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"forbidden": True}, "lacks permission"),
        ({"next_500": 99}, "failing on its side"),
        ({"storm_429": True}, "Wait a minute, then try again"),
    ],
)
def test_a_failure_says_what_helps(new: Desk, fault: dict[str, object], words: str) -> None:
    set_faults(new, **fault)
    began = new.clock.now()
    with pytest.raises(PreviewError, match=words) as caught:
        look(new)
    assert str(caught.value).startswith("There is no preview.")
    assert new.clock.now() - began < timedelta(seconds=30)
    assert new.count(InboxRow) == 0


def test_a_list_that_goes_round_in_circles(new: Desk) -> None:
    answer = page_answer([report(1, new.clock.now())], next_token="again")
    new.simulator.faults.on_request = lambda _n, path: answer if "incident" in path else None
    with pytest.raises(PreviewError, match="repeated a page token"):
        look(new)


def test_community_edition_refuses(new: Desk, app: Flask) -> None:
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    with pytest.raises(EditionError):
        look(new)


def test_several_unknown_organizations_make_the_poll_match_all_again(new: Desk) -> None:
    now = new.clock.now()
    new.account.add_organization("Initech", id=8)
    sync_organizations(new.connection_id)
    new.add_client("Initech")
    for organization in (9, 10, 11):
        new.account.add_organization(f"Hooli {organization}", id=organization)
    for number, organization in enumerate((8, 9, 10, 11), 1):
        new.account.incident_rows[number] = report(number, now, organization_id=organization)
    preview = look(new)
    assert [(row.name, row.total) for row in preview.clients][1] == ("Initech", 1)
    check_against_poll(new, preview)


def test_what_only_the_sweep_finds_is_routed_by_its_synchronization(new: Desk) -> None:
    """An open report without a usable time that the walk never reaches."""
    now = new.clock.now()
    new.account.add_organization("Initech", id=8)
    sync_organizations(new.connection_id)
    new.add_client("Initech")
    walked = page_answer([report(1, now - timedelta(days=30), status="closed")])
    swept = page_answer([report(2, now, updated_at=None, organization_id=8)])
    calls: list[str] = []

    def answer(_number: int, path: str) -> Fault | None:
        if path != INCIDENTS:
            return None
        calls.append(path)
        return walked if len(calls) == 1 else swept

    new.simulator.faults.on_request = answer
    preview = look(new)
    assert [(row.name, row.board, row.total) for row in preview.clients] == [
        ("Initech", "Security", 1)
    ]
    calls.clear()
    check_against_poll(new, preview)
