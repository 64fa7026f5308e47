"""What signing in needs: second factors, steps that wait, counted guesses, notes about accounts.

Secrets that a person or browser shows again are stored as hashes; only the key of an authenticator
app has to be read again, and is encrypted.
"""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Integer, LargeBinary, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, UtcDateTime
from webapp.models.encrypted import EncryptedText
from webapp.models.user import EMAIL_LENGTH, User

OWNER = "users.id"


def owner() -> Mapped[int]:
    """The person that a row belongs to; it goes with them."""
    return mapped_column(ForeignKey(OWNER, ondelete="CASCADE"), index=True)


class PendingSignIn(Base):
    """A sign-in, or a new passkey, that still waits for a step; used once, within minutes.

    `method` says what was shown already (nothing for a passkey without a password), and `challenge`
    is what a passkey has to sign.
    """

    __tablename__ = "pending_sign_ins"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey(OWNER, ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(20))
    method: Mapped[str | None] = mapped_column(String(20))
    challenge: Mapped[str | None] = mapped_column(String(128))
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SignInThrottle(Base):
    """How often a password or code was wrong, in a row, for an account, from an address, and so on.

    `key` says for whom: `account:` and a hash, `address:` and a network, `device:` and a browser's
    reference, `factor:` and a person's id (and the reference of a browser that they used before),
    `session:` and a session's reference.
    """

    __tablename__ = "sign_in_throttles"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    failures: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuthenticatorApp(Base):
    """A person's authenticator app (TOTP, RFC 6238); it counts once it was confirmed by a code.

    A person has at most one that counts, and beside it one that is being set up in its place.
    `last_step` is the time step of the last code that was taken, because each is taken once.
    """

    __tablename__ = "authenticator_apps"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = owner()
    secret: Mapped[str] = mapped_column(EncryptedText("authenticator_apps.secret"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_step: Mapped[int | None] = mapped_column(Integer)


class Passkey(Base):
    """A passkey (WebAuthn credential): its public key, and what the browser said of it."""

    __tablename__ = "passkeys"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = owner()
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    transports: Mapped[str | None] = mapped_column(String(200))
    is_backed_up: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()


class RecoveryCode(Base):
    """One of ten codes that replace a lost factor once; only its hash is stored."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = owner()
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SecurityNote(Base):
    """A sentence about a person's account; it stands on their pages until they have seen it.

    It is mailed to them as well: `next_mail_at` is when that is tried next, and `address` where to
    if that is not the one they have now.
    """

    __tablename__ = "security_notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = owner()
    subject: Mapped[str] = mapped_column(String(200))
    sentence: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_mail_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    mail_attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    address: Mapped[str | None] = mapped_column(String(EMAIL_LENGTH))
