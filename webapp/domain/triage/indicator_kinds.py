"""What an indicator of compromise is, how two are compared, and how one is written safely."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

LONGEST_VALUE = 2_000
"""The longest value, in characters; a longer one is no indicator that anybody could look up."""

_HIVES = {
    "hkey_local_machine": "hklm",
    "hkey_current_user": "hkcu",
    "hkey_users": "hku",
    "hkey_classes_root": "hkcr",
    "hkey_current_config": "hkcc",
}
_KEY = re.compile(r"[0-9a-f]{64}")
_ORIGIN = re.compile(r"(?i)((?:[a-z]+://)?)([^/?#]*)(.*)", re.DOTALL)
_SCHEME = re.compile(r"(?i)^(h)tt(ps?://)")


class IndicatorKind(StrEnum):
    """The kinds of indicators, in the order in which they are shown."""

    SHA256 = "sha256"
    SHA1 = "sha1"
    MD5 = "md5"
    IP = "ip"
    DOMAIN = "domain"
    URL = "url"
    EMAIL = "email"
    ACCOUNT = "account"
    PATH = "path"
    REGISTRY = "registry"


KIND_WORDS = {
    IndicatorKind.SHA256: "SHA-256 hashes",
    IndicatorKind.SHA1: "SHA-1 hashes",
    IndicatorKind.MD5: "MD5 hashes",
    IndicatorKind.IP: "IP addresses",
    IndicatorKind.DOMAIN: "Domains",
    IndicatorKind.URL: "URLs",
    IndicatorKind.EMAIL: "E-mail addresses",
    IndicatorKind.ACCOUNT: "Accounts",
    IndicatorKind.PATH: "Paths",
    IndicatorKind.REGISTRY: "Registry keys",
}
HASH_KINDS = (IndicatorKind.SHA256, IndicatorKind.SHA1, IndicatorKind.MD5)
_DEFANGED = frozenset(
    {IndicatorKind.IP, IndicatorKind.DOMAIN, IndicatorKind.URL, IndicatorKind.EMAIL}
)


@dataclass(frozen=True, slots=True)
class FoundIndicator:
    """An indicator: its kind, and its value as it is shown (never defanged)."""

    kind: IndicatorKind
    value: str

    @property
    def key(self) -> str:
        """What is equal for equal indicators: the SHA-256 (hex) of kind and compared value."""
        return hashlib.sha256(
            f"{self.kind}:{_compared(self.kind, self.value)}".encode()
        ).hexdigest()


def is_indicator_key(text: str) -> bool:
    """Whether `text` can be the key of an indicator."""
    return _KEY.fullmatch(text) is not None


def defang_indicator(kind: str, value: str) -> str:
    """Return `value` so that no program makes it a link: `hxxps://evil[.]example`.

    Hashes, paths, keys and accounts cannot be followed and stay as they are.
    """
    if kind not in _DEFANGED:
        return value
    scheme, place, rest = _parts(_SCHEME.sub(r"\1xx\2", value))
    if ":" in place and place.count(":") > 1:
        place = place.replace(":", "[:]")
    return f"{scheme}{place.replace('.', '[.]').replace('@', '[@]')}{rest}"


def _compared(kind: IndicatorKind, value: str) -> str:
    """The value in the form in which it is compared; only URLs and Unix paths keep their case."""
    if kind is IndicatorKind.URL:
        scheme, place, rest = _parts(value)
        return f"{scheme.lower()}{place.lower()}{rest}"
    if kind is IndicatorKind.PATH:
        is_unix = value.startswith(("/", "~"))
        return value.rstrip("/") if is_unix else value.lower().replace("/", "\\").rstrip("\\")
    if kind is IndicatorKind.REGISTRY:
        hive, _, rest = value.lower().partition("\\")
        hive = hive.rstrip(":")
        return f"{_HIVES.get(hive, hive)}\\{rest}".rstrip("\\")
    return value.lower()


def _parts(address: str) -> tuple[str, str, str]:
    """Scheme, place and rest of an address."""
    match = _ORIGIN.match(address)
    return (match[1], match[2], match[3]) if match else ("", address, "")
