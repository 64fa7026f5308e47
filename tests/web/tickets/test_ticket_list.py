"""The ticket list: one line a ticket, filters, order, pages."""

from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.support.desk_data import Desk
from tests.support.fake_clock import START as NOW
from tests.web.pages import Browser, Page, words_of
from webapp.models import Alert, Client, Comment, Priority, Status, Ticket
from webapp.services.list_sizes import PAGE_SIZE
from webapp.services.tickets import list_tickets, search_tickets
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.ticket_state import set_ticket_status
from webapp.services.transactions import reading, transaction


def links(page: Page) -> list[str]:
    return [str(link.get("href")) for link in page.all("a", class_="ticket-link")]


def change(app: Flask, ticket_id: int, **values: object) -> None:
    with app.app_context(), transaction() as session:
        ticket = session.get(Ticket, ticket_id)
        for name, value in values.items():
            setattr(ticket, name, value)


def delete_tickets(session: Session, *but: int) -> None:
    """Delete every ticket and what points to it, except these."""
    for model, column in ((Comment, Comment.ticket_id), (Alert, Alert.ticket_id)):
        session.query(model).filter(column.not_in(but)).delete()
    session.query(Ticket).filter(Ticket.id.not_in(but)).delete()


def open_tickets(app: Flask) -> list[Ticket]:
    with app.app_context(), reading() as session:
        return session.query(Ticket).filter(Ticket.closed_at.is_(None)).order_by(Ticket.id).all()


def test_a_row_tells_a_ticket(app: Flask, admin: Browser, desk: Desk) -> None:
    with app.app_context(), transaction() as session:
        ticket = session.get(Ticket, 3)
        set_ticket_status(ticket, session.query(Status).filter_by(name="Waiting").one(), now=NOW)
        ticket.priority = session.query(Priority).filter_by(name="Medium").one()
        ticket.title = "[Huntress] [Unmapped Org] Something odd"
        ticket.assignee_id = desk.helpdesk_id
        ticket.client = Client(name="Globex & Sons")
    page = admin.get("/tickets?q=TKT-000003")
    row = words_of(next(page.one("tbody").iter("tr")))
    for part in ("TKT-000003", "Medium", "Globex & Sons", "Waiting", "Bo Lindqvist"):
        assert part in row
    link = page.one("a", class_="ticket-link")
    assert link.get("title") == "[Huntress] [Unmapped Org] Something odd"


def test_tabs_count_what_the_filters_leave(app: Flask, admin: Browser) -> None:
    waiting = len(open_tickets(app))
    tabs = words_of(admin.get("/tickets").one("nav", aria_label="State of the tickets"))
    assert tabs == f"Open {waiting} Closed {12 - waiting}"
    tabs = words_of(admin.get("/tickets?q=zzz").one("nav", aria_label="State of the tickets"))
    assert tabs == "Open 0 Closed 0"


def test_open_and_closed_tickets_are_apart(app: Flask, admin: Browser) -> None:
    waiting = {f"/tickets/{ticket.id}" for ticket in open_tickets(app)}
    shown, closed = links(admin.get("/tickets")), links(admin.get("/tickets?state=closed"))
    assert set(shown) == waiting
    assert len(closed) == 12 - len(waiting)
    assert not set(shown) & set(closed)


@pytest.mark.parametrize("search", ["tkt-000007", "  TKT-000007 ", "000007"])
def test_search_finds_numbers(admin: Browser, search: str) -> None:
    found = [
        *links(admin.get("/tickets", query_string={"q": search})),
        *links(admin.get("/tickets", query_string={"q": search, "state": "closed"})),
    ]
    assert found == ["/tickets/7"]


@pytest.mark.parametrize(
    "search", ["zebra-17", "zebra_17%", "zebra\\17", "zebra'17", 'zebra "17', "(zebra) AND:17*"]
)
def test_search_takes_every_character(app: Flask, admin: Browser, search: str) -> None:
    ids = [ticket.id for ticket in open_tickets(app)]
    change(app, ids[0], title="[Huntress] zebra and 17 or zebra-17")
    change(app, ids[1], title="[Huntress] zebra17 or zebras")
    assert links(admin.get("/tickets", query_string={"q": search})) == [f"/tickets/{ids[0]}"]
    assert (
        admin.get("/tickets", query_string={"q": search}).one("input", id="filter-q").get("value")
        == search
    )


def test_filters_narrow_and_are_kept(app: Flask, admin: Browser, desk: Desk) -> None:
    with app.app_context(), transaction() as session:
        high = session.query(Priority).filter_by(name="High").one().id
        session.query(Ticket).update({"priority_id": 1, "assignee_id": None, "board_id": 1})
        ids = [row.id for row in session.query(Ticket).filter(Ticket.closed_at.is_(None))]
    change(app, ids[0], priority_id=high, assignee_id=desk.admin_id, board_id=3)
    change(app, ids[1], priority_id=high)
    both = [f"/tickets/{ids[1]}", f"/tickets/{ids[0]}"]
    assert sorted(links(admin.get(f"/tickets?priority={high}"))) == sorted(both)
    assert links(admin.get(f"/tickets?priority={high}&assignee=me")) == both[1:]
    assert links(admin.get(f"/tickets?priority={high}&assignee=nobody")) == both[:1]
    assert links(admin.get(f"/tickets?assignee={desk.admin_id}&board=3")) == both[1:]
    assert links(admin.get(f"/tickets?assignee={desk.helpdesk_id}")) == []
    page = admin.get(f"/tickets?priority={high}&assignee=me&sort=oldest")
    chosen = page.form("/tickets")
    assert (chosen["priority"], chosen["assignee"], chosen["sort"]) == (str(high), "me", "oldest")
    closed = page.one("nav", aria_label="State of the tickets")
    targets = [str(link.get("href")) for link in closed.iter("a")]
    assert all(f"priority={high}" in target for target in targets)
    assert all("sort=" not in target for target in targets)


def test_the_client_filter(app: Flask, admin: Browser) -> None:
    tickets = open_tickets(app)
    client = tickets[0].client_id
    expected = {f"/tickets/{ticket.id}" for ticket in tickets if ticket.client_id == client}
    assert set(links(admin.get(f"/tickets?client={client}"))) == expected


def test_untouched_tickets_can_be_listed_and_are_marked(app: Flask, admin: Browser) -> None:
    ids = [ticket.id for ticket in open_tickets(app)]
    with app.app_context(), transaction() as session:
        session.query(Ticket).update({"untouched_since": None})
    change(app, ids[0], untouched_since=NOW)
    page = admin.get("/tickets?untouched=1")
    assert links(page) == [f"/tickets/{ids[0]}"]
    assert "(untouched)" in words_of(page.one("tbody"))
    assert "(untouched)" not in words_of(admin.get(f"/tickets?q={ids[1]:06d}").one("tbody"))
    assert admin.get("/tickets?untouched=1").form("/tickets")["untouched"] == "1"


@pytest.mark.parametrize(
    "query",
    [
        "priority=abc&client=-1&board=99999999999&assignee=%00",
        "sort=nonsense&state=nonsense",
        "after=nonsense&before=!!!",
        "sort=oldest&after=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwgMV0",  # the year 1
        "after=" + "A" * 5000,
        "after=WyJ4IiwgMV0",
        "after=WzEsMiwzXQ&sort=priority",
        "assignee=²",
        "q=" + "x" * 3000,
        "q=%00",
    ],
)
def test_nonsense_in_the_address_is_left_out(admin: Browser, query: str) -> None:
    assert admin.get(f"/tickets?{query}").heading == "Tickets"


def test_sorting(app: Flask, admin: Browser) -> None:
    tickets = open_tickets(app)
    with app.app_context(), reading() as session:
        urgency = {row.id: row.position for row in session.query(Priority)}
    expected = {
        "oldest": sorted(tickets, key=lambda one: (one.created_at, one.id)),
        "newest": sorted(tickets, key=lambda one: (one.created_at, one.id), reverse=True),
        "updated": sorted(tickets, key=lambda one: (one.updated_at, one.id), reverse=True),
        "priority": sorted(
            tickets,
            key=lambda one: (urgency[one.priority_id], -one.created_at.timestamp(), -one.id),
        ),
    }
    for sort, order in expected.items():
        assert links(admin.get(f"/tickets?sort={sort}")) == [f"/tickets/{one.id}" for one in order]
    assert links(admin.get("/tickets")) == links(admin.get("/tickets?sort=priority"))


@pytest.mark.parametrize("sort", ["priority", "newest", "oldest", "updated"])
def test_paging_shows_every_ticket_once_while_new_ones_arrive(
    app: Flask, admin: Browser, sort: str
) -> None:
    with app.app_context(), transaction() as session:
        model = session.query(Ticket).filter(Ticket.closed_at.is_(None)).first()
        delete_tickets(session, model.id)
        columns = ("title", "description", "client_id", "board_id", "status_id", "source")
        shared = {name: getattr(model, name) for name in columns}
        for number in range(PAGE_SIZE * 2 + 5):
            time = NOW + timedelta(minutes=number // 3)
            session.add(
                Ticket(
                    **shared,
                    number=f"X-{number}",
                    priority_id=1 + number % 3,
                    created_at=time,
                    updated_at=time,
                )
            )
    pages, path = [], f"/tickets?sort={sort}"
    while path:
        page = admin.get(path)
        pages.append(links(page))
        assert len(pages) < 9, "paging does not come to an end"
        following = page.all("a", rel="next")
        path = str(following[0].get("href")) if following else ""
    shown = [link for one in pages for link in one]
    assert [len(one) for one in pages] == [PAGE_SIZE, PAGE_SIZE, 6]
    assert len(set(shown)) == len(shown) == PAGE_SIZE * 2 + 6
    assert f"sort={sort}" in str(page.one("a", rel="prev").get("href"))
    back = admin.get(str(page.one("a", rel="prev").get("href")))
    assert links(back) == pages[1]
    first = admin.get(str(back.one("a", rel="prev").get("href")))
    assert links(first) == pages[0]
    assert not first.all("a", rel="prev")


def test_empty_lists_say_why(app: Flask, admin: Browser) -> None:
    assert "No open ticket fits these filters" in admin.get("/tickets?q=zzz").text
    assert "No closed ticket fits these filters" in admin.get("/tickets?state=closed&q=zzz").text
    with app.app_context(), transaction() as session:
        delete_tickets(session)
    assert "No open tickets" in admin.get("/tickets").text
    assert "No closed tickets yet" in admin.get("/tickets?state=closed").text


def chips(page: Page) -> dict[str, str]:
    return {
        words_of(link).removesuffix(" (remove this filter)"): str(link.get("href"))
        for link in page.all("a", class_="filter-chip")
    }


def test_every_active_filter_is_a_chip_that_takes_it_off(app: Flask, admin: Browser) -> None:
    with app.app_context(), reading() as session:
        client = session.query(Client).order_by(Client.id).all()[1]
    query = {
        "q": "host",
        "priority": "1",
        "client": str(client.id),
        "assignee": "me",
        "status": "2",
        "board": "1",
        "source": "huntress",
        "severity": "high",
        "older_than": "24",
        "within": "168",
        "untouched_for": "4",
        "triage": "1",
        "unmapped": "1",
        "untouched": "1",
        "closed_in_huntress": "1",
    }
    found = chips(admin.get("/tickets", query_string=query))
    assert list(found) == [
        "Search: host",
        "Priority: Critical",
        f"Client: {client.name}",
        "Assignee: me",
        "Status: In progress",
        "Board: Security",
        "Source: Huntress",
        "Severity: High",
        "Older than 1 day",
        "Sent within 7 days",
        "Untouched for 4 hours",
        "Triage queue",
        "Unmapped organization",
        "Untouched",
        "Closed in Huntress, open here",
    ]
    for (name, _), address in zip(query.items(), found.values(), strict=True):
        assert name not in parse_qs(address.partition("?")[2]), name
        assert len(chips(admin.get(address))) == len(query) - 1
    assert chips(admin.get("/tickets")) == {}


def test_values_that_do_not_exist_are_left_out_with_a_hint(admin: Browser) -> None:
    page = admin.get("/tickets?board=99&source=fax&older_than=0&severity=high&sort=odd&state=odd")
    assert "no such value: source, age, order, state, board." in page.text
    assert list(chips(page)) == ["Severity: High"]
    assert "no such value" not in admin.get("/tickets?board=1&state=open&sort=newest").text


def test_the_other_tab_is_offered_where_this_one_has_nothing(app: Flask, admin: Browser) -> None:
    ids = [ticket.id for ticket in open_tickets(app)]
    change(app, ids[0], title="wombat")
    page = admin.get("/tickets?state=closed&q=wombat")
    assert "No closed ticket fits these filters 1 open does" in page.text
    link = next(a for a in page.all("a") if words_of(a) == "1 open does")
    assert links(admin.get(str(link.get("href")))) == [f"/tickets/{ids[0]}"]


def test_a_search_that_finds_too_many_leads_to_the_older_ones(
    app: Flask, helpdesk: Browser, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(closed_at=None, status_id=1))
    for module in (search_tickets, list_tickets):
        monkeypatch.setattr(module, "MATCH_LIMIT", 5)
    path, seen, pages = "/tickets?q=tkt&sort=newest", [], 0
    while path:
        page = helpdesk.get(path)
        assert "Open 5+" in page.text
        seen += links(page)
        more = [one for one in page.all("a") if words_of(one) == "Show the older ones"]
        path, pages = str(more[0].get("href")) if more else "", pages + 1
    assert (len(seen), len(set(seen)), pages) == (12, 12, 3)
    assert "Back to the newest" in page.text


def test_a_match_in_hostile_text_is_shown_as_text(app: Flask, admin: Browser, desk: Desk) -> None:
    attack = "numbat <script>alert(1)</script> <b onclick=alert(1)>wombat</b>"
    with app.app_context():
        add_internal_note(1, attack, author_id=desk.admin_id)
    page = admin.get("/tickets?q=wombat+numbat")
    assert [words_of(mark) for mark in page.all("mark")] == ["numbat", "wombat"]
    assert words_of(page.one("p", class_="row-match")) == attack


def test_what_a_search_does_not_know_is_said_and_what_was_meant_is_offered(
    app: Flask, admin: Browser, desk: Desk
) -> None:
    with app.app_context(), transaction() as session:
        session.get(Ticket, 1).subject_name = "QUOKKA-TAX01"
        session.add(Client(name="Wielkopolska Łódź"))
    page = admin.get("/tickets?q=quoka-tax01+nope:x")
    assert "“nope:” is no filter; it was searched for as text." in page.text
    page = admin.get("/tickets?q=quoka-tax01")
    [link] = [one for one in page.all("a") if words_of(one) == "QUOKKA-TAX01"]
    assert admin.get(link.get("href")).one("input", name="q").get("value") == "QUOKKA-TAX01"
    page = admin.get("/tickets?q=client%3Awielkopolska-lodz")
    assert 'client:"Wielkopolska Łódź"' in page.text
    assert '"Wielkopolska Łódź"' in admin.get("/tickets?q=wielkopolka").text, "one word of it"
    assert "Did you mean" not in admin.get("/tickets?q=xyzzyx").text


def test_a_search_with_filters_stays_in_the_field_and_the_address(
    admin: Browser, desk: Desk
) -> None:
    page = admin.get("/tickets?q=is%3Auntouched+assignee%3Ame")
    assert page.one("input", name="q").get("value") == "is:untouched assignee:me"
    asked = [parse_qs((one.get("href") or "").partition("?")[2]) for one in page.all("a")]
    assert {"q": ["is:untouched assignee:me"], "state": ["closed"]} in asked
