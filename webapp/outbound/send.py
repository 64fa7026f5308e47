"""Sending one message to one target."""

from webapp.domain.notices.message import Message
from webapp.outbound.settings import Destination


def send(destination: Destination, message: Message) -> str:
    """Send `message` once and return what the receiver answered, in words (`202 Accepted`).

    Nothing is retried here. Takes at most about 30 seconds. Raises DeliveryError.
    """
    raise NotImplementedError
