"""ntfy, by Apprise's plugin.

Three links are buttons, the first is also what a tap on the message opens. Of more links the first
two and the last are buttons, and the others stand in the text, where ntfy makes links of them. A
page has the highest priority, which rings through "do not disturb".
"""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from apprise.plugins.ntfy import NotifyNtfy

from webapp.domain.notices.message import Link, Message, Urgency
from webapp.outbound.apprise_asset import ASSET
from webapp.outbound.apprise_send import send_by_plugin
from webapp.outbound.cut_text import cut_to_fit, utf8_size
from webapp.outbound.errors import Failure
from webapp.outbound.http import HttpAnswer
from webapp.outbound.provider_words import Verdict, joined, json_of
from webapp.outbound.settings import Destination

TITLE_LENGTH = NotifyNtfy.title_maxlen
MESSAGE_SIZE = 4_096
"""Bytes; ntfy makes a longer message an attachment."""
JSON_SIZE = NotifyNtfy.ntfy_json_upstream_size_limit
"""Characters of the JSON that the plugin sends; it makes more an attachment."""
MAX_BUTTONS = 3
LINKS_SIZE = 2_000
"""Characters of JSON that links in the text may take, so that something remains for words."""

_PRIORITIES: Mapping[Urgency, str] = {
    Urgency.PAGE: "5",
    Urgency.NORMAL: "3",
    Urgency.QUIET: "2",
}
_TAGS: Mapping[Urgency, str] = {
    Urgency.PAGE: "rotating_light",
    Urgency.NORMAL: "bell",
    Urgency.QUIET: "",
}
_BAD_TOPICS = {40009, 40010}
"""A name that cannot be a topic, or one that the server keeps to itself."""


def send_to_ntfy(destination: Destination, message: Message) -> str:
    """Publish to the topic; see `send.send`."""
    plugin = _build_plugin(
        destination.secrets["url"], destination.secrets.get("token", ""), message
    )
    return send_by_plugin(
        plugin,
        *_build_text(message),
        message=message,
        destination=destination,
        name="ntfy",
        judge=_judge,
    )


def _judge(answer: HttpAnswer) -> Verdict:
    """Read an answer that is no success."""
    content = json_of(answer)
    is_topic = content.get("code") in _BAD_TOPICS
    return Verdict(Failure.PERMANENT if is_topic else None, joined(content.get("error")))


def _build_plugin(url: str, token: str, message: Message) -> NotifyNtfy:
    """Return the plugin that sends to the topic at `url` as urgently as `message` is."""
    parts = urlsplit(url)
    return NotifyNtfy(  # type: ignore[no-untyped-call]  # Apprise has no types here
        asset=ASSET,
        secure=parts.scheme == "https",
        host=parts.hostname,
        port=parts.port,
        targets=[parts.path.strip("/")],
        mode="private",
        auth="token" if token else "basic",
        token=token or None,
        priority=_PRIORITIES[message.urgency],
        xtags=_TAGS[message.urgency] or None,
        click=message.links[0].url if message.links else None,
        actions=_buttons(message),
        include_image=False,
    )


def _build_text(message: Message) -> tuple[str, str]:
    """Return title and text, within what ntfy and the plugin take; links in it are whole."""
    title = cut_to_fit(message.title, TITLE_LENGTH)
    ending = _links_in_text(message.links)
    room = JSON_SIZE - len(json.dumps({"topic": "t" * 64, "title": title, "message": ending}))
    text = "\n".join(message.lines)
    fitting = cut_to_fit(text, MESSAGE_SIZE - utf8_size(ending), utf8_size)
    text = (cut_to_fit(fitting, room, _json_size) + ending).strip("\n")
    return (title, text) if text else ("", title)


def _links_in_text(links: Sequence[Link]) -> str:
    """Return the links that are no buttons, each whole on a line, as many as fit."""
    shown = ""
    for link in links[MAX_BUTTONS - 1 : -1] if len(links) > MAX_BUTTONS else ():
        longer = f"{shown}\n{link.words}: {link.url}"
        if _json_size(longer) <= LINKS_SIZE:
            shown = longer
    return shown


def _buttons(message: Message) -> str | None:
    """Return the buttons as JSON, which is ASCII and so fits into a header."""
    links = message.links
    if len(links) > MAX_BUTTONS:
        links = (*links[: MAX_BUTTONS - 1], links[-1])
    buttons = [{"action": "view", "label": link.words, "url": link.url} for link in links]
    return json.dumps(buttons) if buttons else None


def _json_size(text: str) -> int:
    return len(json.dumps(text)) - 2
