"""Whether a new password is taken, and how strong it is in a word: asked wherever one is set.

Three things are looked at, all on this machine: the rules of `domain/security/passwords.py`, lists
of common passwords, names and words with the patterns people make of them (zxcvbn), and the file of
breached passwords where one is configured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # it comes without types

from webapp.domain.security.passwords import Strength, context_words, find_fault
from webapp.extensions import current_config
from webapp.models import User
from webapp.services.lookups import get_user
from webapp.services.people.breached_passwords import is_breached
from webapp.services.people.factors.stored_factors import count_factors
from webapp.services.transactions import reading

LOOKED_AT = 40
"""So many characters are compared with lists: each more makes hostile ones slower to judge."""

STRENGTHS = (Strength.WEAK, Strength.WEAK, Strength.FAIR, Strength.GOOD, Strength.STRONG)
"""By zxcvbn's score; a weak one falls within a million guesses."""

ADVICE = "Several words that have nothing to do with each other make a strong one."
BREACHED = (
    f"This password is known from a breach of another service, so it is tried first. {ADVICE}"
)
PATTERNS = {
    "dictionary": "a common word or name",
    "spatial": "keys that lie side by side",
    "repeat": "a repetition",
    "sequence": "a row such as abc or 6543",
    "regex": "a year",
    "date": "a date",
}
"""What zxcvbn's kinds of matches are called."""
COMMON = {"passwords": "a common password", "user_inputs": "your name, your address or the product"}
"""What some of its dictionaries hold."""

_one_at_a_time = Lock()


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """How strong a password is, and why it is refused; `fault` is None if it is taken."""

    strength: Strength
    fault: str | None = None

    def errors(self, field: str = "password") -> Mapping[str, str]:
        """The fault as the error of a form's field; empty if there is none."""
        return {} if self.fault is None else {field: self.fault}


def check_password(password: str, *, context: Sequence[str], has_factor: bool) -> PasswordCheck:
    """Judge a new password; `context` are the words of words_about().

    Nothing leaves this machine. What was sent may be of any kind and length.
    """
    fault = find_fault(password, context, has_factor=has_factor)
    if fault is not None:
        return PasswordCheck(Strength.WEAK, fault)
    found = _compare(password[:LOOKED_AT], context)
    strength = STRENGTHS[found["score"]]
    if strength is Strength.WEAK:
        return PasswordCheck(strength, f"This password is weak: {_reason(found)}. {ADVICE}")
    if is_breached(password):
        return PasswordCheck(Strength.WEAK, BREACHED)
    return PasswordCheck(strength)


def check_password_for(user_id: int, password: str) -> PasswordCheck:
    """check_password() for a person who is stored already. Raises NotFoundError."""
    with reading() as session:
        user = get_user(session, user_id)
        has_factor = count_factors(session, user.id) > 0
    context = words_about(name=user.name, email=user.email)
    return check_password(password, context=context, has_factor=has_factor)


def strength_of(user: User, password: str) -> Strength:
    """The strength of a password that was taken just now, to be shown to its owner."""
    context = words_about(name=user.name, email=user.email)
    return check_password(password, context=context, has_factor=True).strength


def words_about(*, name: str, email: str) -> tuple[str, ...]:
    """The words that a password of this person must not consist of."""
    public_url = current_config().public_url
    host = urlsplit(public_url).hostname if public_url else None
    return context_words([name, email, host or ""])


def _compare(password: str, context: Sequence[str]) -> Any:
    """zxcvbn's answer; it keeps the words of the context in one place for all threads."""
    with _one_at_a_time:
        return zxcvbn(password, user_inputs=context)


def _reason(found: Any) -> str:
    """What most of the password is, by the longest match that is not guesswork."""
    matches = [match for match in found["sequence"] if match["pattern"] in PATTERNS]
    if not matches:
        return "it is soon guessed"
    longest = max(matches, key=lambda match: len(match["token"]))
    name = COMMON.get(longest.get("dictionary_name", ""), PATTERNS[longest["pattern"]])
    return f"most of it is {name}"
