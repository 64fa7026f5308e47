"""The identity provider, who we are to it, and how it fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """What is needed to talk to the provider.

    `name` is what people call it. It may be reached at the origin of its issuer and at
    `outbound_hosts`, wherever these are, and otherwise only at public addresses. Each answer has
    `seconds` in all.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    name: str = "single sign-on"
    scopes: Sequence[str] = ("openid", "email", "profile")
    outbound_hosts: Sequence[str] = ()
    ca_file: str | None = None
    seconds: float = 10.0


class ProviderFault(StrEnum):
    """What kind of failure it was."""

    UNREACHABLE = "unreachable"
    NONSENSE = "nonsense"
    CLIENT = "client"
    DENIED = "denied"
    TOKEN = "token"  # noqa: S105 - no secret
    CLOCK = "clock"


_SENTENCES = {
    ProviderFault.UNREACHABLE: (
        "{name} cannot be reached just now, so it cannot tell who you are. Try again in a minute."
        " If it stays like this, tell an admin; they see why under Health."
    ),
    ProviderFault.NONSENSE: (
        "{name} answered something that Triagedesk cannot use. Tell an admin; they see what it was"
        " under Health or in the log."
    ),
    ProviderFault.CLIENT: (
        "{name} does not accept Triagedesk itself: its client ID or client secret is wrong or has"
        " expired. Tell an admin."
    ),
    ProviderFault.DENIED: (
        "{name} did not let you sign in. Try again, or ask whoever looks after it."
    ),
    ProviderFault.TOKEN: (
        "What {name} says about you could not be confirmed, so you are not signed in. Try again;"
        " if it stays like this, tell an admin."
    ),
    ProviderFault.CLOCK: (
        "The clocks of {name} and of this server differ too much, so nobody can sign in with it."
        " Tell an admin: one of the two has to be set right."
    ),
}


class ProviderError(Exception):
    """The provider could not tell who somebody is.

    The text is a sentence for the person. `detail` is for the log and for admins; neither holds a
    secret, a code or a token.
    """

    def __init__(self, provider: IdentityProvider, fault: ProviderFault, detail: str) -> None:
        super().__init__(_SENTENCES[fault].format(name=_at_start(provider.name)))
        self.fault = fault
        self.detail = detail


def _at_start(name: str) -> str:
    return name[:1].upper() + name[1:]
