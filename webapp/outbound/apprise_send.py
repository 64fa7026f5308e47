"""Sending by a plugin of Apprise, inside the guard, and finding out what was answered.

A plugin tells only whether it succeeded. What the service answered, and what failed below it, is
therefore taken from the guard, which sees every exchange.
"""

from collections.abc import Callable

import requests
from apprise.common import NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase

from webapp.domain.notices.message import Message, Stage, Urgency
from webapp.outbound.apprise_asset import restrain
from webapp.outbound.connection_check import Guard
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.guard import guarded
from webapp.outbound.http import HttpAnswer, take_answer
from webapp.outbound.http_refusals import refusal_for_failure, status_words
from webapp.outbound.provider_words import Verdict, explaining
from webapp.outbound.settings import Destination


def send_by_plugin(
    plugin: NotifyBase,
    title: str,
    text: str,
    *,
    message: Message,
    destination: Destination,
    name: str,
    judge: Callable[[HttpAnswer], Verdict] = lambda answer: Verdict(),
) -> str:
    """Send once by `plugin` and return the service's last answer in words; see `send.send`.

    `name` is what sentences call the service, `judge` reads its answers that are no success.
    """
    restrain(plugin)
    with guarded(destination.outbound_hosts, ca_file=destination.ca_file) as guard:
        is_sent = _notify(plugin, title, text, message, guard)
    if not guard.outcomes:
        raise DeliveryError(
            Failure.PERMANENT, f"Nothing was sent: the address of {name} lacks something."
        )
    last = guard.outcomes[-1]
    if is_sent:
        return status_words(last.status_code) if isinstance(last, requests.Response) else "Sent"
    if isinstance(last, Exception):
        raise refusal_for_failure(name, last) from None
    answer = take_answer(_refused(guard) or last, name, explaining(destination, name, judge))
    raise DeliveryError(
        Failure.TRANSIENT, f"{name} answered {answer.words}, but did not take the message."
    )


def _notify(plugin: NotifyBase, title: str, text: str, message: Message, guard: Guard) -> bool:
    try:
        return plugin.notify(
            body=text, title=title, notify_type=_type_of(message), body_format=NotifyFormat.TEXT
        )
    except Exception as failure:  # noqa: BLE001 - a plugin may raise anything for an odd answer
        if not guard.outcomes:
            guard.outcomes.append(failure)
        return False


def _type_of(message: Message) -> NotifyType:
    if message.stage in (Stage.TAKEN, Stage.OVER):
        return NotifyType.SUCCESS
    return NotifyType.FAILURE if message.urgency is Urgency.PAGE else NotifyType.INFO


def _refused(guard: Guard) -> requests.Response | None:
    """Return the first answer that was no success; a plugin may make several requests."""
    answers = (outcome for outcome in guard.outcomes if isinstance(outcome, requests.Response))
    return next((answer for answer in answers if not 200 <= answer.status_code < 300), None)
