"""Pushover, by Apprise's plugin.

A page has priority 1, which rings in the recipient's quiet hours. Priority 2 would repeat until it
is acknowledged *in Pushover*, of which Triagedesk, whose policies repeat, would not learn.
"""

from collections.abc import Mapping

from apprise.plugins.pushover import NotifyPushover

from webapp.domain.notices.message import Link, Message, Urgency
from webapp.outbound.apprise_asset import ASSET
from webapp.outbound.apprise_send import send_by_plugin
from webapp.outbound.cut_text import cut_to_fit
from webapp.outbound.errors import Failure
from webapp.outbound.http import HttpAnswer
from webapp.outbound.provider_words import Verdict, joined, json_of
from webapp.outbound.settings import Destination

TITLE_LENGTH = 250
MESSAGE_LENGTH = 1_024
URL_LENGTH = 512
URL_TITLE_LENGTH = 100

_PRIORITIES: Mapping[Urgency, str] = {
    Urgency.PAGE: "1",
    Urgency.NORMAL: "0",
    Urgency.QUIET: "-1",
}
_WRONG_SETTINGS = ("application token", "user identifier", "user key", "device name")


def send_to_pushover(destination: Destination, message: Message) -> str:
    """Push to all devices of the user; see `send.send`."""
    plugin = _build_plugin(destination.settings["user"], destination.secrets["token"], message)
    return send_by_plugin(
        plugin,
        *_build_text(message),
        message=message,
        destination=destination,
        name="Pushover",
        judge=_judge,
    )


def _judge(answer: HttpAnswer) -> Verdict:
    """Read an answer that is no success: a list of errors."""
    content = json_of(answer)
    said = joined(content.get("errors"))
    is_wrong = answer.status == 400 and any(words in said for words in _WRONG_SETTINGS)
    return Verdict(Failure.PERMANENT if is_wrong else None, said)


def _build_plugin(user: str, token: str, message: Message) -> NotifyPushover:
    """Return the plugin that sends to `user` as urgently as `message` is."""
    link = _main_link(message)
    return NotifyPushover(  # type: ignore[no-untyped-call]  # Apprise has no types here
        asset=ASSET,
        secure=True,
        user_key=user,
        token=token,
        priority=_PRIORITIES[message.urgency],
        supplemental_url=link.url if link else None,
        supplemental_url_title=cut_to_fit(link.words, URL_TITLE_LENGTH) if link else None,
    )


def _build_text(message: Message) -> tuple[str, str]:
    """Return title and text; links beyond the first are in the text, each whole.

    What has no room is left out, but the last one, where all of them are found, stays longest.
    """
    title = cut_to_fit(message.title, TITLE_LENGTH)
    main = _main_link(message)
    others = [f"\n{link.words}: {link.url}" for link in message.links if link is not main]
    while len("".join(others)) > MESSAGE_LENGTH // 2:
        others.pop(-2 if len(others) > 1 else -1)
    ending = "".join(others)
    text = cut_to_fit("\n".join(message.lines), MESSAGE_LENGTH - len(ending)) + ending
    return (title, text.strip()) if text.strip() else ("", title)


def _main_link(message: Message) -> Link | None:
    fitting = (link for link in message.links if len(link.url) <= URL_LENGTH)
    return next(fitting, None)
