"""Sending one message to one target."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from webapp.domain.notices.message import Message
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.guard import guarded
from webapp.outbound.settings import Destination

_SENDERS: Mapping[Kind, tuple[str, str]] = {
    Kind.EMAIL: ("mail", "send_mail"),
    Kind.TEAMS: ("teams", "send_to_teams"),
    Kind.SLACK: ("slack", "send_to_slack"),
    Kind.NTFY: ("ntfy", "send_to_ntfy"),
    Kind.PAGERDUTY: ("pagerduty", "send_to_pagerduty"),
    Kind.PUSHOVER: ("pushover", "send_to_pushover"),
    Kind.SMS: ("sms", "send_sms"),
    Kind.WEBHOOK: ("webhook", "send_webhook"),
    Kind.APPRISE: ("any_apprise", "send_by_apprise"),
}
"""The module and function of each kind. It is loaded when something is sent: most processes never
do, and Apprise takes 10 MB."""

Sender = Callable[[Destination, Message], str]


def send(destination: Destination, message: Message) -> str:
    """Send `message` once and return what the receiver answered, in words (`202 Accepted`).

    Nothing is retried here. Takes at most about 30 seconds. Raises DeliveryError. The guard is
    around every kind, so that no sender can forget it.
    """
    with guarded(destination.outbound_hosts, ca_file=destination.ca_file):
        return sender_of(destination.kind)(destination, message)


def sender_of(kind: Kind) -> Sender:
    """Return the function that sends to a kind of target; load it if need be."""
    module, name = _SENDERS[kind]
    return cast("Sender", getattr(import_module(f"webapp.outbound.{module}"), name))
