"""Indicators of compromise that reports name."""

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base


class Indicator(Base):
    """An indicator of compromise of a ticket's report.

    `kind` is a word of domain.triage.indicator_kinds; `value` is as it is shown. `key` is the
    SHA-256 (hex) of kind and compared value, so that the same one is found in other tickets.
    """

    __tablename__ = "indicators"
    __table_args__ = (Index("ix_indicators_key", "key", "ticket_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(String(64))
