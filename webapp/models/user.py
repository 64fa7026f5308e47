"""People who sign in, and their sessions."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    ForeignKey,
    String,
    UniqueConstraint,
    and_,
    false,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, UtcDateTime

ROLE_ADMIN = "admin"
ROLE_HELPDESK = "helpdesk"
ROLE_AUDITOR = "auditor"
ROLES = (ROLE_ADMIN, ROLE_HELPDESK, ROLE_AUDITOR)

NO_PASSWORD = "!"  # noqa: S105 - it is the absence of one
"""The password hash of an invited user without a password; no password matches it."""

PURPOSE_INVITATION = "invitation"
PURPOSE_RESET = "reset"

EMAIL_LENGTH = 254
USER_AGENT_LENGTH = 255
ADDRESS_LENGTH = 45
REFERENCE_LENGTH = 16


class User(Base):
    """A person who can sign in; `email` is stored in lower case.

    `oidc_subject` is who the person is to the identity provider `oidc_issuer`; where
    `is_role_provided`, the role comes from there with each sign-in. A break-glass admin
    may sign in with a password where only single sign-on is allowed. `factor_due_at` is when a
    second factor is asked for without a way around it; it is empty while the person has one.
    `passkey_handle` is what passkeys know the person by: random text that says nothing about them.
    `erased_at` is when the person's own data was erased; the row stays for what it is referred to.
    `list_settings` are the columns and the density of the person's ticket list, `live_settings` how
    a page that is open calls the person: by a desktop notification, by a sound.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("oidc_issuer", "oidc_subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20))
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))
    time_zone: Mapped[str | None] = mapped_column(String(64))
    theme: Mapped[str | None] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    must_change_password: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=false()
    )
    factor_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    passkey_handle: Mapped[str | None] = mapped_column(String(64), unique=True)
    is_break_glass: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    oidc_issuer: Mapped[str | None] = mapped_column(String(500))
    oidc_subject: Mapped[str | None] = mapped_column(String(255))
    is_role_provided: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    list_settings: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    live_settings: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    @property
    def is_auditor(self) -> bool:
        """Whether this user sees everything and changes nothing."""
        return self.role == ROLE_AUDITOR

    @hybrid_property
    def may_work(self) -> bool:
        """Whether this user can be given tickets, put on call and told of what happens."""
        return self.is_active and self.role != ROLE_AUDITOR

    @may_work.inplace.expression
    @classmethod
    def _may_work(cls) -> ColumnElement[bool]:
        return and_(cls.is_active, cls.role != ROLE_AUDITOR)

    @property
    def is_admin(self) -> bool:
        """Whether this user may change settings."""
        return self.role == ROLE_ADMIN

    @property
    def is_linked(self) -> bool:
        """Whether this user is somebody to an identity provider."""
        return self.oidc_subject is not None

    @property
    def has_password(self) -> bool:
        """Whether this user has ever chosen a password; nobody can sign in without one."""
        return self.password_hash != NO_PASSWORD


class UserSession(Base):
    """A signed-in browser; the cookie holds the token, the database its HMAC under the secret key.

    `reference` names the session in the audit log. `method` and `factor` are what was shown to sign
    in, and `present_at` is when the person last showed one of them again. `has_notes` is read only
    where a query asks for it: whether the person has unread notes about the account; so is
    `unread`, the number of unread items in their bell.
    `left_at` is when the person was last seen before a longer absence that ended in this session.
    `last_anywhere_at` and `left_anywhere_at`, read only where a query asks for them, are the newest
    `last_seen_at` and `left_at` of all the person's sessions.
    """

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    user_agent: Mapped[str | None] = mapped_column(String(USER_AGENT_LENGTH))
    reference: Mapped[str | None] = mapped_column(String(REFERENCE_LENGTH), unique=True)
    address: Mapped[str | None] = mapped_column(String(ADDRESS_LENGTH))
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    present_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    method: Mapped[str | None] = mapped_column(String(20))
    factor: Mapped[str | None] = mapped_column(String(20))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id", ondelete="SET NULL"))
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()
    device: Mapped["Device | None"] = relationship()
    has_notes: Mapped[bool | None] = query_expression()
    is_held: Mapped[bool | None] = query_expression()
    unread: Mapped[int | None] = query_expression()
    last_anywhere_at: Mapped[datetime | None] = query_expression()
    left_anywhere_at: Mapped[datetime | None] = query_expression()


class Device(Base):
    """A browser in which a person has signed in before; its cookie holds a random token.

    People who share a browser have a row each by the same token. `reference` names the device in
    the audit log and in lists.
    """

    __tablename__ = "devices"
    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(REFERENCE_LENGTH), unique=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    user_agent: Mapped[str | None] = mapped_column(String(USER_AGENT_LENGTH))
    address: Mapped[str | None] = mapped_column(String(ADDRESS_LENGTH))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


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
