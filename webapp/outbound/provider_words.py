"""What a provider says of a message that it did not take, for people and for the next step."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from webapp.domain.untrusted import clean_line, cut
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.http import HttpAnswer
from webapp.outbound.http_refusals import refusal_for_status
from webapp.outbound.settings import Destination

MOST_WORDS = 300
_SHORTEST_SECRET = 6
_KEY_IN_ADDRESS = re.compile(r"(?=.*\d).{8,}", re.S)
"""Which part of an address counts as secret: neither `workflows` nor `v1`."""
_MASK = "•••"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How to take an answer; without `failure` its status decides. `words` are the provider's."""

    failure: Failure | None = None
    words: str = ""


def explaining(
    destination: Destination, name: str, judge: Callable[[HttpAnswer], Verdict]
) -> Callable[[HttpAnswer], DeliveryError | None]:
    """Return what `http.post` takes as `explain`: errors with the provider's own words."""

    def explain(answer: HttpAnswer) -> DeliveryError | None:
        verdict = judge(answer)
        usual = refusal_for_status(name, answer.status)
        words = quote(verdict.words, destination)
        if not words:
            return DeliveryError(verdict.failure or usual.failure, str(usual))
        return DeliveryError(
            verdict.failure or usual.failure, f"{name} answered {answer.words}: “{words}”"
        )

    return explain


def quote(text: str, destination: Destination) -> str:
    """Return words from outside as one clean line, without the destination's secrets."""
    line = clean_line(text) or ""
    for secret in sorted(_secrets_of(destination), key=len, reverse=True):
        line = line.replace(secret, _MASK)
    return cut(line, MOST_WORDS)


def json_of(answer: HttpAnswer) -> dict[str, object]:
    """Return the JSON object that the answer is, or an empty one."""
    try:
        content = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def joined(value: object) -> str:
    """Return a text, or a list of texts with commas."""
    if isinstance(value, list):
        return ", ".join(entry for entry in value if isinstance(entry, str))
    return value if isinstance(value, str) else ""


def _secrets_of(destination: Destination) -> Iterator[str]:
    """Yield every secret, and of addresses the parts that a provider might repeat."""
    for value in destination.secrets.values():
        pieces = [*value.split(), *_keys_in_address(value)]
        for piece in {*pieces, *map(unquote, pieces)}:
            if len(piece) >= _SHORTEST_SECRET:
                yield piece


def _keys_in_address(value: str) -> list[str]:
    try:
        parts = urlsplit(value)
    except ValueError:
        return []
    if not parts.netloc:
        return []
    keys = [*re.split("[:@]", parts.netloc), *parts.path.split("/")]
    keys += [entry.partition("=")[2] for entry in parts.query.split("&")]
    return [key for key in keys if _KEY_IN_ADDRESS.fullmatch(key)]
