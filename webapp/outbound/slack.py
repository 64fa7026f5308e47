"""Slack, through an incoming webhook.

Posted directly, not by Apprise: its plugin keeps only three parts of the address (which rules out
other hosts and new forms of addresses), shows links as text that cannot be clicked, and cuts after
converting, which may break an escape. Text stands in `plain_text` blocks, where neither formatting
nor `<!channel>` means anything; only links are `mrkdwn`, marked `verbatim`, so that Slack finds no
names in them either. Links are not buttons, because Slack reports a press of a button to the app,
and shows a warning for an app that only has a webhook.
"""

from collections.abc import Sequence

from webapp.domain.notices.message import Link, Message, Urgency
from webapp.outbound.cut_text import cut_to_fit
from webapp.outbound.errors import Failure
from webapp.outbound.http import HttpAnswer, post
from webapp.outbound.provider_words import Verdict, explaining
from webapp.outbound.settings import Destination

HEADER_LENGTH = 150
SECTION_LENGTH = 3_000
"""Characters of one text object, after escaping."""
TEXT_LENGTH = 4_000
"""Characters of the text that notifications show."""
MAX_WORDS = 75

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ENDED = {
    *("action_prohibited", "channel_is_archived", "channel_not_found", "invalid_token"),
    *("no_active_hooks", "no_service", "no_service_id", "no_team", "team_disabled"),
    *("posting_to_general_channel_denied", "user_not_found"),
}


def send_to_slack(destination: Destination, message: Message) -> str:
    """Post to the webhook's channel; see `send.send`."""
    return post(
        destination.secrets["url"],
        destination=destination,
        json=build_payload(message),
        explain=explaining(destination, "Slack", _judge),
    ).words


def _judge(answer: HttpAnswer) -> Verdict:
    """Read an answer that is no success: one word."""
    word = answer.text.strip()
    if not word.replace("_", "").isalpha():
        return Verdict()
    return Verdict(Failure.PERMANENT if word in _ENDED else None, word)


def escape(text: str) -> str:
    """Return `text` with the three characters escaped that Slack reads as control characters."""
    return text.translate(_ESCAPES)


def build_payload(message: Message) -> dict[str, object]:
    """Return the body of the request, every part within Slack's limits."""
    words = f"URGENT: {message.title}" if message.urgency is Urgency.PAGE else message.title
    blocks: list[dict[str, object]] = [
        {"type": "header", "text": _plain(words, HEADER_LENGTH)},
    ]
    if message.lines:
        blocks.append({"type": "section", "text": _plain("\n".join(message.lines), SECTION_LENGTH)})
    if links := _links(message.links):
        blocks.append(
            {"type": "section", "text": {"type": "mrkdwn", "text": links, "verbatim": True}}
        )
    return {
        "text": _escaped(words, TEXT_LENGTH),
        "mrkdwn": False,
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _plain(text: str, limit: int) -> dict[str, object]:
    return {"type": "plain_text", "text": _escaped(text, limit) or "-", "emoji": False}


def _escaped(text: str, limit: int) -> str:
    return escape(cut_to_fit(text, limit, lambda fitting: len(escape(fitting))))


def _links(links: Sequence[Link]) -> str:
    """Return as many links as fit, each whole."""
    shown = ""
    for link in links:
        longer = "\n".join(filter(None, (shown, _link(link))))
        if len(longer) <= SECTION_LENGTH:
            shown = longer
    return shown


def _link(link: Link) -> str:
    url = escape(link.url.replace("|", "%7C").replace("<", "%3C").replace(">", "%3E"))
    return f"<{url}|{_words(link.words)}>"


def _words(words: str) -> str:
    return _escaped(words.replace("|", "/").replace("\n", " "), MAX_WORDS)
