"""What a page says of an entry of the timeline that it does not show yet."""

import re

from webapp.domain.untrusted import clean_line

SAID_LENGTH = 140
NOTE = "New note"
_MARKS = " #>*-`_"
_ESCAPED = re.compile(r"\\([^\w\s])")


def said_of_entry(body: str, *, is_note: bool) -> str:
    """One line of plain text about an entry: its first line, or that there is a note of a person.

    A note is not repeated: it is read where it stands, whole.
    """
    if is_note:
        return NOTE
    first = next((line for line in body.splitlines() if line.strip(_MARKS)), "")
    plain = _ESCAPED.sub(r"\1", first.strip(_MARKS).replace("**", "").replace("`", ""))
    return (clean_line(plain, SAID_LENGTH) or "Changed").removesuffix(".")
