"""Writing a message as a mail."""

import html
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256

from webapp.domain.notices.message import Message, Urgency
from webapp.domain.untrusted import clean_line

_SENDER_NAME = "Triagedesk"
_LONGEST_SUBJECT = 250
_LONGEST_ID = 100
_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")
_USER = re.compile(r"[^\s@<>()\[\],;:\\\"]+")


def read_mail_address(text: str) -> Address:
    """Return `name@example.com` or `Name <name@example.com>` as an address.

    A domain with letters beyond ASCII is written in its ASCII form. Raises ValueError.
    """
    match = _NAMED.fullmatch(text.strip())
    name, address = match.groups() if match else ("", text.strip())
    user, _, domain = address.rpartition("@")
    if not _USER.fullmatch(user) or not domain or not text.isprintable():
        raise ValueError("not a mail address")
    ascii_domain = domain.encode("idna").decode("ascii")
    return Address(
        display_name=clean_line(name.strip().strip('"')) or "", username=user, domain=ascii_domain
    )


def write_mail(message: Message, *, to: Address, sender: Address, now: datetime) -> EmailMessage:
    """Return `message` as a mail with a plain and an HTML part.

    Sent again, it has the same `Message-ID`. All mails about one subject refer to one root, which
    makes them one thread. None of them bears the root's own id: several could be the first one, and
    mail servers drop a second mail with the same id. The ids belong to the sender's domain.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(sender.display_name or _SENDER_NAME, sender.username, sender.domain)
    mail["To"] = to
    subject = message.mail_subject or message.title
    mail["Subject"] = clean_line(subject, _LONGEST_SUBJECT) or _SENDER_NAME
    mail["Date"] = format_datetime(now)
    digest = sha256(message.key.encode("utf-8", "replace")).hexdigest()[:16]
    mail["Message-ID"] = f"<{_id(message.key)}.{digest}@{sender.domain}>"
    if message.subject:
        root = f"<{_id(message.subject)}@{sender.domain}>"
        mail["In-Reply-To"] = root
        mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    if message.urgency is Urgency.PAGE:
        mail["Importance"] = "high"
    # Not every server takes eight bits, and none has to take lines of any length.
    mail.set_content(_plain(message), cte="quoted-printable")
    mail.add_alternative(_html(message), subtype="html", cte="quoted-printable")
    return mail


def _id(text: str) -> str:
    """Text as the left side of an id."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text)[:_LONGEST_ID].strip("-") or "message"


def _plain(message: Message) -> str:
    return _safe(f"{message.title}\n\n{message.text}\n")


def _html(message: Message) -> str:
    """The message as HTML; each paragraph finds its own direction, from its first letter."""
    lines = "".join(f'<p dir="auto">{_escaped(line)}</p>\n' for line in message.lines)
    links = "".join(
        f'<p dir="auto"><a href="{_escaped(link.url)}">{_escaped(link.words)}</a></p>\n'
        for link in message.links
        if link.url.startswith(("https://", "http://"))
    )
    return (
        "<!doctype html>\n"
        f'<html><head><meta charset="utf-8"><title>{_escaped(message.title)}</title></head>\n'
        f'<body>\n<h3 dir="auto">{_escaped(message.title)}</h3>\n{lines}{links}</body></html>\n'
    )


def _escaped(text: str) -> str:
    return html.escape(_safe(text))


def _safe(text: str) -> str:
    """Text without what no mail can hold: NUL, and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
