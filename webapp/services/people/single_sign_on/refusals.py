"""Why somebody does not get in with single sign-on, as sentences for them."""

from webapp.domain.security.entry import Refusal
from webapp.domain.security.identity import ProvidedIdentity
from webapp.services.errors import RefusedError

_SENTENCES = {
    Refusal.DEACTIVATED: "Your account here is deactivated. Ask an admin to activate it.",
    Refusal.NO_ADDRESS: (
        "{name} does not say your e-mail address, and an account needs one. Ask whoever looks after"
        " {name} to send it."
    ),
    Refusal.NO_ROLE_ANY_MORE: (
        "{name} gives you no role for Triagedesk any more. If that is a mistake, ask whoever looks"
        " after the groups there."
    ),
    Refusal.OTHER_IDENTITY: (
        "The account {address} belongs to another account at {name} than the one you signed in"
        " with. If yours was replaced there, ask an admin to unlink it under Users."
    ),
    Refusal.UNKNOWN: (
        "There is no account for {address} here. Ask an admin to invite you under exactly this"
        " address."
    ),
    Refusal.UNVERIFIED: (
        "{name} does not vouch for {address} being yours, so no account can be linked to it. Ask an"
        " admin: docs/single-sign-on.md says what has to be set there."
    ),
}


class SingleSignOnError(RefusedError):
    """Somebody could not sign in with the provider; the text is for them.

    `reason` is one word or two for the record.
    """

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(sentence)
        self.reason = reason


def refusal_of(refusal: Refusal, identity: ProvidedIdentity, name: str) -> SingleSignOnError:
    """The error for an identity that was refused; `name` is what people call the provider."""
    shown = identity.address or "this person"
    sentence = _SENTENCES[refusal].format(name=name, address=shown)
    return SingleSignOnError(sentence[:1].upper() + sentence[1:], refusal.value)


def wrong_answer() -> SingleSignOnError:
    """The error for an answer to another sign-in than the one that this browser began."""
    return SingleSignOnError(
        "This answer belongs to a sign-in that was begun in another window, or longer than ten"
        " minutes ago. Begin again here.",
        "wrong state",
    )
