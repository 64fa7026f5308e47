"""Sending one message to one target."""

from collections.abc import Callable, Mapping

from webapp.domain.notices.message import Message
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.guard import guarded
from webapp.outbound.mail import send_mail
from webapp.outbound.settings import Destination
from webapp.outbound.webhook import send_webhook

_SENDERS: Mapping[Kind, Callable[[Destination, Message], str]] = {
    Kind.EMAIL: send_mail,
    Kind.WEBHOOK: send_webhook,
}


def send(destination: Destination, message: Message) -> str:
    """Send `message` once and return what the receiver answered, in words (`202 Accepted`).

    Nothing is retried here. Takes at most about 30 seconds. Raises DeliveryError. The guard is
    around every kind, so that no sender can forget it.
    """
    with guarded(destination.outbound_hosts, ca_file=destination.ca_file):
        return _SENDERS[destination.kind](destination, message)
