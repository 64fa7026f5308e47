"""Text messages, by Twilio's Messages API.

Posted directly, not by Apprise: its plugin refuses senders with numbers of ten digits (Norway,
Denmark, Singapore and others), names as senders, and messaging services.
"""

import re
from collections.abc import Mapping

from webapp.domain.notices.message import Message
from webapp.outbound.errors import Failure
from webapp.outbound.http import HttpAnswer, post
from webapp.outbound.provider_words import Verdict, explaining, joined, json_of
from webapp.outbound.settings import Destination
from webapp.outbound.sms_text import fit_endings

BASE = "https://api.twilio.com"
MESSAGE_LENGTH = 1_600
"""Characters that Twilio takes; a link that is longer is left out."""

_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")

_WRONG_SETTINGS = frozenset(
    {
        *(20003, 20404),  # credentials, account
        *(21211, 21214, 21217, 21401, 21407, 21614),  # no number that takes text messages
        *(21408, 21612),  # no sending to that country, no way there
        *(21212, 21603, 21606, 21659, 21660, 21661),  # the sender
        *(21608, 21610),  # a trial's unverified number, a recipient who answered STOP
        *(21701, 21703, 21704, 21705),  # the messaging service
    }
)
_LATER = frozenset({20429, 21611, 30001, 63038})
"""Too many requests, a full queue, the day's limit."""

_FAILURES: Mapping[int, Failure] = {
    **dict.fromkeys(_WRONG_SETTINGS, Failure.PERMANENT),
    **dict.fromkeys(_LATER, Failure.TRANSIENT),
}


def send_sms(destination: Destination, message: Message) -> str:
    """Send a text message; see `send.send`."""
    settings = destination.settings
    form = build_form(message, to=settings["to"], sender=settings["from"])
    return post(
        address_of(settings["account"]),
        destination=destination,
        data=form,
        auth=(settings["account"], destination.secrets["token"]),
        explain=explaining(destination, "Twilio", _judge),
    ).words


def _judge(answer: HttpAnswer) -> Verdict:
    """Read an answer that is no success: its code decides."""
    content = json_of(answer)
    code, said = content.get("code"), joined(content.get("message"))
    if not isinstance(code, int):
        return Verdict(None, said)
    return Verdict(_FAILURES.get(code), f"{said} (error {code})")


def address_of(account: str) -> str:
    """Return where the messages of `account` are made."""
    return f"{BASE}/2010-04-01/Accounts/{account}/Messages.json"


def build_form(message: Message, *, to: str, sender: str) -> dict[str, str]:
    """Return the fields of the form; `sender` is a number, a name or a messaging service."""
    name = "MessagingServiceSid" if _SERVICE.fullmatch(sender) else "From"
    return {"To": to, name: sender, "Body": _build_text(message)}


def _build_text(message: Message) -> str:
    """Return the message in brief; its endings, such as links, are whole."""
    brief = message.in_brief
    endings = [ending for ending in brief.endings if len(ending) + 1 < MESSAGE_LENGTH]
    return fit_endings("\n".join(brief.lines), endings)
