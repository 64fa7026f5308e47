"""Runbooks as admins edit them, and as they come with the product."""

from dataclasses import replace

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_events, change, fresh
from webapp.domain.runbooks.runbook_text import MOST_STEPS_OF_RUNBOOK, RUNBOOK_LENGTH
from webapp.models import Runbook, RunbookVersion
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.desk.move_rows import move_row
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.tickets.runbooks import edit_runbooks, install_runbooks, read_runbooks
from webapp.services.tickets.runbooks.check_runbook import (
    MOST_WORDS_OF_RUNBOOK,
    RunbookValues,
    check_runbook,
)
from webapp.services.tickets.runbooks.edit_runbooks import (
    add_runbook,
    delete_runbook,
    edit_runbook,
    reset_runbook,
    restore_version,
    switch_runbook,
)
from webapp.services.tickets.runbooks.read_runbooks import (
    list_runbooks,
    read_runbook,
    read_runbook_version,
)
from webapp.services.tickets.runbooks.shipped_runbooks import read_shipped

OLD = RunbookValues(name="Mine", kinds=["Footholds"], severities=["high"], body="- [ ] One")
NEW = replace(OLD, body="- [ ] One\n- [ ] Two")


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    return desk_data.fill_desk(fake_clock.now(), tickets=1)


def names() -> list[str]:
    return [one.runbook.name for one in list_runbooks()]


def versions(runbook_id: int) -> list[tuple[int, str | None]]:
    return [(one.version, one.author) for one in read_runbook(runbook_id).versions]


@both_databases
def test_a_new_text_is_a_new_version(desk: Desk) -> None:
    row = add_runbook(OLD, actor_id=desk.admin_id)
    assert (row.kinds, row.severities, row.platforms, row.key) == (
        ["footholds"],
        ["high"],
        [],
        None,
    )
    seen = read_runbook(row.id).seen
    assert edit_runbook(row.id, NEW, seen=seen, actor_id=desk.helpdesk_id)
    assert not edit_runbook(row.id, NEW, seen=seen), "a second press of the button is no conflict"
    assert edit_runbook(row.id, replace(NEW, name="Ours"), actor_id=desk.admin_id)
    assert versions(row.id) == [(2, "Bo Lindqvist"), (1, "Ada Okafor")]
    with pytest.raises(EditConflictError, match="Ada Okafor changed this") as conflict:
        edit_runbook(row.id, OLD, seen=seen, actor_id=desk.admin_id)
    assert conflict.value.current["name"] == "Ours"
    view = read_runbook_version(row.id, 1)
    assert [(line.side, line.text) for line in view.lines] == [
        ("both", "- [ ] One"),
        ("new", "- [ ] Two"),
    ]
    with pytest.raises(EditConflictError):
        restore_version(row.id, 1, seen=seen, actor_id=desk.admin_id)
    assert restore_version(row.id, 1, seen=view.seen, actor_id=desk.admin_id)
    assert not restore_version(row.id, 1, actor_id=desk.admin_id)
    stored = fresh(Runbook, row.id)
    assert (stored.body, stored.version, stored.name) == ("- [ ] One", 3, "Ours")
    assert read_runbook_version(row.id, 1).is_present
    last = audit_events()[-1]
    assert (last.action, last.before, last.after) == (
        "runbook.changed",
        {"body": "version 2"},
        {"body": "version 3"},
    )


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"body": ""}, "body"),
        ({"body": "No step at all\n- one"}, "body"),
        ({"body": "- [ ] x\n" + "y" * RUNBOOK_LENGTH}, "body"),
        ({"body": "- [ ] x\n" * (MOST_STEPS_OF_RUNBOOK + 1)}, "body"),
        ({"severities": ["worst"]}, "severities"),
        ({"kinds": [f"kind{n}" for n in range(MOST_WORDS_OF_RUNBOOK + 1)]}, "kinds"),
    ],
)
def test_what_cannot_be_taken(values: dict[str, object], field: str) -> None:
    with pytest.raises(FieldError) as refusal:
        check_runbook(replace(OLD, **values))
    assert set(refusal.value.fields) == {field}


def test_words_are_cleaned_and_in_order() -> None:
    checked = check_runbook(replace(OLD, kinds=["B", " a\x00 ", "", "b"], platforms=["Linux"]))
    assert (checked.kinds, checked.platforms) == (["a", "b"], ["linux"])


def test_names_are_taken_once(desk: Desk) -> None:
    mine, other = add_runbook(OLD), add_runbook(replace(OLD, name="Other"))
    with pytest.raises(FieldError, match="There is a runbook named Mine already"):
        add_runbook(replace(OLD, name="mine"))
    with pytest.raises(FieldError):
        edit_runbook(other.id, OLD)
    switch_runbook(mine.id, is_active=False)
    with pytest.raises(FieldError, match="inactive runbook named Mine"):
        edit_runbook(other.id, OLD)


def test_order_state_and_deleting(desk: Desk) -> None:
    first, second = add_runbook(OLD), add_runbook(replace(OLD, name="Second"))
    assert names() == ["Mine", "Second"]
    assert move_row(Runbook, second.id, is_up=True, actor_id=desk.admin_id)
    assert names() == ["Second", "Mine"]
    assert switch_runbook(first.id, is_active=False)
    assert not switch_runbook(first.id, is_active=False)
    assert delete_runbook(first.id, actor_id=desk.admin_id) == "Mine"
    assert names() == ["Second"]
    assert [row.runbook_id for row in all_rows(RunbookVersion)] == [second.id]
    actions = [event.action for event in audit_events()][-3:]
    assert actions == ["runbook.moved", "runbook.deactivated", "runbook.deleted"]
    for gone in (
        lambda: delete_runbook(first.id),
        lambda: edit_runbook(first.id, OLD),
        lambda: read_runbook(first.id),
        lambda: read_runbook_version(second.id, 9),
        lambda: restore_version(second.id, 9),
        lambda: switch_runbook(first.id, is_active=True),
    ):
        with pytest.raises(NotFoundError):
            gone()


@both_databases
def test_those_of_the_product_are_installed_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_runbook(replace(OLD, name="FOOTHOLD"), actor_id=desk.admin_id)
    assert install_runbooks.install_runbooks() == len(read_shipped())
    assert install_runbooks.install_runbooks() == 0
    assert "Foothold (Triagedesk)" in names()
    assert len(names()) == len(read_shipped()) + 1
    by_key = {row.key: row for row in all_rows(Runbook, Runbook.key.is_not(None))}
    edited, renamed = by_key["general"], by_key["ransomware"]
    switched = by_key["siem_detections"]
    edit_runbook(edited.id, values_of(edited, body="- [ ] Ours"), actor_id=desk.admin_id)
    edit_runbook(renamed.id, values_of(renamed, name="Ours"), actor_id=desk.admin_id)
    change(Runbook, switched.id, is_active=False, position=1)
    newer = {
        key: replace(one, body=f"{one.body}\n- [ ] New") for key, one in read_shipped().items()
    }
    for module in (install_runbooks, edit_runbooks, read_runbooks):
        monkeypatch.setattr(module, "read_shipped", lambda: newer)
    assert install_runbooks.install_runbooks() == len(newer) - 1, "all but the one that was edited"
    assert fresh(Runbook, edited.id).body == "- [ ] Ours"
    assert (fresh(Runbook, renamed.id).name, versions(renamed.id)) == (
        "Ours",
        [(2, None), (1, None)],
    )
    stored = fresh(Runbook, switched.id)
    assert (stored.is_active, stored.position, stored.version) == (False, 1, 2)
    assert reset_runbook(edited.id, actor_id=desk.admin_id)
    assert not reset_runbook(edited.id, actor_id=desk.admin_id)
    assert read_runbook(edited.id).row.is_as_shipped
    assert versions(edited.id)[0] == (3, "Ada Okafor")
    assert install_runbooks.install_runbooks() == 0


def test_a_text_that_was_reset_is_renewed_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_runbooks.install_runbooks()
    [general] = all_rows(Runbook, Runbook.key == "general")
    edit_runbook(general.id, values_of(general, body="- [ ] Ours"), actor_id=desk.admin_id)
    reset_runbook(general.id, actor_id=desk.admin_id)
    newer = {"general": replace(read_shipped()["general"], body="- [ ] New")}
    monkeypatch.setattr(install_runbooks, "read_shipped", lambda: newer)
    assert install_runbooks.install_runbooks() == 1
    assert fresh(Runbook, general.id).body == "- [ ] New"


def test_what_came_with_the_product_is_not_deleted(desk: Desk) -> None:
    install_runbooks.install_runbooks()
    [general] = all_rows(Runbook, Runbook.key == "general")
    with pytest.raises(RefusedError, match="deactivate it instead"):
        delete_runbook(general.id)
    mine = add_runbook(OLD)
    with pytest.raises(RefusedError, match="did not come with the product"):
        reset_runbook(mine.id)
    change(Runbook, general.id, name="Ours")
    add_runbook(replace(OLD, name="Any incident"))
    with pytest.raises(FieldError):
        reset_runbook(general.id)


def values_of(row: Runbook, **changes: object) -> RunbookValues:
    stored = {name: getattr(row, name) for name in ("name", "kinds", "severities", "platforms")}
    return RunbookValues(**{**stored, "body": row.body, **changes})
