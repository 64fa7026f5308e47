"""Targets are added, edited, paused and deleted by rules; their secrets never come out again."""

import json

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.receivers.http_receiver import HttpReceiver, answer
from tests.support.receivers.notices_data import add_person, add_policy
from tests.support.receivers.outbound_config import allow_outbound
from tests.support.rows import all_rows, audit_actions, audit_events, change, fresh
from webapp import clock
from webapp.domain.notices.target_kinds import Kind
from webapp.models import OutboxRow, Target
from webapp.models.outbox import OutboxState
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.notices.targets.edit_targets import (
    AddedTarget,
    TargetValues,
    add_target,
    delete_target,
    edit_target,
)
from webapp.services.notices.targets.pause_targets import pause_target, resume_target
from webapp.services.notices.targets.read_targets import find_target, list_targets, read_target
from webapp.services.notices.targets.try_target import try_target
from webapp.services.notices.targets.webhook_secrets import remove_old_secret, rotate_secret
from webapp.services.transactions import transaction

TEAMS = "https://prod-12.westeurope.logic.azure.com/workflows/abc/triggers/manual?sig=s3cr3t"
HOOK = "https://psa.example.com/hooks"


def add(kind: Kind, name: str = "Channel", **settings: str) -> AddedTarget:
    return add_target(kind, TargetValues(name=name, settings=settings))


def add_hook(url: str = HOOK) -> Target:
    return add(Kind.WEBHOOK, "PSA", url=url).target


def secrets_of(target: Target) -> dict[str, str]:
    return json.loads(fresh(Target, target.id).secrets or "{}")


def everything_recorded() -> str:
    return json.dumps([[one.before, one.after] for one in audit_events()])


@both_databases
def test_a_target_is_stored_with_its_secret_apart(app: Flask) -> None:
    target = add(Kind.TEAMS, url=TEAMS).target
    assert fresh(Target, target.id).settings == {}
    assert secrets_of(target) == {"url": TEAMS}
    assert target.tells_alarms, "the first target of the team hears alarms"
    assert not add(Kind.EMAIL, "Mail", to="soc@example.com").target.tells_alarms
    assert "s3cr3t" not in everything_recorded()
    assert audit_events()[0].after["secrets"] == "changed"
    assert "s3cr3t" not in json.dumps([row.as_dict() for row in list_targets()])


@pytest.mark.parametrize(
    ("kind", "settings", "field"),
    [
        (Kind.EMAIL, {"to": "nobody"}, "to"),
        (Kind.EMAIL, {}, "to"),
        (Kind.TEAMS, {"url": "https://acme.webhook.office.com/x"}, "url"),
        (Kind.WEBHOOK, {"url": "http://psa.example.com/"}, "url"),
        (Kind.WEBHOOK, {"url": "https://127.0.0.1/"}, "url"),
        (Kind.WEBHOOK, {"url": "https://psa.lan/"}, "url"),
        (Kind.WEBHOOK, {"url": HOOK, "secret": "short"}, "secret"),
        (Kind.PAGERDUTY, {"key": "short"}, "key"),
        (Kind.SMS, {"to": "0123"}, "to"),
    ],
)
def test_what_cannot_be_right_is_refused_with_a_sentence(
    app: Flask, kind: Kind, settings: dict[str, str], field: str
) -> None:
    with pytest.raises(FieldError) as refused:
        add(kind, **settings)
    assert refused.value.fields[field].endswith((".", "…."))
    assert not all_rows(Target)


def test_a_host_within_the_office_is_fine_once_the_server_names_it(app: Flask) -> None:
    allow_outbound(app, "https://psa.lan")
    assert add_hook("https://psa.lan/hooks").settings == {"url": "https://psa.lan/hooks"}


@both_databases
def test_a_name_is_given_once_and_one_of_a_person_does_not_count(app: Flask) -> None:
    add_person("Carla")
    add(Kind.EMAIL, "carla-phone", to="soc@example.com")
    with pytest.raises(FieldError, match="There is a target named carla-phone already"):
        add(Kind.EMAIL, "Carla-Phone", to="soc@example.com")


@both_databases
def test_an_edit_keeps_the_secret_unless_one_is_typed(app: Flask) -> None:
    target = add(Kind.NTFY, url="https://ntfy.sh/topic", token="tk_abc").target
    values = TargetValues(
        name="New name", settings={"url": "https://ntfy.sh/other", "token": ""}, tells_alarms=True
    )
    assert edit_target(target.id, values)
    assert not edit_target(target.id, values), "nothing changed"
    assert secrets_of(target) == {"url": "https://ntfy.sh/other", "token": "tk_abc"}
    assert fresh(Target, target.id).settings == {}
    values = TargetValues(name="New name", settings={"url": "", "token": "t2"})
    assert edit_target(target.id, values)
    assert secrets_of(target) == {"url": "https://ntfy.sh/other", "token": "t2"}
    assert find_target("new NAME").id == target.id


def test_a_stored_secret_is_not_sent_to_another_host(app: Flask) -> None:
    target = add(Kind.NTFY, url="https://ntfy.sh/topic", token="tk_abc").target
    elsewhere = {"url": "https://ntfy.example.net/topic", "token": ""}
    with pytest.raises(FieldError) as refused:
        edit_target(target.id, TargetValues(name="Channel", settings=elsewhere))
    assert "Enter it again" in refused.value.fields["token"]
    assert secrets_of(target) == {"url": "https://ntfy.sh/topic", "token": "tk_abc"}


@both_databases
def test_of_a_webhooks_address_logs_and_lists_name_the_host_alone(app: Flask) -> None:
    target = add_hook("https://psa.example.com/hooks/s3cr3t?key=s3cr3t")
    moved = {"url": "https://psa.example.com/hooks/s3cr3t-2"}
    assert edit_target(target.id, TargetValues(name="PSA", settings=moved))
    assert not edit_target(target.id, TargetValues(name="PSA", settings=moved))
    assert fresh(Target, target.id).settings == moved
    [row] = list_targets()
    assert row.as_dict()["settings"] == {"url": "https://psa.example.com/…"}
    delete_target(target.id)
    assert audit_actions() == ["target.added", "target.changed", "target.deleted"]
    for event in audit_events()[:2]:
        assert event.after["secrets"] == "changed"
        assert event.after["settings"] == {"url": "https://psa.example.com/…"}
    assert "s3cr3t" not in everything_recorded()


def test_two_admins_do_not_overwrite_each_others_address(app: Flask) -> None:
    target = add_hook()
    seen = read_target(target.id).version
    edit_target(target.id, TargetValues(name="PSA", settings={"url": f"{HOOK}/1"}))
    other = TargetValues(name="PSA", settings={"url": f"{HOOK}/2"})
    with pytest.raises(EditConflictError):
        edit_target(target.id, other, seen=seen)


def test_two_admins_do_not_overwrite_each_other(app: Flask) -> None:
    target = add(Kind.EMAIL, to="soc@example.com").target
    seen = read_target(target.id).version
    edit_target(target.id, TargetValues(name="First", settings={"to": "soc@example.com"}))
    with pytest.raises(EditConflictError) as refused:
        edit_target(
            target.id, TargetValues(name="Second", settings={"to": "soc@example.com"}), seen=seen
        )
    assert refused.value.current["name"] == "First"
    assert fresh(Target, target.id).name == "First"


@both_databases
def test_a_target_that_a_policy_tells_is_not_deleted(app: Flask) -> None:
    target = add(Kind.EMAIL, to="soc@example.com").target
    add_policy("Critical", [(0, [target.id]), (10, [target.id])])
    with pytest.raises(RefusedError, match="“Critical”"):
        delete_target(target.id)
    assert read_target(target.id).policies == ["Critical"]
    other = add(Kind.EMAIL, "Other", to="soc@example.com").target
    add_row(other.id)
    assert delete_target(other.id) == "Other"
    [row] = all_rows(OutboxRow)
    assert (row.state, row.target_id, row.target_name) == (OutboxState.DROPPED, None, "Other")
    assert audit_actions()[-1] == "target.deleted"
    with pytest.raises(NotFoundError):
        read_target(other.id)


def test_a_contact_method_is_no_target_of_the_team(app: Flask) -> None:
    _, method = add_person("Carla")
    for action in (read_target, delete_target, resume_target, try_target):
        with pytest.raises(NotFoundError):
            action(method)
    assert list_targets() == []


def test_pause_and_resume(app: Flask) -> None:
    target = add(Kind.EMAIL, to="soc@example.com").target
    with pytest.raises(FieldError):
        pause_target(target.id, " ")
    pause_target(target.id, "Channel is moving")
    with pytest.raises(RefusedError):
        pause_target(target.id, "again")
    assert list_targets()[0].state == "paused"
    resume_target(target.id)
    with pytest.raises(RefusedError):
        resume_target(target.id)
    assert audit_actions()[-2:] == ["target.paused", "target.resumed"]
    assert fresh(Target, target.id).pause_reason is None


@both_databases
def test_a_webhook_gets_a_secret_and_a_new_one_signs_beside_it(app: Flask) -> None:
    added = add(Kind.WEBHOOK, "PSA", url=HOOK)
    old = added.new_secret
    assert old is not None
    assert secrets_of(added.target) == {"secret": old}
    new = rotate_secret(added.target.id)
    assert secrets_of(added.target) == {"secret": f"{new} {old}"}
    with pytest.raises(RefusedError):
        rotate_secret(added.target.id)
    remove_old_secret(added.target.id)
    assert secrets_of(added.target) == {"secret": new}
    with pytest.raises(RefusedError):
        remove_old_secret(added.target.id)
    assert old not in everything_recorded()
    assert new not in everything_recorded()
    mail = add(Kind.EMAIL, "Mail", to="soc@example.com").target
    with pytest.raises(RefusedError):
        rotate_secret(mail.id)


def test_a_test_says_what_the_receiver_answers_and_keeps_it(app: Flask) -> None:
    with HttpReceiver() as receiver:
        allow_outbound(app, receiver.origin)
        target = add_hook(f"{receiver.origin}/hooks")
        assert list_targets()[0].state == "never used"
        receiver.behaviour = answer(404)
        with pytest.raises(RefusedError, match="404"):
            try_target(target.id)
        assert "404" in (fresh(Target, target.id).last_answer or "")
        receiver.behaviour = answer(200)
        change(Target, target.id, failing_since=clock.utcnow(), failures=3)
        assert try_target(target.id) == "200 OK"
    stored = fresh(Target, target.id)
    assert (stored.failing_since, stored.failures, stored.last_answer) == (None, 0, "200 OK")
    assert list_targets()[0].state == "ok"
    assert receiver.requests[-1].json["type"] == "test"


def test_a_test_does_not_resume_what_is_paused(app: Flask) -> None:
    with HttpReceiver() as receiver:
        allow_outbound(app, receiver.origin)
        target = add_hook(f"{receiver.origin}/hooks")
        change(Target, target.id, paused_at=clock.utcnow(), pause_reason="410")
        try_target(target.id)
    [row] = list_targets()
    assert row.state == "paused"
    assert row.is_refused


def test_what_waits_is_counted(app: Flask) -> None:
    target = add_hook()
    add_row(target.id)
    assert (list_targets()[0].pending, read_target(target.id).row.pending) == (1, 1)


def add_row(target_id: int) -> None:
    now = clock.utcnow()
    with transaction() as session:
        session.add(
            OutboxRow(
                key=f"row:{target_id}",
                target_id=target_id,
                target_name="Other",
                event="ticket.created",
                facts={},
                created_at=now,
                due_at=now,
                next_try_at=now,
                state=OutboxState.PENDING,
            )
        )
