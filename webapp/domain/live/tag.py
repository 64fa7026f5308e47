"""The tag of an answer, by which a page that asks again learns that nothing has changed."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

TAG_LENGTH = 20


def tag_of(answer: Mapping[str, Any]) -> str:
    """The tag of an answer that can be written as JSON: the same for the same answer, always.

    Nothing in an answer may change by itself, such as an age: else nobody would ever be told that
    nothing has changed.
    """
    text = json.dumps(answer, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:TAG_LENGTH]
