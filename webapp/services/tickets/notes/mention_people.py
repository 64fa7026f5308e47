"""Who can be mentioned in notes, and telling those who are."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.triage.bell import Bell
from webapp.domain.triage.mentions import MARK, MentionBook, Person
from webapp.models import Comment, User
from webapp.services.notices.bell.ring_bell import ring_bell
from webapp.services.tickets.render_markdown import find_mentioned
from webapp.services.tickets.watching.watch_ticket import add_watchers


def mention_book(users: Iterable[User]) -> MentionBook:
    """Return those of `users` who can be mentioned: active people who may work."""
    return MentionBook(tuple(Person(one.id, one.name, one.email) for one in users if one.may_work))


def mentionable(book: MentionBook) -> list[list[str]]:
    """Return name and what to write after the @ of everybody, as a page offers them."""
    return [[one.name, book.handle_of(one)] for one in book.people]


def read_mention_book(session: Session) -> MentionBook:
    """Return who can be mentioned, in the caller's transaction."""
    return mention_book(session.scalars(select(User).where(User.may_work).order_by(User.id)))


def tell_mentioned(
    session: Session, note: Comment, *, now: datetime, before: str = ""
) -> frozenset[int]:
    """Ring the bells of those whom a note mentions, who watch its ticket from now on.

    In the caller's transaction. Whoever its text `before` mentioned was told then; an author is
    never told. Returns who was told.
    """
    if MARK not in note.body:
        return frozenset()
    book = read_mention_book(session)
    found = find_mentioned(note.body, book) - find_mentioned(before, book) - {note.author_id}
    if found:
        add_watchers(session, note.ticket_id, found, now=now)
        ring_bell(
            session,
            Bell.MENTIONED,
            note.ticket_id,
            found,
            now=now,
            actor_id=note.author_id,
            comment_id=note.id,
        )
    return frozenset(found)
