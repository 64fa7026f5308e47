"""Links between tickets that people made."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference
from webapp.models.ticket import Ticket
from webapp.models.user import User


class TicketLink(Base):
    """The ticket `from_id` is related to, a duplicate of, or part of `to_id`.

    `kind` is a word of domain.triage.ticket_link. A related pair is stored once, with the lower id
    first.
    """

    __tablename__ = "ticket_links"
    __table_args__ = (
        UniqueConstraint("from_id", "to_id", "kind"),
        CheckConstraint("from_id <> to_id", name="two_tickets"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    from_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    to_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    created_by_id: Mapped[int | None] = reference("users.id")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    from_ticket: Mapped[Ticket] = relationship(foreign_keys=[from_id])
    to_ticket: Mapped[Ticket] = relationship(foreign_keys=[to_id])
    created_by: Mapped[User | None] = relationship()
