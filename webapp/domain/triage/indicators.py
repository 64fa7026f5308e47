"""Finding indicators of compromise in a report, whatever language it is written in.

Each kind is one pass over the text. What was found is taken out of it, so that an address of a page
is not found again as a path. No part of a text is read more than a few times.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from webapp.domain.html_text import html_to_text
from webapp.domain.incident import Incident
from webapp.domain.triage.indicator_addresses import (
    DOT,
    is_hash,
    is_private_name,
    is_reference,
    is_version,
    read_domain,
    read_ipv4,
    read_ipv6,
)
from webapp.domain.triage.indicator_kinds import (
    LONGEST_VALUE,
    FoundIndicator,
    IndicatorKind,
)
from webapp.domain.triage.indicator_paths import PathFound, find_paths, find_unix_paths
from webapp.domain.untrusted import clean_text

MOST_INDICATORS = 200
LONGEST_READ = 200_000
"""How many characters of a report are read at most."""

_TAKEN = "\ue001"
_LOOKED_BACK = 40
_WORD = "0-9A-Za-zÀ-ɏ"
_ADDRESS = r"!#$%&()*+,\-./0-9:;=?@A-Z\[\]_a-z~À-ɏ" + DOT
_LABELS = rf"(?:[{_WORD}_-]{{1,63}}+[.{DOT}](?=[{_WORD}]))++"
_ENDING = rf"(?:xn--[A-Za-z0-9-]{{2,59}}+|[A-Za-zÀ-ɏ]{{2,24}}+)(?![{_WORD}_-])"

_DOTS = re.compile(r"\s?(?:\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\{dot\}|\[\.|\.\])\s?", re.I)
_ATS = re.compile(r"\s?(?:\[@\]|\(@\)|\[at\]|\(at\)|\{at\})\s?", re.I)
_SCHEMES = re.compile(r"(?i)(?<![a-z0-9])h(?:xx|\*\*|__|XX)p(s?)(?=\[?:)")
_COLONS = re.compile(r"\[(:(?://)?)\]|(?<=:)\[//\]|\[:(?=//)")
_URL = re.compile(
    rf"(?i)(?<![a-z0-9])(?:https?|ftps?|sftp|wss?|ldaps?|smb|tcp)://[{_ADDRESS}]{{1,2000}}+"
)
_EMAIL = re.compile(rf"(?<![{_WORD}._%+-])[{_WORD}._%+-]{{1,64}}+@({_LABELS}{_ENDING})")
_NAME = re.compile(
    rf"(?<![{_WORD}_.@{DOT}-])(?:\*?[.{DOT}])?({_LABELS}{_ENDING})((?::\d{{1,5}}+)?(?:/[{_ADDRESS}]{{1,1900}}+)?)"
)
_ACCOUNT = re.compile(
    rf"(?<![{_WORD}_\\:/.$%-])(?P<domain>[A-Za-zÀ-ɏ][{_WORD}-]{{0,14}}+)\\{{1,2}}"
    rf"(?P<name>[{_WORD}][{_WORD}._$-]{{0,62}}+|[\u3400-\u9fff々]{{1,20}}+)(?![\\{_WORD}])"
)
_ACCOUNT_WORDS = re.compile(
    r"(?:\b(?:user|account|as|by|for|login|logon|identity|benutzer|konto|als|von|durch|użytkownik"
    r"|użytkownika|konta|przez|jako)|ユーザー)[\s:=\"'(„“]*$",
    re.IGNORECASE,
)
_FOLDER_WORDS = (
    "appdata application authority builtin currentversion desktop documents downloads drivers local"
    " locallow microsoft policies program programdata public roaming run service services software"
    " startup syswow64 system system32 tasks temp users windows winevt"
)
_NO_DOMAINS = frozenset(_FOLDER_WORDS.split())
_FILE = re.compile(
    r"(?i)\.(?:exe|dll|sys|bat|cmd|ps1|psm1|vbs|js|jse|wsf|hta|lnk|msi|zip|rar|7z|iso|img|txt|log|dat"
    r"|bin|tmp|ini|xml|json|pdf|docx?|docm|xlsx?|xlsm|pptx?|py|scr|cpl|evtx|reg|db|cfg|conf|html?)$"
)
_HASH = re.compile(
    r"(?<![0-9A-Za-z_-])(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})(?![0-9A-Za-z_-])"
)
_HASHES = {64: IndicatorKind.SHA256, 40: IndicatorKind.SHA1, 32: IndicatorKind.MD5}
_IPV6 = re.compile(
    rf"(?<![{_WORD}:.])\[?([0-9A-Fa-f]{{1,4}}+(?::[0-9A-Fa-f]{{0,4}}+){{2,7}}+)(?![{_WORD}:])"
)
_IPV4 = re.compile(
    rf"(?<![0-9.{DOT}])(?:\d{{1,3}}[.{DOT}]){{3}}\d{{1,3}}(?![0-9]|[.{DOT}][0-9])(?:/\d{{1,2}}(?![0-9]))?"
)
_BETWEEN_VERSIONS = re.compile(
    r"\s*(?:to|and|or|-|–|→|->|,|/|bis|auf|und|oder|do|na|i|lub|から)?\s*", re.IGNORECASE
)

Take = Callable[[re.Match[str]], str | None]


def indicator_texts(incident: Incident) -> Iterator[str]:
    """The texts of a report in which indicators are looked for, cleaned."""
    if incident.summary:
        yield incident.summary
    if incident.body and (body := clean_text(html_to_text(incident.body))):
        yield body
    for item in incident.remediations.items:
        if item.action:
            yield item.action
        yield from item.parameters


def find_indicators(texts: Iterable[str], *, limit: int = MOST_INDICATORS) -> list[FoundIndicator]:
    """The indicators of `texts`, each once, ordered by kind; at most `limit`. Never raises.

    No indicators are private addresses, versions, files that look like domains, and the pages that
    reports send their readers to.
    """
    found: dict[str, FoundIndicator] = {}
    room = LONGEST_READ
    for text in texts:
        for one in _Reader().read(text[:room]):
            found.setdefault(one.key, one)
        room -= len(text)
        if room <= 0:
            break
    order = list(IndicatorKind)
    return sorted(found.values(), key=lambda one: order.index(one.kind))[:limit]


def read_indicator(typed: str) -> FoundIndicator | None:
    """The one indicator that `typed` is as a whole, however it is written; None if it is none."""
    kind, colon, value = typed.strip().partition(":")
    if colon and value and kind in list(IndicatorKind):
        return FoundIndicator(IndicatorKind(kind), value.strip()[:LONGEST_VALUE])
    found = find_indicators([typed.strip()], limit=1 + len(IndicatorKind))
    return max(found, key=lambda one: len(one.value), default=None)


class _Reader:
    """Reads one text; what is found is replaced by a mark that is part of no indicator."""

    def __init__(self) -> None:
        self.found: list[FoundIndicator] = []

    def read(self, text: str) -> list[FoundIndicator]:
        text = _refang(text)
        if "://" in text:
            text = self._each(_URL, text, self._take_url)
        text = self._paths(text, find_paths(text))
        if "@" in text:
            text = self._each(_EMAIL, text, self._take_email)
        text = self._paths(text, find_unix_paths(text))
        text = self._each(_NAME, text, self._take_name)
        if "\\" in text:
            text = self._each(_ACCOUNT, text, self._take_account)
        text = self._each(_HASH, text, self._take_hash)
        if text.count(":") > 1:
            text = self._each(_IPV6, text, self._take_ipv6)
        self._read_ipv4(text)
        return self.found

    def _each(self, pattern: re.Pattern[str], text: str, take: Take) -> str:
        """Offer each match to `take`, which returns what stays in the text, or None for all."""

        def replace(match: re.Match[str]) -> str:
            left = take(match)
            return match[0] if left is None else left

        return pattern.sub(replace, text)

    def _add(self, kind: IndicatorKind, value: str) -> None:
        value = value.replace(DOT, ".").replace(_TAKEN, "")
        if 0 < len(value) <= LONGEST_VALUE:
            self.found.append(FoundIndicator(kind, value))

    def _add_host(self, host: str) -> bool:
        """Add the host of an address; returns whether an address with it is an indicator."""
        if host.startswith("["):
            return self._add_ip(read_ipv6(host.strip("[]")))
        if re.fullmatch(rf"[0-9.{DOT}]+", host):
            self._add_ip(read_ipv4(host))
            return host.count(".") + host.count(DOT) == 3 and not host.startswith(("127", "0"))
        name = read_domain(host, is_address=True)
        if name is not None:
            self._add(IndicatorKind.DOMAIN, name)
        plain = host.replace(DOT, ".").lower()
        return plain != "localhost" and not is_reference(plain)

    def _add_ip(self, address: str | None) -> bool:
        if address is not None:
            self._add(IndicatorKind.IP, address)
        return address is not None

    def _paths(self, text: str, paths: Iterable[PathFound]) -> str:
        pieces, done = [], 0
        for path in paths:
            kind = IndicatorKind.REGISTRY if path.is_registry else IndicatorKind.PATH
            self._add(kind, path.value)
            if path.value.startswith("\\\\"):
                self._add_ip(read_ipv4(path.value[2:].partition("\\")[0]))
            pieces += [text[done : path.start], _TAKEN]
            done = path.end
        return "".join([*pieces, text[done:]])

    def _take_url(self, match: re.Match[str]) -> str | None:
        url, rest = _trimmed(match[0])
        place = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]
        host = place if place.startswith("[") else place.partition(":")[0]
        if place.startswith("["):
            host = place.partition("]")[0] + "]"
        if host and self._add_host(host):
            self._add(IndicatorKind.URL, url)
        return _TAKEN + rest

    def _take_email(self, match: re.Match[str]) -> str | None:
        name, _, place = match[0].partition("@")
        name = name.lstrip(".-%+_")
        if name and is_private_name(place):
            self._add(IndicatorKind.ACCOUNT, f"{name}@{place}")
            return _TAKEN
        domain = read_domain(place, is_address=True)
        if not name or domain is None:
            return None
        self._add(IndicatorKind.EMAIL, f"{name}@{place[: len(domain)]}")
        return _TAKEN + place[len(domain) :]

    def _take_name(self, match: re.Match[str]) -> str | None:
        path, rest = _trimmed(match[2])
        before = match.string[max(0, match.start() - _LOOKED_BACK) : match.start()]
        is_address = path.count("/") > 0 and len(path) > 1
        domain = read_domain(match[1], before=before)
        if domain is None:
            return None
        self._add(IndicatorKind.DOMAIN, domain)
        if is_address and not path.startswith(":") and path != "/":
            self._add(IndicatorKind.URL, f"{domain}{path}")
        return _TAKEN + match[1][len(domain) :] + rest

    def _take_account(self, match: re.Match[str]) -> str | None:
        domain, name = match["domain"], match["name"].rstrip("._-")
        before = match.string[max(0, match.start() - _LOOKED_BACK) : match.start()]
        is_told = domain[0].isupper() or _ACCOUNT_WORDS.search(before)
        if domain.lower() in _NO_DOMAINS or not is_told or _FILE.search(name) or not name:
            return None
        self._add(IndicatorKind.ACCOUNT, f"{domain}\\{name}")
        return _TAKEN

    def _take_hash(self, match: re.Match[str]) -> str | None:
        before = match.string[max(0, match.start() - _LOOKED_BACK) : match.start()]
        if not is_hash(match[0], before):
            return None
        self._add(_HASHES[len(match[0])], match[0].lower())
        return _TAKEN

    def _take_ipv6(self, match: re.Match[str]) -> str | None:
        return _TAKEN if self._add_ip(read_ipv6(match[1].rstrip(":"))) else None

    def _read_ipv4(self, text: str) -> None:
        version_end = -1
        for match in _IPV4.finditer(text):
            before = text[max(0, match.start() - _LOOKED_BACK) : match.start()]
            follows = version_end >= 0 and bool(
                match.start() - version_end <= _LOOKED_BACK
                and _BETWEEN_VERSIONS.fullmatch(text, version_end, match.start())
            )
            address = read_ipv4(match[0])
            if DOT not in match[0] and is_version(match[0], before, follows_version=follows):
                version_end = match.end()
            elif address is not None:
                self._add(IndicatorKind.IP, address)


def _refang(text: str) -> str:
    """Return `text` with what was written so that no program makes it a link as it was meant."""
    text = text.replace(DOT, "").replace(_TAKEN, "")
    if "[" in text or "(" in text or "{" in text:
        text = _ATS.sub("@", _DOTS.sub(DOT, _COLONS.sub(r"\1", _SCHEMES.sub(r"http\1", text))))
    return _SCHEMES.sub(r"http\1", text)


def _trimmed(address: str) -> tuple[str, str]:
    """An address without the punctuation of its sentence, and that punctuation."""
    end = len(address)
    while end and (
        address[end - 1] in ".,;:!?*&" + DOT
        or (address[end - 1] in ")]" and _is_unopened(address[:end]))
    ):
        end -= 1
    return address[:end], address[end:]


def _is_unopened(address: str) -> bool:
    closing = address[-1]
    return address.count(closing) > address.count("(" if closing == ")" else "[")
