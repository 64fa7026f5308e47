"""A message as every kind of target gets it, before it is written in that kind's own form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Urgency(StrEnum):
    """How loudly a message is to arrive."""

    PAGE = "page"
    NORMAL = "normal"
    QUIET = "quiet"


class Stage(StrEnum):
    """What a message says of its subject; services with incidents of their own follow it."""

    BEGINS = "begins"
    GOES_ON = "goes on"
    TAKEN = "taken"
    OVER = "over"
    PLAIN = "plain"
    """The message is about nothing that could be taken or end, such as a test or a summary."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link below a message; `words` are what a button says."""

    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Brief:
    """A message in few characters: `lines`, which are cut at the end, and what is never cut.

    Of `endings` as many are sent as there is room for, and always the first.
    """

    lines: tuple[str, ...]
    endings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one target.

    `key` is the same each time the message is sent, so that a receiver can drop a repeat. `subject`
    names what the message is about (`ticket:12`), the same in all messages about it. `title` is one
    line and `lines` are what follows. Both are plain text, cleaned and defanged; each kind escapes
    and cuts them as its service demands. Of several `links` the first is the most urgent, and the
    last is where the others are found, too. `brief` is what a text message says in place of all
    this. `mail_subject` is the subject of a mail, where one thread is one ticket. `event`, `data`
    and `happened_at` (UTC) are what a webhook gets.
    """

    key: str
    event: str
    subject: str
    title: str
    lines: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    mail_subject: str = ""
    urgency: Urgency = Urgency.NORMAL
    stage: Stage = Stage.PLAIN
    severity: str | None = None
    happened_at: datetime
    data: Mapping[str, object] = field(default_factory=dict)
    brief: Brief | None = None

    @property
    def in_brief(self) -> Brief:
        """What a text message says; without a `brief`, title, lines and the first link."""
        endings = tuple(link.url for link in self.links[:1])
        return self.brief or Brief((self.title, *self.lines), endings)

    @property
    def text(self) -> str:
        """The lines and the links as plain text."""
        return "\n".join((*self.lines, *(f"{link.words}: {link.url}" for link in self.links)))
