"""The mail server that takes our mails, and the subject of mails about tickets."""

import re
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.crypto import UnreadableText
from webapp.domain.notices.compose import (
    DEFAULT_MAIL_SUBJECT,
    SUBJECT_FIELDS,
    build_mail_subject,
)
from webapp.domain.notices.facts import TicketFacts
from webapp.domain.notices.target_kinds import Kind
from webapp.domain.untrusted import clean_line
from webapp.extensions import current_config
from webapp.models import NotificationSettings, Target
from webapp.outbound.check_host import check_host
from webapp.outbound.mail_text import read_mail_address
from webapp.services.audit import record_event
from webapp.services.desk.edit_rows import version_of
from webapp.services.errors import FieldError
from webapp.services.notices.message_settings import (
    apply_settings,
    lock_settings,
    read_message_settings,
)
from webapp.services.notices.targets.pause_targets import let_go
from webapp.services.transactions import transaction

SECURITIES = ("starttls", "tls", "none")
SUBJECT_LENGTH = 200
_LENGTH = 255
_BRACES = re.compile(r"\{([^{}]*)\}|[{}]")

SAMPLE = TicketFacts(
    ticket_id=1042,
    number="TKT-1042",
    title="[Huntress] Suspicious sign-in from a new country",
    client="Corner Bakery",
    client_id=1,
    board_id=1,
    severity="critical",
    client_reference="C-204",
)
"""The ticket whose mail the page shows as an example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailValues:
    """What a person enters about the mail server; an empty password keeps the stored one."""

    host: str = ""
    port: str = "587"
    security: str = "starttls"
    user: str = ""
    password: str = ""
    sender: str = ""
    subject: str = ""


def read_mail_values() -> MailValues:
    """Return what is stored as a person would enter it, without the password."""
    return as_mail_values(read_message_settings())


def as_mail_values(row: NotificationSettings) -> MailValues:
    """Return a row's mail server as a person would enter it, without the password."""
    return MailValues(
        host=row.mail_host or "",
        port=str(row.mail_port),
        security=row.mail_security,
        user=row.mail_user or "",
        sender=row.mail_sender or "",
        subject=row.mail_subject or DEFAULT_MAIL_SUBJECT,
    )


def mail_version(row: NotificationSettings) -> str:
    """The version of the values that `save_mail_settings` writes, but for the password."""
    return version_of(_stored(row))


def subject_example(template: str | None) -> str:
    """Return the subject that a mail about a sample ticket has."""
    return build_mail_subject(template or DEFAULT_MAIL_SUBJECT, SAMPLE)


def save_mail_settings(
    values: MailValues, *, seen: str | None = None, actor_id: int | None = None
) -> bool:
    """Save the mail server; returns False if nothing changed.

    Mail targets that a refusal had paused are tried again with the new settings. Raises FieldError,
    and EditConflictError if `seen` is outdated.
    """
    values = replace(values, **{name: _line(values, name) for name in ("host", "user", "sender")})
    with transaction() as session:
        row = lock_settings(session)
        problems = _problems(values) | _needs_password(values, row)
        if problems:
            raise FieldError(problems)
        wanted: dict[str, object] = {
            "mail_host": values.host or None,
            "mail_port": int(values.port),
            "mail_security": values.security,
            "mail_user": values.user or None,
            "mail_sender": values.sender or None,
            "mail_subject": _template(values.subject),
        }
        audited: dict[str, object] = {}
        if values.password or (row.mail_password and not values.user):
            audited = {"mail_password": bool(values.password)}
        is_changed = apply_settings(session, wanted, seen=seen, actor_id=actor_id, audited=audited)
        if audited:
            row.mail_password = values.password or None
        if is_changed:
            _try_again(session, actor_id)
    return is_changed


def _line(values: MailValues, name: str) -> str:
    return clean_line(getattr(values, name), 2 * _LENGTH) or ""


def _template(typed: str) -> str | None:
    """Return the template to store, None for the usual one."""
    text = clean_line(typed, 2 * SUBJECT_LENGTH)
    return None if text in (None, DEFAULT_MAIL_SUBJECT) else text


def _problems(values: MailValues) -> dict[str, str]:
    problems = {
        name: f"This is longer than {_LENGTH} characters."
        for name in ("host", "user", "sender")
        if len(getattr(values, name)) > _LENGTH
    }
    if not values.host:
        problems["host"] = "Enter the name of the mail server."
    elif any(character in values.host for character in "/@: ") and "::" not in values.host:
        problems["host"] = "Enter only the server's name, such as smtp.example.com."
    if not (values.port.isascii() and values.port.isdecimal() and 0 < int(values.port) < 65536):
        problems["port"] = "A port is a number from 1 to 65535; 587 and 465 are usual."
    if values.security not in SECURITIES:
        problems["security"] = f"The security is one of {', '.join(SECURITIES)}."
    if "host" not in problems and "port" not in problems:
        hosts = current_config().outbound_hosts
        problem = check_host(values.host, int(values.port), hosts)
        problems |= {"host": problem} if problem else {}
    try:
        read_mail_address(values.sender)
    except (ValueError, IndexError):
        problems["sender"] = "Enter an address, such as Triagedesk <triagedesk@example.com>."
    return problems | _subject_problems(values.subject)


def _subject_problems(template: str) -> dict[str, str]:
    known = ", ".join(f"{{{name}}}" for name in SUBJECT_FIELDS)
    if len(template) > SUBJECT_LENGTH:
        return {"subject": f"The subject is longer than {SUBJECT_LENGTH} characters."}
    unknown = [match[0] for match in _BRACES.finditer(template) if match[1] not in SUBJECT_FIELDS]
    if unknown:
        return {"subject": f"{unknown[0][:60]} means nothing here; there are {known}."}
    return {}


def _needs_password(values: MailValues, row: NotificationSettings) -> dict[str, str]:
    """Refuse to send a stored password to another server, and a user without any."""
    if not values.user or values.password:
        return {}
    if not row.mail_password or isinstance(row.mail_password, UnreadableText):
        return {"password": "Enter the user's password."}
    if (row.mail_host or "").lower() != values.host.lower():
        return {"password": "Enter it again: it is sent only to the server it was entered for."}
    return {}


def _try_again(session: Session, actor_id: int | None) -> None:
    """Resume mail targets that were refused: the settings that were wrong may be right now."""
    refused = session.scalars(
        select(Target)
        .where(
            Target.kind == Kind.EMAIL.value,
            Target.paused_at.is_not(None),
            Target.paused_by_id.is_(None),
        )
        .with_for_update()
    )
    for target in refused.all():
        let_go(session, target)
        record_event(
            session,
            action="target.resumed",
            subject_type="target",
            subject_id=target.id,
            after={"reason": "The mail server was changed."},
            actor_id=actor_id,
        )


def _stored(row: NotificationSettings) -> dict[str, object]:
    return {
        "mail_host": row.mail_host,
        "mail_port": row.mail_port,
        "mail_security": row.mail_security,
        "mail_user": row.mail_user,
        "mail_sender": row.mail_sender,
        "mail_subject": row.mail_subject,
    }
