"""What an incident is about: a host or an identity, and the account that the report names.

Reports have no fields for these names. A host's name is known from its agent; the rest is read out
of the subject, the remediations and the summary. A name that is not certain is left out: a wrong
one would lead a technician to the wrong machine or person.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from webapp.domain.html_text import html_to_text
from webapp.domain.incident import Incident
from webapp.domain.untrusted import clean_line

SUBJECT_NAME_LENGTH = 255
SUBJECT_KEY_LENGTH = 270
HOST, IDENTITY = "host", "identity"

_IDENTITY_PLATFORMS = frozenset({"microsoft_365", "google", "email_security"})
_WHERE = re.compile(r"\bIncident on (?P<name>\S.*?)(?: \(.*\))?$")
_NO_NAMES = frozenset({"a host", "a device", "an identity", "an account", "unknown", "n/a"})
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_SYSTEM_FOLDERS = frozenset(
    {"public", "default", "default user", "all users", "shared", "defaultuser0"}
)
_NO_USERS = frozenset(
    {"all", "any", "each", "every", "the", "this", "that", "these", "their", "your", "a", "an"}
)
_USERS = (
    re.compile(r"[A-Za-z]:\\Users\\([^\\/:*?\"<>|`\r\n]{1,64})\\"),
    re.compile(r"(?<![\w.])/(?:Users|home)/([^/\s`'\"<>]{1,64})/"),
    re.compile(r"\b(?:HKU|HKEY_USERS)\\(?!S-1-|\.)([^\\\s`]{1,64})\\"),
    re.compile(r"(?i:\bpasswords? (?:of|for) )`?([\w.\\@$-]{2,128})"),
    re.compile(
        r"(?i:\b(?:user|account)(?: name)?:? )`?"
        r"(?=[\w.\\@$-]*\w[.\\@_\d-]\w)([\w.\\@$-]{2,128})"
    ),
)
"""Where reports name accounts: in paths of profiles, in registry keys and in a few phrases."""


@dataclass(frozen=True, slots=True)
class TriageSubject:
    """The host or identity by its name and as it is compared, and the account that is named."""

    name: str | None = None
    key: str | None = None
    user: str | None = None


def find_subject(incident: Incident, hostname: str | None) -> TriageSubject:
    """What `incident` is about; `hostname` is that of its agent, where it is known."""
    if incident.agent_id is not None:
        name = clean_line(hostname, SUBJECT_NAME_LENGTH) or _named_in_subject(incident)
        return TriageSubject(name, subject_key(HOST, name), find_account(incident))
    name = _named_in_subject(incident)
    if name is not None and "@" not in name and incident.platform not in _IDENTITY_PLATFORMS:
        return TriageSubject(name, subject_key(HOST, name), find_account(incident))
    identity = name or _only_address(_remediation_texts(incident))
    return TriageSubject(identity, subject_key(IDENTITY, identity))


def subject_key(kind: str, name: str | None) -> str | None:
    """The text by which subjects are compared: `host:` or `identity:` and the name in lower case.

    >>> subject_key("host", "SBA-TAX01")
    'host:sba-tax01'
    """
    return f"{kind}:{name.lower()}"[:SUBJECT_KEY_LENGTH] if name else None


def typed_subject(name: str | None) -> TriageSubject:
    """The subject that a person typed; what holds an @ is an identity."""
    return TriageSubject(name, subject_key(IDENTITY if name and "@" in name else HOST, name))


def subject_keys(name: str) -> tuple[str, ...]:
    """The keys that a name can have, whether it is a host's or an identity's."""
    return tuple(key for kind in (HOST, IDENTITY) if (key := subject_key(kind, name)))


def is_host(key: str | None) -> bool:
    """Whether a key is that of a host."""
    return (key or "").startswith(f"{HOST}:")


def is_identity(key: str | None) -> bool:
    """Whether a key is that of an identity."""
    return (key or "").startswith(f"{IDENTITY}:")


def find_account(incident: Incident) -> str | None:
    """The account that the report names most often, first in the steps, else in its text."""
    texts = (
        _remediation_texts(incident),
        [incident.summary or html_to_text(incident.body or "")],
    )
    return next((user for one in texts if (user := _most_named(one))), None)


def _named_in_subject(incident: Incident) -> str | None:
    found = _WHERE.search(incident.subject or "")
    name = clean_line(found["name"], SUBJECT_NAME_LENGTH) if found else None
    return None if name is None or name.lower() in _NO_NAMES else name


def _remediation_texts(incident: Incident) -> list[str]:
    return [
        text
        for item in incident.remediations.items
        for text in (item.action or "", *item.parameters)
        if text
    ]


def _only_address(texts: Iterable[str]) -> str | None:
    """The mail address in `texts` if there is only one."""
    found = {address.lower(): address for text in texts for address in _ADDRESS.findall(text)}
    return next(iter(found.values())) if len(found) == 1 else None


def _most_named(texts: Iterable[str]) -> str | None:
    """The account named most often, the first one of several."""
    spellings: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for text in texts:
        for name in _users_in(text):
            spellings.setdefault(name.lower(), name)
            counts[name.lower()] += 1
    return spellings[counts.most_common(1)[0][0]] if counts else None


def _users_in(text: str) -> Iterator[str]:
    found = sorted(
        (match.start(1), match[1]) for pattern in _USERS for match in pattern.finditer(text)
    )
    for _, written in found:
        name = clean_line(written.strip(" .,;:\\-"), SUBJECT_NAME_LENGTH)
        if name and name.lower() not in _SYSTEM_FOLDERS | _NO_USERS and "%" not in name:
            yield name
