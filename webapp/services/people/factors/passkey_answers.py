"""What browsers are asked for a passkey, and whether what they answer is right (WebAuthn).

Nothing here reads or writes the database. Whatever a browser sends, a refusal is a sentence.
"""

import json
import logging
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from webapp.domain.security.passkey_rules import RelyingParty, find_relying_party
from webapp.domain.untrusted import clean_line
from webapp.extensions import current_config
from webapp.models import Passkey, User
from webapp.services.errors import RefusedError

log = logging.getLogger(__name__)

SITE_NAME = "Triagedesk"
TIMEOUT_MILLISECONDS = 120_000
_CHALLENGE_BYTES = 32
_LONGEST_ANSWER = 50_000
_LOGGED_LENGTH = 300
_CREDENTIAL_ID = re.compile(r"[A-Za-z0-9_-]{1,1400}")


class PasskeyError(RefusedError):
    """A passkey cannot be used, or what the browser sent is not right."""


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey as the browser made it."""

    credential_id: str
    public_key: bytes
    sign_count: int
    transports: str | None
    is_backed_up: bool


@dataclass(frozen=True, slots=True)
class ShownPasskey:
    """What an answer says once its signature was checked."""

    sign_count: int
    is_backed_up: bool


def relying_party() -> RelyingParty:
    """The site that this installation's passkeys belong to; raises PasskeyError."""
    config = current_config()
    found = find_relying_party(config.public_url, config.local_url)
    if found is None:
        raise PasskeyError(
            f"Passkeys cannot be used at {config.own_url}: browsers allow them only at addresses "
            "that start with https:// and have a name instead of an IP address."
        )
    return found


def make_challenge() -> str:
    """A random challenge (256 bits) as text."""
    return secrets.token_urlsafe(_CHALLENGE_BYTES)


def ask_for_new(
    user: User, handle: str, challenge: str, known: Iterable[Passkey]
) -> dict[str, Any]:
    """What a browser is asked to make a passkey for a person; those they have are left out."""
    options = generate_registration_options(
        rp_id=relying_party().domain,
        rp_name=SITE_NAME,
        user_id=base64url_to_bytes(handle),
        user_name=user.email,
        user_display_name=user.name,
        challenge=base64url_to_bytes(challenge),
        timeout=TIMEOUT_MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(known),
    )
    return options_to_json_dict(options)


def ask_for_known(
    challenge: str, known: Sequence[Passkey] = (), *, needs_verification: bool
) -> dict[str, Any]:
    """What a browser is asked to show one of the passkeys `known`, or any it has for this site.

    With `needs_verification` the person has to unlock the passkey, with a PIN or a fingerprint.
    """
    options = generate_authentication_options(
        rp_id=relying_party().domain,
        challenge=base64url_to_bytes(challenge),
        timeout=TIMEOUT_MILLISECONDS,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED
        if needs_verification
        else UserVerificationRequirement.PREFERRED,
    )
    return options_to_json_dict(options)


def read_new(answer: str, challenge: str) -> NewPasskey:
    """The passkey that a browser made for this challenge; raises PasskeyError."""
    site = relying_party()
    credential = _parse(answer)
    try:
        found = verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=site.domain,
            expected_origin=site.origin,
        )
    except Exception as error:
        raise _refused(error) from error
    return NewPasskey(
        credential_id=bytes_to_base64url(found.credential_id),
        public_key=found.credential_public_key,
        sign_count=found.sign_count,
        transports=_transports(credential),
        is_backed_up=found.credential_backed_up,
    )


def read_credential_id(answer: str) -> str:
    """Which passkey an answer is of; nothing is checked yet. Raises PasskeyError."""
    found = _parse(answer).get("id")
    if not isinstance(found, str) or not _CREDENTIAL_ID.fullmatch(found):
        raise _refused(ValueError("there is no id"))
    return found


def read_user_handle(answer: str) -> str | None:
    """The text by which the answer's passkey knows its owner; None if it does not say."""
    response = _parse(answer).get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    return handle if isinstance(handle, str) and handle else None


def read_shown(
    answer: str, challenge: str, public_key: bytes, *, needs_verification: bool
) -> ShownPasskey:
    """Check an answer to this challenge: signature, site, origin, and whether a person was there.

    The counter is not judged. Raises PasskeyError.
    """
    site = relying_party()
    try:
        found = verify_authentication_response(
            credential=_parse(answer),
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=site.domain,
            expected_origin=site.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=needs_verification,
        )
    except PasskeyError:
        raise
    except Exception as error:
        raise _refused(error) from error
    return ShownPasskey(found.new_sign_count, found.credential_backed_up)


def _parse(answer: str) -> dict[str, Any]:
    try:
        found = json.loads(answer) if len(answer) <= _LONGEST_ANSWER else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _refused(ValueError("the answer is no JSON object"))
    return found


def _refused(error: Exception) -> PasskeyError:
    """The sentence for people; what exactly was wrong is only for the log."""
    log.warning("A passkey was refused: %s", clean_line(str(error), _LOGGED_LENGTH))
    return PasskeyError(
        "This passkey was not accepted: what the browser sent does not belong to this sign-in, "
        "this address or this account. Try again."
    )


def _transports(credential: dict[str, Any]) -> str | None:
    """How the browser says that the passkey is reached, as far as the words are known."""
    response = credential["response"]
    named = response.get("transports")
    known = [one.value for one in AuthenticatorTransport]
    words = [one for one in known if isinstance(named, list) and one in named]
    return ",".join(words) or None


def _descriptors(passkeys: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(one.credential_id),
            transports=[AuthenticatorTransport(word) for word in (one.transports or "").split(",")]
            if one.transports
            else None,
        )
        for one in passkeys
    ]
