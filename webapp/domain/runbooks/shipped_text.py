"""Reading the files of runbooks that come with the product: a head of `name: value`, then the text.

The head ends with the first empty line.
"""

from dataclasses import dataclass


class ShippedTextError(ValueError):
    """A file of the product that cannot be read."""


@dataclass(frozen=True, slots=True)
class ShippedRunbook:
    """A runbook as it comes with the product; `key` is the name of its file."""

    key: str
    name: str
    position: int
    kinds: tuple[str, ...]
    severities: tuple[str, ...]
    platforms: tuple[str, ...]
    body: str


def parse_shipped_runbook(key: str, text: str) -> ShippedRunbook:
    """Read a file; raises ShippedTextError."""
    head, _, body = text.partition("\n\n")
    pairs = (line.partition(":") for line in head.split("\n"))
    values = {name.strip(): value.strip() for name, _, value in pairs}
    try:
        return ShippedRunbook(
            key=key,
            name=values["name"],
            position=int(values["position"]),
            kinds=_words(values["kinds"]),
            severities=_words(values["severities"]),
            platforms=_words(values["platforms"]),
            body=body.strip(),
        )
    except (KeyError, ValueError) as error:
        raise ShippedTextError(f"{key}: {error}") from error


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
