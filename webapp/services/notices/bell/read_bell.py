"""The bell of a person: reading it, and marking what was read."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import defer, joinedload

from webapp import clock
from webapp.models import BellItem, Ticket
from webapp.services.errors import NotFoundError
from webapp.services.keyset import Keyset, Order, PageOfRows, read_page
from webapp.services.list_sizes import PAGE_SIZE
from webapp.services.transactions import NO_SYNC, reading, transaction

_ORDER = Keyset(
    Order(BellItem.created_at, "created_at", descending=True),
    Order(BellItem.id, "id", descending=True),
)


@dataclass(frozen=True, slots=True)
class BellPage:
    """A page of a bell, the newest first."""

    items: PageOfRows[BellItem]

    @property
    def unread(self) -> Sequence[BellItem]:
        """Those that are unread."""
        return [one for one in self.items.rows if one.read_at is None]


def read_bell(
    user_id: int, *, is_unread: bool = False, after: str | None = None, before: str | None = None
) -> BellPage:
    """Return a page of what concerns a person; with `is_unread` only what they have not read.

    `after` and `before` are marks of a page's last and first row.
    """
    own: list[ColumnElement[bool]] = [BellItem.user_id == user_id]
    if is_unread:
        own.append(BellItem.read_at.is_(None))
    query = (
        select(BellItem)
        .where(*own)
        .options(
            joinedload(BellItem.actor),
            joinedload(BellItem.ticket).options(
                defer(Ticket.description, raiseload=True), joinedload(Ticket.client)
            ),
        )
    )
    with reading() as session:
        return BellPage(read_page(session, query, _ORDER, PAGE_SIZE, after=after, before=before))


def open_bell_item(user_id: int, item_id: int) -> tuple[int, int | None]:
    """Mark what a person's bell tells of an item's ticket as read; returns ticket and entry.

    Raises NotFoundError, for somebody else's item too.
    """
    with reading() as session:
        item = session.get(BellItem, item_id, populate_existing=True)
        if item is None or item.user_id != user_id:
            raise NotFoundError("This is not in your bell any more.")
        ticket_id, entry_id = item.ticket_id, item.comment_id
    mark_read(user_id, ticket_id=ticket_id)
    return ticket_id, entry_id


def mark_read(user_id: int, *, ticket_id: int | None = None) -> int:
    """Mark everything in a person's bell as read, or what is about one ticket; returns how many."""
    chosen = [BellItem.user_id == user_id, BellItem.read_at.is_(None)]
    if ticket_id is not None:
        chosen.append(BellItem.ticket_id == ticket_id)
    with transaction() as session:
        read = session.scalars(
            update(BellItem).where(*chosen).values(read_at=clock.utcnow()).returning(BellItem.id),
            execution_options=NO_SYNC,
        ).all()
    return len(read)
