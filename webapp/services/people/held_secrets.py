"""Secrets of a form that waits until its sender has shown who they are.

They go into the page that asks, and come back with it, encrypted: whoever looks at that page, or
at its source, reads none of them. Nothing is stored here.
"""

import json

from webapp.crypto import DecryptionError, ValuePlace, cipher
from webapp.services.errors import RefusedError

Fields = list[tuple[str, str]]

_LABEL = "waiting form of session"


class HeldSecretsError(RefusedError):
    """What a page brought back was not made for this session, was changed, or its key is gone."""

    def __init__(self) -> None:
        super().__init__(
            "The passwords and keys that you typed cannot be read any more. Nothing was changed."
            " Open the form again and type them anew."
        )


def seal_fields(session_id: int, fields: Fields) -> str:
    """Encrypt the names and values of fields; only the same session can open them again."""
    return cipher.encrypt(json.dumps(fields), ValuePlace(_LABEL, session_id))


def open_fields(session_id: int, sealed: str) -> Fields:
    """The fields that seal_fields() was given, in their order. Raises HeldSecretsError."""
    try:
        text = cipher.decrypt(sealed, ValuePlace(_LABEL, session_id))
        return [(name, value) for name, value in json.loads(text)]
    except (DecryptionError, ValueError) as error:
        raise HeldSecretsError from error
