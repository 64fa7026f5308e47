"""Messages that try what senders must withstand."""

from dataclasses import replace
from typing import Any

from tests.unit.outbound.conftest import PAGE
from webapp.domain.notices.compose import Told
from webapp.domain.notices.facts import TicketFacts
from webapp.domain.notices.message import Link, Message

HOSTILE_WORDS = (
    "<!channel> <@U123> <https://evil.example|click> *bold* _it_ ~no~ `code` [x](https://evil)"
    " **b** <at>all</at> <b>html</b> &amp; @everyone @here {{DATE(2017-02-14T06:00:00Z)}} \\ \" '"
)
NAMES = "شركة الأمن · 株式会社セキュリティ · חברת אבטחה · Ćevapčići 🍕👩\u200d👩\u200d👧"

HOSTILE: Message = replace(
    PAGE, title=f"#12 {HOSTILE_WORDS}", lines=(HOSTILE_WORDS, NAMES), links=PAGE.links
)
"""Everything that some service reads as formatting, a call or a link."""

LONG: Message = replace(
    PAGE,
    title="Title & <b> " * 300,
    lines=tuple(f'{number}: <& 漢字 "x" {"ab" * 200}' for number in range(500)),
    links=(
        *PAGE.links,
        *(Link(f"Link {number} " * 20, f"https://a.example/{number}") for number in range(60)),
    ),
)
"""Far too much of everything."""


FACTS = TicketFacts(
    ticket_id=1,
    number="T-1",
    title="Ransomware canary",
    client="Fernhill Dental",
    client_id=3,
    board_id=1,
    severity="critical",
    host="RECEPTION-PC",
)


def told(number: int, **facts: Any) -> Told:
    """A ticket that a person is asked to take, by a link as long as the real ones."""
    return Told(
        type="ticket.created",
        facts=replace(FACTS, ticket_id=number, number=f"T-{number}", **facts),
        url=f"https://desk.example.com/tickets/{number}",
        take_url=f"https://desk.example.com/take/{str(number)[0] * 32}",
        happened_at=PAGE.happened_at,
    )
