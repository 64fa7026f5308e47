"""The check of `doctor` and Health whether people can sign in with the identity provider."""

from webapp.config import Config
from webapp.domain.polling_health import Tone
from webapp.outbound.identity.discovery import discover
from webapp.outbound.identity.provider import ProviderError, ProviderFault
from webapp.outbound.identity.signing_keys import fetch_keys
from webapp.services.operations.check_health import Check
from webapp.services.people.single_sign_on.local_passwords import find_limit_problem
from webapp.services.people.single_sign_on.this_provider import describe_provider

NAME = "single sign-on"
PAGE_SECONDS = 2.0
_HINTS = {
    ProviderFault.UNREACHABLE: (
        "Check the provider, this server's DNS and its firewall; an own certificate authority is"
        " named by TRIAGEDESK_OUTBOUND_CA_FILE."
    ),
    ProviderFault.NONSENSE: "Compare the TRIAGEDESK_OIDC_ settings with docs/single-sign-on.md.",
}


def check_sign_on(config: Config, *, seconds: float | None = None) -> Check:
    """Check that the provider can be asked, and that passwords are limited as configured.

    The provider's document and keys are fetched afresh; `seconds` limit each of the two answers.
    Its client secret can only be tried by signing in.
    """
    if config.sign_on is None:
        return Check(NAME, True, "not in use: people sign in with passwords", tone=Tone.NEUTRAL)
    provider = describe_provider(config, seconds=seconds)
    try:
        keys = fetch_keys(provider, discover(provider).jwks_uri)
    except ProviderError as error:
        return Check(NAME, False, error.detail, _HINTS.get(error.fault, ""))
    if problem := find_limit_problem():
        return Check(NAME, False, problem)
    count = f"{len(keys)} {'key' if len(keys) == 1 else 'keys'}"
    return Check(NAME, True, f"{provider.issuer} answers, with {count}")
