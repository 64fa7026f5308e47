"""Messages that try what senders must withstand."""

from dataclasses import replace

from tests.unit.outbound.conftest import PAGE
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
