"""Signing out at the provider (OpenID Connect RP-Initiated Logout 1.0)."""

from authlib.common.urls import add_params_to_uri

from webapp.outbound.identity.provider import ProviderError
from webapp.services.people.single_sign_on.begin import sentence_of
from webapp.services.people.single_sign_on.this_provider import this_provider


def sign_out_address() -> str | None:
    """The address at which somebody ends their session there; None where it offers none.

    No ID token is kept to be shown there, so the provider may ask whether they mean it. Raises
    SingleSignOnError, NotFoundError.
    """
    known = this_provider()
    try:
        endpoint = known.metadata().end_session_endpoint
    except ProviderError as error:
        raise sentence_of(error) from error
    if endpoint is None:
        return None
    url: str = add_params_to_uri(endpoint, [("client_id", known.provider.client_id)])
    return url
