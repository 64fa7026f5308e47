"""Marked secrets, and where they are found in whatever form."""

import base64
import gzip
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 8


def forms_of(secret: str) -> set[bytes]:
    """A secret as it would stand somewhere: plain, or as an encoding that is often used."""
    plain = secret.encode()
    forms = {
        *(plain, plain.replace(b"-", b""), plain.replace(b" ", b"")),
        *(plain.hex().encode(), plain.hex().upper().encode()),
        *(quote(secret, safe="").encode(), quote_plus(secret).encode()),
        *(quote(secret).encode(), html.escape(secret).encode()),
        *(json.dumps(secret)[1:-1].encode(), json.dumps(secret).encode("unicode_escape")[1:-1]),
        "".join(f"\\u{ord(one):04x}" for one in secret).encode(),
        secret.encode("utf-16-le"),
    }
    forms |= set(_inside_base64(plain))
    return {form for form in forms if len(form) >= SHORTEST}


def _inside_base64(plain: bytes) -> Iterator[bytes]:
    """Base64 of any text with these bytes in it, without what its neighbours have a part in."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + plain)
        middle = encoded[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]
        yield middle
        yield middle.translate(bytes.maketrans(b"+/", b"-_"))


def found_in(content: bytes, secrets: Mapping[str, str]) -> set[str]:
    """The names of the secrets that stand in `content`, in whatever form."""
    return {
        name
        for name, secret in secrets.items()
        if any(form in content for form in forms_of(secret))
    }


def found_in_files(paths: Iterable[Path], secrets: Mapping[str, str]) -> dict[str, set[str]]:
    """What stands in which file, by its name; files are read as they are, and unpacked."""
    found = {}
    for path in paths:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content += gzip.decompress(content)
        if names := found_in(content, secrets):
            found[path.name] = names
    return found
