"""PagerDuty, by the Events API v2: one incident there for each ticket here.

`dedup_key` is the message's subject, so that what begins, is taken and is over concerns one
incident. The incident is acknowledged when a ticket is taken and resolved when it is over.
"""

from collections.abc import Mapping

from webapp.domain.notices.message import Message, Stage, Urgency
from webapp.outbound.cut_text import cut_to_fit, utf8_size
from webapp.outbound.errors import Failure
from webapp.outbound.http import HttpAnswer, post
from webapp.outbound.provider_words import Verdict, explaining, joined, json_of
from webapp.outbound.settings import Destination

DEFAULT_URL = "https://events.pagerduty.com"
PATH = "/v2/enqueue"
SUMMARY_LENGTH = 1_024
KEY_LENGTH = 255
TEXT_SIZE = 200 * 1024
"""Bytes of text in an event, of which the whole may have 512 KB."""

_ACTIONS: Mapping[Stage, str] = {
    Stage.BEGINS: "trigger",
    Stage.GOES_ON: "trigger",
    Stage.PLAIN: "trigger",
    Stage.TAKEN: "acknowledge",
    Stage.OVER: "resolve",
}
_SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}
_SEVERITIES_BY_URGENCY: Mapping[Urgency, str] = {
    Urgency.PAGE: "critical",
    Urgency.NORMAL: "warning",
    Urgency.QUIET: "info",
}


def send_to_pagerduty(destination: Destination, message: Message) -> str:
    """Trigger, acknowledge or resolve the incident; see `send.send`."""
    base = destination.settings.get("url") or DEFAULT_URL
    return post(
        base.rstrip("/").removesuffix(PATH) + PATH,
        destination=destination,
        json=build_event(message, destination.secrets["key"]),
        explain=explaining(destination, "PagerDuty", _judge),
    ).words


def _judge(answer: HttpAnswer) -> Verdict:
    """Read an answer that is no success: what is wrong with the event."""
    content = json_of(answer)
    said = ", ".join(filter(None, map(joined, (content.get("message"), content.get("errors")))))
    is_key = answer.status == 400 and "routing" in said.lower()
    return Verdict(Failure.PERMANENT if is_key else None, said)


def build_event(message: Message, key: str) -> dict[str, object]:
    """Return the event for the integration with the key `key`."""
    event: dict[str, object] = {
        "routing_key": key,
        "event_action": _ACTIONS[message.stage],
        "dedup_key": _dedup_key(message),
        "payload": {
            "summary": cut_to_fit(message.title, SUMMARY_LENGTH),
            "source": _source(message),
            "severity": _severity(message),
            "timestamp": message.happened_at.isoformat(),
            "custom_details": _details(message),
        },
        "links": [{"href": link.url, "text": link.words} for link in message.links],
        "client": "Triagedesk",
    }
    url = message.data.get("url")
    if isinstance(url, str) and url:
        event["client_url"] = url
    elif message.links:
        event["client_url"] = message.links[0].url
    return event


def _dedup_key(message: Message) -> str:
    """Return what names the incident; a message about nothing that ends has one of its own."""
    key = message.key if message.stage is Stage.PLAIN else message.subject
    return f"triagedesk:{key}"[:KEY_LENGTH]


def _severity(message: Message) -> str:
    if message.stage is Stage.PLAIN:
        return "info"
    return _SEVERITIES.get(message.severity or "") or _SEVERITIES_BY_URGENCY[message.urgency]


def _source(message: Message) -> str:
    for name in ("host", "client"):
        value = message.data.get(name)
        if isinstance(value, str) and value:
            return value
    return "Triagedesk"


def _details(message: Message) -> dict[str, object]:
    text = cut_to_fit("\n".join(message.lines), TEXT_SIZE, utf8_size)
    return {**message.data, "text": text}
