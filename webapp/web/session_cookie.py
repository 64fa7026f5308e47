"""Signed session cookies that all web servers accept, also those whose clocks differ.

Whatever is signed with SECRET_KEY is signed by HMAC-SHA-256; its libraries' own choice is SHA-1.
"""

from hashlib import sha256
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import SignatureExpired, Signer, TimestampSigner, URLSafeTimedSerializer

from webapp import clock


class _ClockSigner(TimestampSigner):
    """Stamps by the product's clock; a stamp ahead of it is taken: servers differ a little."""

    def get_timestamp(self) -> int:
        """Return the product's time, in seconds since 1970."""
        return int(clock.utcnow().timestamp())

    def unsign(
        self, value: str | bytes, max_age: int | None = None, return_timestamp: bool = False
    ) -> Any:
        """Return the signed value, with its time if asked for; raises BadSignature."""
        signed, stamped = super().unsign(value, max_age=None, return_timestamp=True)
        if max_age is not None and (clock.utcnow() - stamped).total_seconds() > max_age:
            raise SignatureExpired("the signature is too old", payload=signed, date_signed=stamped)
        return (signed, stamped) if return_timestamp else signed


class ClockSessions(SecureCookieSessionInterface):
    """Flask's signed cookies, stamped by the product's clock instead of the machine's."""

    digest_method = staticmethod(sha256)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return Flask's serializer with a signer that goes by the product's clock."""
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = _ClockSigner
        return serializer


def sign_with_sha256() -> None:
    """Let signatures be made by SHA-256 also where a library has no setting for it: of forms."""
    Signer.default_digest_method = staticmethod(sha256)
