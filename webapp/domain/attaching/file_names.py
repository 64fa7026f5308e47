"""Names of files that somebody sent: cleaned for storing, and written into a header.

Sources: RFC 6266 and RFC 8187 for the header, Microsoft's "Naming Files, Paths, and Namespaces" for
what Windows cannot store.
"""

import re
import unicodedata
from urllib.parse import quote

from webapp.domain.untrusted import clean_line

NAME_LENGTH = 150
NO_NAME = "file"

_SEPARATORS = re.compile(r"[/\\]")
_UNUSABLE = re.compile(r'[<>:"|?*]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")
_ENDING = re.compile(r"\.[^. ]{1,15}$")
_UNSAFE_IN_QUOTES = re.compile(r'[^ -~]|["\\%]')
_TOKEN_CHARACTERS = "!#$&+-.^_`|~"  # noqa: S105 - the characters of RFC 8187 that need no escape


def clean_file_name(sent: object) -> str:
    """Return a name without path, control, invisible and bidirectional characters; never empty.

    It can be stored on every system, has at most NAME_LENGTH characters, and keeps its ending.
    """
    text = clean_line(_SEPARATORS.split(sent)[-1] if isinstance(sent, str) else None, 4_000) or ""
    visible = "".join(one for one in text if unicodedata.category(one) not in ("Cf", "Cn", "Co"))
    name = _UNUSABLE.sub("_", unicodedata.normalize("NFC", visible)).strip(". ")
    if not name:
        return NO_NAME
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    return _shorten(name)


def write_disposition(name: str) -> str:
    """Return the value of Content-Disposition for a download under `name` (cleaned before)."""
    plain = unicodedata.normalize("NFKD", name)
    fallback = _UNSAFE_IN_QUOTES.sub("_", "".join(one for one in plain if ord(one) < 0x300))
    encoded = quote(name.encode("utf-8", "replace"), safe=_TOKEN_CHARACTERS)
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{encoded}"


def _shorten(name: str) -> str:
    if len(name) <= NAME_LENGTH:
        return name
    ending = found[0] if (found := _ENDING.search(name)) else ""
    return name[: NAME_LENGTH - len(ending) - 1].rstrip(". ") + "…" + ending
