"""Reading what a sender needs to know of a target, secrets included."""

import json
from typing import Any

from sqlalchemy.orm import Session

from webapp.config import Config
from webapp.crypto import UnreadableText
from webapp.domain.notices.target_kinds import Kind
from webapp.models import NotificationSettings, Target
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.settings import Destination, MailServer

UNREADABLE = "The stored secret of this target cannot be read any more: enter it again."


def read_destination(session: Session, target: Target, config: Config) -> Destination:
    """Return a target's settings in plain text; raises DeliveryError where no key fits them."""
    if isinstance(target.secrets, UnreadableText):
        raise DeliveryError(Failure.PERMANENT, UNREADABLE)
    secrets: dict[str, Any] = json.loads(target.secrets) if target.secrets else {}
    return Destination(
        kind=Kind(target.kind),
        settings={name: str(value) for name, value in target.settings.items()},
        secrets={name: str(value) for name, value in secrets.items()},
        outbound_hosts=config.outbound_hosts,
        mail_server=read_mail_server(session),
        ca_file=config.outbound_ca_file,
    )


def read_mail_server(session: Session) -> MailServer | None:
    """Return the mail server, None where none is set up or its password cannot be read."""
    stored = session.get(NotificationSettings, 1)
    if stored is None or not stored.mail_host or isinstance(stored.mail_password, UnreadableText):
        return None
    return MailServer(
        host=stored.mail_host,
        port=stored.mail_port,
        security=stored.mail_security,
        user=stored.mail_user or "",
        password=stored.mail_password or "",
        sender=stored.mail_sender or "",
    )
