"""The mails that the demo's own mail server took."""

import mailbox
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path

from webapp.domain.untrusted import clean_line, clean_text

FOLDER = "demo-mail"
NEWEST = 100
TEXT_LENGTH = 20_000
_ADDRESS = re.compile(r"(https?://[^\s<>]+)")


@dataclass(frozen=True, slots=True)
class DemoMail:
    """A mail as it is shown; every second piece of a line is an address."""

    to: str
    subject: str
    sent_at: datetime | None
    lines: tuple[tuple[str, ...], ...]


def mail_folder(data_dir: Path) -> Path:
    """Return the folder (a Maildir) in which the demo's mails are."""
    return data_dir / FOLDER


def read_demo_mail(folder: Path) -> list[DemoMail]:
    """Return the newest mails first; none where nothing was sent yet."""
    if not folder.is_dir():
        return []
    box = mailbox.Maildir(str(folder), factory=None, create=False)
    found = [_read(message) for message in box]
    beginning = datetime.min.replace(tzinfo=UTC)
    return sorted(found, key=lambda mail: mail.sent_at or beginning, reverse=True)[:NEWEST]


def _read(message: Message) -> DemoMail:
    text = clean_text(_plain(_parts(message)), TEXT_LENGTH) or ""
    return DemoMail(
        to=clean_line(_header(message, "To"), 200) or "",
        subject=clean_line(_header(message, "Subject"), 300) or "No subject",
        sent_at=_time(message),
        lines=tuple(tuple(_ADDRESS.split(line)) for line in text.splitlines()),
    )


def _header(message: Message, name: str) -> str:
    value = message.get(name)
    return "" if value is None else str(default.header_factory(name, str(value)))


def _parts(message: Message) -> Iterable[Message]:
    return (part for part in message.walk() if part.get_content_type() == "text/plain")


def _plain(parts: Iterable[Message]) -> str:
    for part in parts:
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            return payload.decode("utf-8", "replace")
    return ""


def _time(message: Message) -> datetime | None:
    try:
        moment = parsedate_to_datetime(str(message.get("Date")))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
