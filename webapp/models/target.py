"""Where messages go: channels, machines, and people's contact methods."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, UtcDateTime, reference
from webapp.models.encrypted import EncryptedText
from webapp.models.user import User

_OF_A_TEAM = text("user_id IS NULL")


class Target(Base):
    """A target of messages; with `user_id` it is that person's contact method.

    `settings` holds the settings of the kind that are not secret, and `secrets` the others, as a
    JSON object that is stored encrypted. A contact method gets nothing but its code until it is
    confirmed. With `tells_mentions` it tells its person that they were mentioned, with
    `tells_watched` that a ticket was assigned to them, or one that they watch changed.
    `paused_at` without `paused_by_id` says that the receiver refused the target itself.

    One process at a time delivers to a target: the one whose `lease_token` is stored, until
    `lease_until`. After failures, nothing is sent before `rests_until`.
    """

    __tablename__ = "notification_targets"
    __table_args__ = (
        Index(
            "ix_notification_targets_name",
            "name",
            unique=True,
            sqlite_where=_OF_A_TEAM,
            postgresql_where=_OF_A_TEAM,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    kind: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    secrets: Mapped[str | None] = mapped_column(EncryptedText("notification_targets.secrets"))
    tells_alarms: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    tells_summaries: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    tells_mentions: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    tells_watched: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_by_id: Mapped[int | None] = reference("users.id", index=False)
    pause_reason: Mapped[str | None] = mapped_column(Text)

    # How delivery goes
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    last_answer: Mapped[str | None] = mapped_column(Text)
    rests_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # The code that confirms a contact method
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    code_hash: Mapped[str | None] = mapped_column(String(64))
    code_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    code_tries: Mapped[int] = mapped_column(Integer, default=0, server_default="0")

    user: Mapped[User | None] = relationship(foreign_keys=[user_id])

    @property
    def is_usable(self) -> bool:
        """Whether messages may be sent there: not paused, and confirmed if it is a person's."""
        return self.paused_at is None and (self.user_id is None or self.confirmed_at is not None)
