"""Saved views: who sees, changes and shares them."""

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.rows import all_rows, audit_events
from webapp.models import AuditEvent, SavedView, User
from webapp.services.errors import FieldError, NotFoundError, ServiceError
from webapp.services.tickets import saved_views
from webapp.services.tickets.saved_views import change_view, delete_view, list_views, save_view

pytestmark = both_databases


@pytest.fixture
def people(app: Flask) -> tuple[User, User]:
    return desk_data.add_people()


def names(viewer: User) -> list[str]:
    return [view.name for view in list_views(viewer.id)]


def test_own_and_shared_views_are_seen(people: tuple[User, User]) -> None:
    admin, helpdesk = people
    save_view("zulu", "board=1", actor_id=admin.id, is_shared=True)
    save_view("Alpha", "board=2", actor_id=admin.id)
    save_view("  My\n own ", "q=x", actor_id=helpdesk.id)
    assert names(admin) == ["Alpha", "zulu"]
    assert names(helpdesk) == ["My own", "zulu"]
    assert list_views(helpdesk.id)[1].owner.name == "Ada Okafor"
    events = all_rows(AuditEvent, AuditEvent.subject_type == "saved_view")
    assert [event.action for event in events] == ["saved_view.saved"] * 3
    assert events[0].after == {"name": "zulu", "query": "board=1", "is_shared": True}


@pytest.mark.parametrize("name", ["", " \x00 ", "x" * 61])
def test_a_name_is_needed(people: tuple[User, User], name: str) -> None:
    with pytest.raises(FieldError):
        save_view(name, "q=x", actor_id=people[0].id)
    assert names(people[0]) == []


def test_a_name_is_taken_once_by_one_person(people: tuple[User, User]) -> None:
    admin, helpdesk = people
    first = save_view("Mine", "q=x", actor_id=admin.id)
    save_view("Mine", "q=y", actor_id=helpdesk.id)
    with pytest.raises(FieldError, match="already"):
        save_view("mINE", "q=z", actor_id=admin.id)
    other = save_view("Other", "q=z", actor_id=admin.id)
    with pytest.raises(FieldError, match="already"):
        change_view(other.id, "Mine", actor_id=admin.id, is_shared=False)
    assert change_view(first.id, "MINE", actor_id=admin.id, is_shared=False).name == "MINE"


def test_only_admins_share(people: tuple[User, User]) -> None:
    admin, helpdesk = people
    with pytest.raises(ServiceError, match="Only admins"):
        save_view("x", "q=x", actor_id=helpdesk.id, is_shared=True)
    own = save_view("x", "q=x", actor_id=helpdesk.id)
    with pytest.raises(ServiceError, match="Only admins"):
        change_view(own.id, "x", actor_id=helpdesk.id, is_shared=True)
    mine = save_view("team", "q=x", actor_id=admin.id)
    change_view(mine.id, "team", actor_id=admin.id, is_shared=True)
    assert names(helpdesk) == ["team", "x"]


def test_others_views_are_left_alone(people: tuple[User, User]) -> None:
    admin, helpdesk = people
    private = save_view("private", "q=x", actor_id=helpdesk.id)
    shared = save_view("shared", "q=x", actor_id=admin.id, is_shared=True)
    for view, actor in ((private, admin), (shared, helpdesk)):
        with pytest.raises(NotFoundError):
            change_view(view.id, "taken", actor_id=actor.id, is_shared=view.is_shared)
        with pytest.raises(NotFoundError):
            delete_view(view.id, actor_id=actor.id)
    with pytest.raises(NotFoundError):
        delete_view(999, actor_id=admin.id)
    assert len(all_rows(SavedView)) == 2


def test_views_are_deleted(people: tuple[User, User]) -> None:
    admin, _ = people
    view = save_view("old", "q=x", actor_id=admin.id)
    assert delete_view(view.id, actor_id=admin.id) == "old"
    assert names(admin) == []
    assert audit_events()[-1].action == "saved_view.deleted"


def test_there_is_an_end_to_views(
    people: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "MOST_VIEWS", 1)
    save_view("one", "q=x", actor_id=people[0].id)
    with pytest.raises(ServiceError, match="delete one"):
        save_view("two", "q=x", actor_id=people[0].id)
    with pytest.raises(ServiceError, match="too long"):
        save_view("three", "q=" + "x" * 2_000, actor_id=people[1].id)
