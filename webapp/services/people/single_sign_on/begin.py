"""Sending a browser to the identity provider."""

import logging
from dataclasses import dataclass
from enum import StrEnum

from webapp.outbound.identity.code_flow import Secrets, authorization_url
from webapp.outbound.identity.provider import ProviderError
from webapp.services.people.pending_sign_ins import begin_pending
from webapp.services.people.sessions import Method
from webapp.services.people.single_sign_on.refusals import SingleSignOnError
from webapp.services.people.single_sign_on.this_provider import this_provider

logger = logging.getLogger(__name__)


class Purpose(StrEnum):
    """What the provider is asked for."""

    SIGN_IN = "single_sign_on"
    PRESENCE = "provider_presence"


@dataclass(frozen=True, slots=True)
class BegunAtProvider:
    """The address to send the browser to, and the token for its cookie."""

    url: str
    token: str


def begin_single_sign_on() -> BegunAtProvider:
    """Begin a sign-in that the provider has to answer within ten minutes.

    What ties its answer to this browser stays here; the browser gets only a random token. Raises
    SingleSignOnError, NotFoundError.
    """
    return _begin(Purpose.SIGN_IN, user_id=None)


def begin_presence(user_id: int) -> BegunAtProvider:
    """Ask the provider to let somebody show again who they are, even if signed in there.

    Raises SingleSignOnError, NotFoundError.
    """
    return _begin(Purpose.PRESENCE, user_id=user_id)


def sentence_of(error: ProviderError) -> SingleSignOnError:
    """The error for people of what went wrong at the provider; the log gets what it was."""
    logger.warning("Single sign-on failed (%s). %s", error.fault.value, error.detail)
    return SingleSignOnError(str(error), f"provider: {error.fault.value}")


def _begin(purpose: Purpose, *, user_id: int | None) -> BegunAtProvider:
    own = Secrets.make()
    is_fresh = purpose is Purpose.PRESENCE
    try:
        url = authorization_url(this_provider(), own, is_fresh=is_fresh)
    except ProviderError as error:
        raise sentence_of(error) from error
    token = begin_pending(
        purpose, user_id=user_id, method=Method.SINGLE_SIGN_ON, challenge=own.packed()
    )
    return BegunAtProvider(url, token)
