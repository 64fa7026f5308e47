"""What polls note on a duplicate, and the indicators that they write; on both databases."""

from collections.abc import Sequence

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import counted_statements
from tests.support.rows import all_rows
from webapp.domain.triage.ticket_link import LinkChoice
from webapp.models import Comment, Indicator, Ticket, User
from webapp.services.tickets import ticket_filters
from webapp.services.tickets.indicators.read_indicators import SEEN_LIMIT, read_indicators
from webapp.services.tickets.links.link_tickets import link_tickets
from webapp.services.tickets.list_tickets import TicketQuery, list_tickets
from webapp.services.tickets.ticket_filters import IndicatorFilter
from webapp.services.transactions import transaction

pytestmark = both_databases

FIRST, SECOND = 1_780_001, 1_780_002


@pytest.fixture
def person(desk: Desk) -> int:
    with transaction() as session:
        user = User(
            email="bo@example.com",
            name="Bo",
            role="helpdesk",
            password_hash="x",
            created_at=desk.clock.now(),
        )
        session.add(user)
        session.flush()
        return user.id


def add_incidents(desk: Desk, *ids: int, summary: str = "It ran. See 203.0.113.5.") -> None:
    for one in ids:
        desk.account.add_incident(now=desk.clock.now(), id=one, summary=summary)
    desk.poll()


def values(ticket_id: int) -> list[str]:
    return [one.value for one in all_rows(Indicator, Indicator.ticket_id == ticket_id)]


def test_the_original_hears_of_its_duplicates_incident(desk: Desk, person: int) -> None:
    add_incidents(desk, FIRST, SECOND)
    first, second = desk.ticket(FIRST), desk.ticket(SECOND)
    link_tickets(second.id, LinkChoice.DUPLICATE, first.number, actor_id=person)
    told = len(desk.notes(FIRST))
    desk.account.update_incident(SECOND, now=desk.clock.now(), summary="It ran. It is gone.")
    desk.poll()
    note = desk.notes(SECOND)[-1]
    assert "It is gone." in note
    assert desk.notes(FIRST)[told:] == [f"{second.number}, a duplicate of this ticket:\n\n{note}"]
    (entry,) = all_rows(Comment, Comment.kind == "duplicate_note")
    assert entry.details == {"ticket_id": second.id}
    assert desk.ticket(FIRST).updated_at == desk.clock.now()
    desk.account.update_incident(FIRST, now=desk.clock.now(), summary="Of the first.")
    desk.poll()
    assert len(all_rows(Comment, Comment.kind == "duplicate_note")) == 1, "never the other way"


def test_a_poll_writes_indicators_and_keeps_them_true(desk: Desk) -> None:
    add_incidents(desk, FIRST, summary="C2 at evil[.]example (203.0.113.5), MD5 of it unknown.")
    ticket = desk.ticket(FIRST)
    assert values(ticket.id) == ["203.0.113.5", "evil.example"]
    desk.account.update_incident(FIRST, now=desk.clock.now(), summary="C2 at 203.0.113.6.")
    desk.poll()
    assert values(ticket.id) == ["203.0.113.6"]


def test_fetched_remediations_name_indicators(desk: Desk) -> None:
    steps: Sequence[dict[str, object]] = [
        {"id": n, "type": "assisted", "action": "Delete File", "status": "unapproved",
         "parameters": [{"name": "Path", "description": f"C:\\Temp\\{n}.exe"}]}
        for n in range(1, 13)
    ]  # fmt: skip
    desk.account.add_incident(now=desk.clock.now(), id=FIRST, summary="x", remediations=steps)
    desk.poll()
    desk.poll()
    assert values(desk.ticket(FIRST).id)[-1] == "C:\\Temp\\12.exe"
    assert len(values(desk.ticket(FIRST).id)) == 12


def test_where_else_an_indicator_was_seen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    add_incidents(desk, FIRST, SECOND, summary="Calls hxxps://evil[.]example/a and 203.0.113.5.")
    add_incidents(desk, FIRST + 9, summary="Only 203.0.113.5.")
    with counted_statements() as statements:
        groups = read_indicators(desk.ticket(FIRST).id)
    assert len(statements) <= 2, "one, and the beginning of the transaction"
    seen = {one.value: one for group in groups for one in group.indicators}
    assert [group.kind for group in groups] == ["ip", "domain", "url"]
    assert (seen["203.0.113.5"].tickets, seen["203.0.113.5"].clients) == (3, 1)
    assert seen["evil.example"].tickets == 2
    assert seen["evil.example"].defanged == "evil[.]example"
    assert not seen["evil.example"].is_counted_out
    key = next(one.key for one in all_rows(Indicator) if one.value == "203.0.113.5")
    wanted = TicketQuery(indicator=IndicatorFilter(key, "x", "x"))
    assert list_tickets(wanted).open_count == 3
    monkeypatch.setattr(ticket_filters, "FEW", 2)
    assert list_tickets(wanted).open_count == 3, "too many to write them into the statement"


def test_common_indicators_are_counted_up_to_a_limit(desk: Desk) -> None:
    add_incidents(desk, FIRST)
    row = all_rows(Indicator)[0]
    with transaction() as session:
        ticket = session.get_one(Ticket, row.ticket_id)
        copy = {
            name: getattr(ticket, name)
            for name in ("title", "description", "client_id", "board_id", "status_id")
        }
        for number in range(SEEN_LIMIT + 5):
            other = Ticket(
                **copy,
                number=f"X-{number}",
                priority_id=ticket.priority_id,
                source="manual",
                created_at=ticket.created_at,
                updated_at=ticket.updated_at,
            )
            session.add(other)
            session.flush()
            session.add(Indicator(ticket_id=other.id, kind="ip", value="x", key=row.key))
    ((one,),) = ([*group.indicators] for group in read_indicators(row.ticket_id))
    assert one.tickets == SEEN_LIMIT
    assert one.is_counted_out


def test_tickets_of_an_organization_are_listed(desk: Desk) -> None:
    desk.account.add_organization("Acme", id=7)
    desk.account.add_incident(7, now=desk.clock.now(), id=FIRST)
    add_incidents(desk, SECOND)
    for organization, count in (("7", 1), ("8", 0)):
        query = TicketQuery(organization=(desk.connection_id, organization))
        assert list_tickets(query).open_count == count
    assert list_tickets(TicketQuery(organization=(desk.connection_id + 1, "7"))).open_count == 0
