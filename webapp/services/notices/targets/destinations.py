"""Reading what a sender needs to know of a target, secrets included."""

import json
from typing import Any

from sqlalchemy.orm import Session

from webapp.config import Config
from webapp.crypto import UnreadableText
from webapp.domain.notices.target_kinds import Kind
from webapp.extensions import current_config
from webapp.models import NotificationSettings, Target
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.settings import Destination, MailServer

UNREADABLE = "The stored secret of this target cannot be read any more: enter it again."
NO_ACCOUNT = "The target whose account this contact method used is gone: an admin has to add one."

VIA = "via"
"""The setting of a contact method that names the target whose account it sends with."""


def read_destination(session: Session, target: Target, config: Config) -> Destination:
    """Return a target's settings in plain text; raises DeliveryError where no key fits them."""
    settings, secrets = _settings_of(target)
    via = settings.pop(VIA, None)
    if via is not None:
        lender = session.get(Target, via)
        if lender is None:
            raise DeliveryError(Failure.PERMANENT, NO_ACCOUNT)
        lent, lent_secrets = _settings_of(lender)
        settings, secrets = lent | settings, lent_secrets | secrets
    return Destination(
        kind=Kind(target.kind),
        settings={name: str(value) for name, value in settings.items()},
        secrets={name: str(value) for name, value in secrets.items()},
        outbound_hosts=config.outbound_hosts,
        mail_server=read_mail_server(session),
        ca_file=config.outbound_ca_file,
    )


def _settings_of(target: Target) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings and the secrets; raises DeliveryError where no key fits the secrets."""
    if isinstance(target.secrets, UnreadableText):
        raise DeliveryError(Failure.PERMANENT, UNREADABLE)
    return dict(target.settings), json.loads(target.secrets) if target.secrets else {}


def mail_destination(address: str, server: MailServer | None) -> Destination:
    """Return how a mail reaches an address that is no target."""
    config = current_config()
    return Destination(
        kind=Kind.EMAIL,
        settings={"to": address},
        outbound_hosts=config.outbound_hosts,
        mail_server=server,
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
