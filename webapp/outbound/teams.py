"""Microsoft Teams, through a workflow ("Post to a channel when a webhook request is received").

Posted directly, not by Apprise: its plugin takes the workflow's address apart and builds another
one, has no buttons, and puts the text into blocks that read Markdown. Here text goes into text
runs of an Adaptive Card, which show every character as it is, so nothing has to be escaped, nobody
can be mentioned, and a link is a button.
"""

import json
from collections.abc import Mapping

from webapp.domain.notices.message import Message, Urgency
from webapp.outbound.cut_text import cut_to_fit, utf8_size
from webapp.outbound.errors import Failure
from webapp.outbound.http import HttpAnswer, post
from webapp.outbound.provider_words import Verdict, explaining, json_of
from webapp.outbound.settings import Destination

LIMIT = 28 * 1024
"""Bytes of a whole message, as Microsoft documents it."""
TITLE_LENGTH = 300
MAX_BUTTONS = 6
"""A card with more actions is refused."""
MAX_BUTTON_WORDS = 80
MAX_LINK = 2_048

_STYLES: Mapping[Urgency, str] = {
    Urgency.PAGE: "attention",
    Urgency.NORMAL: "emphasis",
    Urgency.QUIET: "default",
}
_ENDED = {"WorkflowTriggerIsNotEnabled", "WorkflowNotFound", "WorkflowDisabled"}


def send_to_teams(destination: Destination, message: Message) -> str:
    """Post a card to the channel; see `send.send`."""
    return post(
        destination.secrets["url"],
        destination=destination,
        data=build_card(message),
        headers={"Content-Type": "application/json"},
        explain=explaining(destination, "The workflow", _judge),
    ).words


def _judge(answer: HttpAnswer) -> Verdict:
    """Read an answer of Azure's that is no success."""
    error = json_of(answer).get("error")
    if not isinstance(error, dict):
        return Verdict()
    code, said = str(error.get("code", "")), str(error.get("message", ""))
    return Verdict(Failure.PERMANENT if code in _ENDED else None, f"{code}: {said}")


def build_card(message: Message) -> bytes:
    """Return the body of the request, at most `LIMIT` bytes of JSON."""
    text = "\n".join(message.lines)
    return _encode(
        message,
        cut_to_fit(text, LIMIT, lambda fitting: len(_encode(message, fitting))),
    )


def _encode(message: Message, text: str) -> bytes:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [_heading(message), *(_paragraph(line) for line in text.split("\n") if line)],
        "actions": [
            {
                "type": "Action.OpenUrl",
                "title": cut_to_fit(link.words, MAX_BUTTON_WORDS),
                "url": link.url,
            }
            for link in message.links[:MAX_BUTTONS]
            if utf8_size(link.url) <= MAX_LINK
        ],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    payload = {"type": "message", "attachments": [attachment]}
    return json.dumps(payload, ensure_ascii=False).encode(errors="replace")


def _heading(message: Message) -> dict[str, object]:
    title = cut_to_fit(message.title, TITLE_LENGTH)
    return {
        "type": "Container",
        "style": _STYLES[message.urgency],
        "items": [
            _paragraph(
                f"URGENT: {title}" if message.urgency is Urgency.PAGE else title,
                size="Large",
                weight="Bolder",
            )
        ],
    }


def _paragraph(line: str, **looks: str) -> dict[str, object]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line, **looks}]}
