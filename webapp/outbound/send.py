"""Sending one message to one target."""

from collections.abc import Callable, Mapping

from webapp.domain.notices.message import Message
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.any_apprise import send_by_apprise
from webapp.outbound.guard import guarded
from webapp.outbound.mail import send_mail
from webapp.outbound.ntfy import send_to_ntfy
from webapp.outbound.pagerduty import send_to_pagerduty
from webapp.outbound.pushover import send_to_pushover
from webapp.outbound.settings import Destination
from webapp.outbound.slack import send_to_slack
from webapp.outbound.sms import send_sms
from webapp.outbound.teams import send_to_teams
from webapp.outbound.webhook import send_webhook

_SENDERS: Mapping[Kind, Callable[[Destination, Message], str]] = {
    Kind.EMAIL: send_mail,
    Kind.TEAMS: send_to_teams,
    Kind.SLACK: send_to_slack,
    Kind.NTFY: send_to_ntfy,
    Kind.PAGERDUTY: send_to_pagerduty,
    Kind.PUSHOVER: send_to_pushover,
    Kind.SMS: send_sms,
    Kind.WEBHOOK: send_webhook,
    Kind.APPRISE: send_by_apprise,
}


def send(destination: Destination, message: Message) -> str:
    """Send `message` once and return what the receiver answered, in words (`202 Accepted`).

    Nothing is retried here. Takes at most about 30 seconds. Raises DeliveryError. The guard is
    around every kind, so that no sender can forget it.
    """
    with guarded(destination.outbound_hosts, ca_file=destination.ca_file):
        return _SENDERS[destination.kind](destination, message)
