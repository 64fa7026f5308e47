"""Saved views of the ticket list: each person has their own, and admins share some with all."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp import clock
from webapp.domain.untrusted import clean_line
from webapp.models import SavedView, User
from webapp.services.audit import changes_between, record_event
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.lookups import get_row, get_user
from webapp.services.transactions import reading, transaction

VIEW_NAME_LENGTH = 60
QUERY_LENGTH = 2_000
MOST_VIEWS = 50


def list_views(viewer_id: int) -> Sequence[SavedView]:
    """The viewer's own views and the shared ones, by name, with their owners loaded."""
    statement = (
        select(SavedView)
        .where(or_(SavedView.owner_id == viewer_id, SavedView.is_shared))
        .options(joinedload(SavedView.owner))
        .order_by(func.lower(SavedView.name), SavedView.id)
        .execution_options(populate_existing=True)
    )
    with reading() as session:
        return session.scalars(statement).all()


def save_view(name: str, query: str, *, actor_id: int, is_shared: bool = False) -> SavedView:
    """Save `query` (the list's query string) under `name`.

    Raises FieldError if the name is empty, too long or taken. Raises RefusedError if the query is
    too long, if the actor has MOST_VIEWS already, or if the actor is no admin and wants to share.
    """
    if len(query) > QUERY_LENGTH:
        raise RefusedError("These filters are too long to be saved; take some of them off.")
    with transaction() as session:
        actor = get_user(session, actor_id, lock=True)
        _check_sharing(actor, is_shared)
        count = session.scalar(
            select(func.count()).select_from(SavedView).where(SavedView.owner_id == actor_id)
        )
        if (count or 0) >= MOST_VIEWS:
            raise RefusedError(f"You have {MOST_VIEWS} views; delete one you no longer need.")
        view = SavedView(
            owner_id=actor_id,
            owner=actor,
            name=_read_name(session, name, actor_id, None),
            query=query,
            is_shared=is_shared,
            created_at=clock.utcnow(),
        )
        session.add(view)
        session.flush()
        _record(session, view, "saved", {}, _audited(view), actor_id)
    return view


def change_view(view_id: int, name: str, *, actor_id: int, is_shared: bool) -> SavedView:
    """Rename a view, share it or stop sharing it; save_view says what is refused.

    People may change their own views, and admins also the shared views of others. Raises
    NotFoundError for any other view.
    """
    with transaction() as session:
        actor = get_user(session, actor_id)
        view = _get_view(session, view_id, actor)
        before = _audited(view)
        if is_shared != view.is_shared:
            _check_sharing(actor, True)
        view.name = _read_name(session, name, view.owner_id, view.id)
        view.is_shared = is_shared
        _record(session, view, "changed", *changes_between(before, _audited(view)), actor_id)
    return view


def delete_view(view_id: int, *, actor_id: int) -> str:
    """Delete a view and return its name; raises NotFoundError like change_view."""
    with transaction() as session:
        view = _get_view(session, view_id, get_user(session, actor_id))
        _record(session, view, "deleted", _audited(view), {}, actor_id)
        session.delete(view)
    return view.name


def may_change(view: SavedView, viewer_id: int, is_admin: bool) -> bool:
    """Whether the viewer may rename, share or delete a view."""
    return view.owner_id == viewer_id or (view.is_shared and is_admin)


def _get_view(session: Session, view_id: int, actor: User) -> SavedView:
    sentence = "There is no such view any more."
    view = get_row(session, SavedView, view_id, sentence, lock=True)
    if not may_change(view, actor.id, actor.is_admin):
        raise NotFoundError(sentence)
    return view


def _check_sharing(actor: User, is_shared: bool) -> None:
    if is_shared and not actor.is_admin:
        raise RefusedError("Only admins share views with everybody.")


def _read_name(session: Session, name: str, owner_id: int, view_id: int | None) -> str:
    cleaned = clean_line(name, VIEW_NAME_LENGTH + 1)
    if not cleaned:
        raise FieldError({"name": "Give the view a name."})
    if len(cleaned) > VIEW_NAME_LENGTH:
        raise FieldError({"name": f"A name has at most {VIEW_NAME_LENGTH} characters."})
    taken = session.scalar(
        select(SavedView.id).where(
            SavedView.owner_id == owner_id,
            func.lower(SavedView.name) == func.lower(cleaned),
            SavedView.id != (view_id or 0),
        )
    )
    if taken is not None:
        raise FieldError({"name": f"There is a view called {cleaned} already."})
    return cleaned


def _audited(view: SavedView) -> dict[str, object]:
    return {"name": view.name, "query": view.query, "is_shared": view.is_shared}


def _record(
    session: Session,
    view: SavedView,
    what: str,
    before: dict[str, object],
    after: dict[str, object],
    actor_id: int,
) -> None:
    if before or after:
        record_event(
            session,
            action=f"saved_view.{what}",
            subject_type="saved_view",
            subject_id=view.id,
            before=before or None,
            after=after or None,
            actor_id=actor_id,
        )
