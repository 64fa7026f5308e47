"""Judging what looks like an address of the internet: which names, addresses and hashes count."""

import ipaddress
import re

from webapp.domain.triage.domain_endings import (
    AMBIGUOUS_ENDINGS,
    KNOWN_ENDINGS,
    PRIVATE_ENDINGS,
    REFERENCE_HOSTS,
    TYPE_NAMES,
)

DOT = "\ue000"
"""Stands for a dot that was written defanged, so that it is still known to have been."""

_NETWORKS = [
    ipaddress.ip_network(one)
    for one in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_VERSION_BEFORE = re.compile(
    r"(?:\b(?:v|ver|version|versions|versionen|wersja|wersji|wersję|build|release|firmware|agent"
    r"|oid|section|abschnitt|chapter|kapitel|rozdział|control|rule|schema|driver|treiber|patch"
    r"|update|assembly|client|fassung|sensor)|バージョン|版|§)[\s:=('\"]*$",
    re.IGNORECASE,
)
_VERSION_OF = re.compile(
    r"\b(?:versions?|versionen|wersj[aię]|fassung|firmware|build|release)\s+"
    r"(?!(?:from|to|at|on|by|via|and|von|aus|nach|und|an|z|ze|od|do|na|i)\b)\w+\s+$",
    re.IGNORECASE,
)
_PRODUCT_BEFORE = re.compile(
    r"[A-Za-z][/_-]$|\b(?:AnyDesk|Chrome|Edge|Excel|Exchange|Firefox|FortiOS|Java|Office|Outlook|Reader"
    r"|ScreenConnect|Teams|TeamViewer|Windows|Word|Zoom)\s+$"
)
_ACCOUNT_BEFORE = re.compile(
    r"(?:\b(?:user|username|account|login|benutzer|konto|użytkownik|użytkownika|uzytkownik)"
    r"|ユーザー)[\s:=\"']*$",
    re.IGNORECASE,
)
_ID_BEFORE = re.compile(
    r"\b(?:id|guid|uuid|session|request|correlation|trace|commit|nonce|serial)\b[\s:=#\"']*$",
    re.IGNORECASE,
)


def read_ipv4(text: str) -> str | None:
    """Return the address, or network with its length, if it is one of the internet's."""
    address, _, length = text.replace(DOT, ".").partition("/")
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if any(found in network for network in _NETWORKS):
        return None
    return f"{address}/{length}" if length and int(length) <= 32 else address


def read_ipv6(text: str) -> str | None:
    """Return the address in its shortest form, if it is one of the internet's."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return str(found) if found in _GLOBAL_V6 else None


def is_version(text: str, before: str, *, follows_version: bool) -> bool:
    """Whether four numbers are a version. `before` is what stands before them.

    `follows_version` says that only a word or two stand between them and another version.
    """
    if any(one.search(before) for one in (_VERSION_BEFORE, _VERSION_OF, _PRODUCT_BEFORE)):
        return True
    return follows_version or (text.endswith(".0") and "/" not in text)


def is_hash(text: str, before: str) -> bool:
    """Whether hexadecimal digits of the right length are a hash, and no id."""
    lower = text.lower()
    return not (lower.isdigit() or len(set(lower)) < 4 or _ID_BEFORE.search(before))


def read_domain(text: str, *, before: str = "", is_address: bool = False) -> str | None:
    """Return the name in lower case if it is one of the internet, else None.

    `is_address` says that it stands in an address, where no file's name could stand.
    """
    is_defanged = DOT in text
    labels = text.replace(DOT, ".").split(".")
    if len(labels) > 2 and labels[-1].istitle() and labels[-2].lower() in KNOWN_ENDINGS:
        labels.pop()  # the first word of the next sentence
    ending, name = labels[-1], ".".join(labels)
    is_sure = is_defanged or is_address
    lower = name.lower()
    if ending.lower() not in KNOWN_ENDINGS and not ending.lower().startswith("xn--"):
        return None
    if any(not label or len(label) > 63 or label[0] == "-" or label[-1] == "-" for label in labels):
        return None
    if not is_sure and (lower in TYPE_NAMES or _ACCOUNT_BEFORE.search(before)):
        return None
    if not is_sure and ending != ending.lower() and name != name.upper():
        return None  # "System.Net", "finished.In"
    if not is_sure and ending.lower() in AMBIGUOUS_ENDINGS and len(labels) == 2:
        return None
    return None if is_reference(lower) else lower


def is_private_name(text: str) -> bool:
    """Whether a name ends as names inside one company do."""
    return text.replace(DOT, ".").rpartition(".")[2].lower() in PRIVATE_ENDINGS


def is_reference(host: str) -> bool:
    """Whether reports only send their readers there."""
    return host in REFERENCE_HOSTS or any(host.endswith(f".{one}") for one in REFERENCE_HOSTS)
