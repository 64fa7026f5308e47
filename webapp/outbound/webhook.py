"""Sending a message to a webhook, signed as the Standard Webhooks specification says.

https://www.standardwebhooks.com
"""

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from webapp import clock
from webapp.domain.notices.message import Message
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.http import post
from webapp.outbound.settings import Destination

_PREFIX = "whsec_"
_FEWEST_BYTES, _MOST_BYTES = 24, 64
_NEW_BYTES = 32


def send_webhook(destination: Destination, message: Message) -> str:
    """Post `message` once and return the status in words. Raises DeliveryError.

    `webhook-id` is the message's key, so that a receiver can drop a repeat. There is a signature
    for each secret, the newest first, and none where the target has no secret.
    """
    body = write_body(message)
    sent_at = int(clock.utcnow().timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message.key,
        "webhook-timestamp": str(sent_at),
    }
    valid = destination.secrets.get("secret", "").split()
    try:
        if valid:
            headers["webhook-signature"] = sign(valid, message.key, sent_at, body)
    except ValueError as error:
        raise DeliveryError(Failure.PERMANENT, str(error)) from None
    url = destination.settings["url"]
    return post(url, destination=destination, data=body, headers=headers).words


def write_body(message: Message) -> bytes:
    """Return the JSON body, `{"type", "timestamp", "data"}`, in ASCII."""
    return json.dumps(
        {
            "type": message.event,
            "timestamp": _iso(message.happened_at),
            "data": dict(message.data),
        },
        separators=(",", ":"),
    ).encode()


def sign(valid: Sequence[str], key: str, sent_at: int, body: bytes) -> str:
    """Return `webhook-signature` for a body: a signature by each secret, separated by spaces.

    Raises ValueError for a secret that `check_secret` refuses.
    """
    content = f"{key}.{sent_at}.".encode() + body
    digests = [hmac.digest(check_secret(secret), content, "sha256") for secret in valid]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def new_secret() -> str:
    """Return a new signing secret."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode()


def check_secret(text: str) -> bytes:
    """Return the key in a signing secret; raises ValueError with a sentence that has no secret."""
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
        raise ValueError(
            f"A signing secret is {_PREFIX} and base64 of {_FEWEST_BYTES} to {_MOST_BYTES} bytes. "
            "Leave it empty to have one made."
        )
    return key


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
