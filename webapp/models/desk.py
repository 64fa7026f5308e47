"""The desk: the rows that tickets refer to."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, reference


class Client(Base):
    """A customer of the MSP."""

    __tablename__ = "clients"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))
    notes: Mapped[str] = mapped_column(Text, default="", server_default="")
    external_reference: Mapped[str | None] = mapped_column(String(NAME_LENGTH))


class Board(Base):
    """A queue of tickets."""

    __tablename__ = "boards"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))


class Category(Base):
    """A category of one board; a subcategory has a parent."""

    __tablename__ = "categories"
    __table_args__ = (
        UniqueConstraint("board_id", "parent_id", "name"),
        Index(
            "uq_categories_top_level",  # to a constraint, all missing parents differ
            "board_id",
            "name",
            unique=True,
            sqlite_where=text("parent_id IS NULL"),
            postgresql_where=text("parent_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    board_id: Mapped[int] = reference("boards.id")
    parent_id: Mapped[int | None] = reference("categories.id")
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))


class Priority(Base):
    """How urgent a ticket is; the lowest `position` is the most urgent."""

    __tablename__ = "priorities"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    position: Mapped[int] = mapped_column(Integer)
    colour: Mapped[str] = mapped_column(String(20))


class Status(Base):
    """A state of a ticket; exactly one is the default, and it is an open one."""

    __tablename__ = "statuses"
    __table_args__ = (
        CheckConstraint("not (is_default and is_closed)", name="default_is_open"),
        Index(
            "uq_statuses_one_default",
            "is_default",
            unique=True,
            sqlite_where=text("is_default"),
            postgresql_where=text("is_default"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    is_closed: Mapped[bool] = mapped_column(Boolean, default=False)
    is_default: Mapped[bool] = mapped_column(Boolean, default=False)
    position: Mapped[int] = mapped_column(Integer)


class Asset(Base):
    """A machine of a client."""

    __tablename__ = "assets"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = reference("clients.id")
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    hostname_key: Mapped[str] = mapped_column(String(NAME_LENGTH), index=True)
    serial_number: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    type: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    asset_tag: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))

    client: Mapped[Client] = relationship()
