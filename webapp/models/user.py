"""People who sign in, and their sessions."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, UtcDateTime

ROLE_ADMIN = "admin"
ROLE_HELPDESK = "helpdesk"
ROLES = (ROLE_ADMIN, ROLE_HELPDESK)

NO_PASSWORD = "!"  # noqa: S105 - it is the absence of one
"""The password hash of an invited user without a password; no password matches it."""

PURPOSE_INVITATION = "invitation"
PURPOSE_RESET = "reset"

EMAIL_LENGTH = 254
USER_AGENT_LENGTH = 255


class User(Base):
    """A person who can sign in; `email` is stored in lower case."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20))
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))
    time_zone: Mapped[str | None] = mapped_column(String(64))
    theme: Mapped[str | None] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def is_admin(self) -> bool:
        """Whether this user may change settings."""
        return self.role == ROLE_ADMIN

    @property
    def has_password(self) -> bool:
        """Whether this user has ever chosen a password; nobody can sign in without one."""
        return self.password_hash != NO_PASSWORD


class UserSession(Base):
    """A signed-in browser; the cookie holds the token, and the database only its SHA-256."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    user_agent: Mapped[str | None] = mapped_column(String(USER_AGENT_LENGTH))

    user: Mapped[User] = relationship()


class SetupToken(Base):
    """The one-time token for the first admin, stored as a hash.

    It is deleted once a user exists.
    """

    __tablename__ = "setup_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PasswordLink(Base):
    """A one-time link to choose a password; only the token's hash is stored.

    `purpose` is invitation or reset. A link works once, until it expires.
    """

    __tablename__ = "password_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()
