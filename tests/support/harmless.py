"""Whether a page that shows somebody else's text is harmless, judged from its parsed elements."""

import csv
import io
import re
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from werkzeug.test import TestResponse

from tests.support.strict_html import parse

BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NEVER = {"img", "iframe", "object", "embed", "base", "style", "video", "audio", "math", "marquee"}
OWN_PICTURE = re.compile(r"/tickets/[0-9]+/files/[0-9]+/picture")
ADDRESSES = ("href", "src", "action", "formaction", "poster", "data", "hx-get", "hx-post")
REL = {"noopener", "noreferrer", "nofollow"}
FORMULA = tuple("=+-@\t\r")


def problems_of(response: TestResponse) -> list[str]:
    """What is wrong with an answer; a page is parsed strictly, a CSV file cell by cell."""
    kind = response.mimetype
    if kind == "text/html" and response.text:
        html = response.text
        is_page = html.lstrip().lower().startswith("<!doctype")
        tree = parse(html if is_page else f"<!doctype html><title>part</title>{html}")
        return [*_element_problems(tree), *_text_problems(html)]
    if kind == "text/csv":
        return [f"a formula: {cell!r}" for cell in _cells(response.text) if _is_formula(cell)]
    return []


def live_links(tree: Element) -> list[str]:
    """The addresses outside of this site that a click would open."""
    found = [link.get("href") or "" for link in tree.iter("a")]
    return [address for address in found if urlsplit(address).netloc]


def _element_problems(tree: Element) -> list[str]:
    found = []
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue  # a comment
        if element.tag in NEVER and not _is_own_picture(element):
            found.append(f"<{element.tag}>")
        if element.tag == "script" and not (element.get("src") and element.get("nonce")):
            found.append("a script that is not ours")
        if element.tag == "meta" and (element.get("http-equiv") or "").lower() == "refresh":
            found.append("a page that leads elsewhere by itself")
        found += [f"{name} of <{element.tag}>" for name in element.attrib if name.startswith("on")]
        found += _address_problems(element)
    return found


def _is_own_picture(element: Element) -> bool:
    """Whether it shows a file of a ticket, which is served written anew."""
    return element.tag == "img" and OWN_PICTURE.fullmatch(element.get("src") or "") is not None


def _address_problems(element: Element) -> list[str]:
    found = []
    for name in ADDRESSES:
        value = (element.get(name) or "").strip()
        try:
            parts = urlsplit(value)
        except ValueError:
            found.append(f"an unreadable address: {value!r}")
            continue
        if parts.scheme not in ("", "http", "https"):
            found.append(f"{name}={value!r}")
        if parts.netloc and (name != "href" or element.tag != "a"):
            found.append(f"something from elsewhere: {name}={value!r}")
        elif parts.netloc and not set((element.get("rel") or "").split()) >= REL:
            found.append(f"a link to elsewhere that tells where from: {value!r}")
    return found


def _text_problems(html: str) -> list[str]:
    return ["a bidirectional control character"] if BIDI.search(html) else []


def _cells(text: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text.lstrip("\ufeff"))) for cell in row]


def _is_formula(cell: str) -> bool:
    is_number = re.fullmatch(r"-?\d+(\.\d+)?", cell) is not None
    return cell.startswith(FORMULA) and not is_number
