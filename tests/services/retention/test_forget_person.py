"""A person who has left is forgotten: a number stays, and what it wrote."""

import json
from pathlib import Path

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.rows import add, all_rows, change, fresh
from tests.support.security.forgetting import files_that_say, fill, rows_that_say
from tests.support.security.trail import add_events
from webapp import clock
from webapp.models import (
    Alarm,
    AuditEvent,
    AuthenticatorApp,
    Comment,
    Device,
    Erasure,
    Escalation,
    OutboxRow,
    Passkey,
    RecoveryCode,
    SavedView,
    SecurityNote,
    Target,
    User,
    UserSession,
)
from webapp.services.audit_trail.chain_events import chain_events
from webapp.services.audit_trail.verify_chain import verify_chain
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.people.edit_user import UserEdit, edit_user
from webapp.services.people.users import activate_user, add_user, deactivate_user, set_password
from webapp.services.retention import forget_person
from webapp.services.retention.export_person import export_person
from webapp.services.retention.forget_person import (
    begin_forgetting_person,
    former_name,
    go_on_forgetting_person,
)
from webapp.services.retention.go_on import go_on_with_all
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import add_internal_note

NAME, EMAIL = "Isolde Marchbanks", "isolde.marchbanks@example.com"
NOTE = "I rang the reception twice."


@pytest.fixture
def isolde(desk: Desk) -> User:
    """Somebody with a ticket, a note, and everything that a person can have; deactivated."""
    ada = fill(desk).ada
    person = add_user(email=EMAIL, name=NAME, password="a long password", role="helpdesk")
    ticket = desk.ticket(11)
    assert ticket is not None
    add_internal_note(ticket.id, NOTE, author_id=person.id)
    wanted = TicketChange(sets_assignee=True, assignee_id=person.id)
    change_ticket(ticket.id, wanted, actor_id=ada.id, seen_at=None)
    now = desk.clock.now()
    mine = {"user_id": person.id, "created_at": now}
    device = add(Device(reference="dev", token_hash="d", last_seen_at=now, user_agent=NAME, **mine))
    add(UserSession(token_hash="s", expires_at=now, device_id=device.id, address=NAME, **mine))
    add(AuthenticatorApp(secret="JBSWY3DPEHPK3PXP", **mine))
    add(Passkey(credential_id="c", public_key=b"k", name=f"{NAME}'s phone", **mine))
    add(RecoveryCode(code_hash="r", **mine))
    add(SecurityNote(subject="A sign-in", sentence=f"{NAME} signed in.", **mine))
    phone = add(Target(name=f"{NAME}'s phone", kind="email", settings={"to": EMAIL}, **mine))
    for name, is_shared in ((f"of {NAME}", False), ("team view", True)):
        add(
            SavedView(
                owner_id=person.id, name=name, query="q=x", is_shared=is_shared, created_at=now
            )
        )
    for key, values in (
        ("to-them", {"person_id": person.id, "target_id": phone.id, "facts": {"title": "x"}}),
        ("names-them", {"facts": {"lines": [f"{NAME} took TD-1"]}}),
        ("of-others", {"facts": {"lines": ["Ada took TD-2"]}}),
    ):
        times = dict.fromkeys(("created_at", "due_at", "next_try_at"), now)
        add(OutboxRow(key=key, target_name="SOC", event="x", state="sent", **values, **times))
    add(Escalation(ticket_id=ticket.id, event="created", began_at=now, taken_by=NAME, person=NAME))
    add(Alarm(kind="target-failing", sentence=f"{NAME}'s phone fails.", began_at=now))
    change(User, person.id, theme="dark", time_zone="Europe/Dublin", oidc_subject=EMAIL)
    change(User, person.id, passkey_handle="random", is_role_provided=True)
    deactivate_user(person.id, ada.id)
    return fresh(User, person.id)


def forget(user: User) -> Erasure:
    erasure = begin_forgetting_person(user.id, typed_email=EMAIL)
    go_on_forgetting_person(erasure)
    return fresh(Erasure, erasure.id)


@both_databases
def test_nothing_of_a_forgotten_person_is_left_but_a_number_and_their_notes(
    isolde: User, tmp_path: Path, database_kind: str
) -> None:
    assert len(rows_that_say("Marchbanks")) >= 10, "the test would show little"
    erasure = forget(isolde)
    assert rows_that_say("Marchbanks") == []
    row = fresh(User, isolde.id)
    assert (row.name, row.has_password, row.theme, row.time_zone) == (
        *(former_name(isolde.id), False, None, None),
    )
    assert (row.passkey_handle, row.oidc_subject, row.is_role_provided) == (None, None, False)
    assert row.erased_at == erasure.finished_at
    for model in (Device, UserSession, AuthenticatorApp, Passkey, RecoveryCode, SecurityNote):
        assert all_rows(model, model.user_id == isolde.id) == [], model
    assert [one.key for one in all_rows(OutboxRow, OutboxRow.event == "x")] == ["of-others"]
    assert "team view" in [view.name for view in all_rows(SavedView)]
    [note] = all_rows(Comment, Comment.body == NOTE)
    assert note.author_id == isolde.id
    [change_entry] = all_rows(Comment, Comment.body.contains("Assigned to"))
    assert change_entry.body == f"Assigned to {former_name(isolde.id)}."
    if database_kind == "sqlite":
        assert files_that_say(tmp_path, "Marchbanks") == []


@both_databases
def test_the_audit_log_keeps_what_the_number_did(isolde: User) -> None:
    done = [event.id for event in all_rows(AuditEvent, AuditEvent.actor_id == isolde.id)]
    assert done
    forget(isolde)
    assert [e.id for e in all_rows(AuditEvent, AuditEvent.actor_id == isolde.id)] == done
    about = all_rows(AuditEvent, AuditEvent.subject_id == str(isolde.id))
    about = [event for event in about if event.subject_type == "user"]
    assert {event.action for event in about} >= {"user.added", "user.deactivated", "user.forgotten"}
    assert not [e for e in about if e.after and "email" in e.after]


def test_the_log_of_somebody_is_erased_in_short_transactions(
    isolde: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others write in between, and the chain goes on."""
    monkeypatch.setattr(forget_person, "BATCH", 5)
    about = {"subject_type": "user", "subject_id": isolde.id}
    add_events(20, action="session.refused", before=None, after={"why": "password"}, **about)
    forget(isolde)
    told = [e.after["events"] for e in all_rows(AuditEvent, AuditEvent.action == "audit.redacted")]
    assert sum(told) >= 20
    assert max(told) == 5
    chain_events(clock.utcnow())
    assert verify_chain().is_whole


def test_only_somebody_who_was_deactivated_is_forgotten(isolde: User) -> None:
    last_admin = all_rows(User, User.email == "ada@example.com")[0]
    with pytest.raises(RefusedError, match="Deactivate them first"):
        begin_forgetting_person(last_admin.id, typed_email=last_admin.email)
    with pytest.raises(FieldError, match="as it is written"):
        begin_forgetting_person(isolde.id, typed_email="somebody@example.com")
    with pytest.raises(NotFoundError):
        begin_forgetting_person(999, typed_email=EMAIL)
    assert fresh(User, isolde.id).name == NAME


def test_nobody_comes_back_under_the_number(isolde: User) -> None:
    forget(isolde)
    with pytest.raises(RefusedError, match="forgotten"):
        activate_user(isolde.id)
    with pytest.raises(RefusedError, match="forgotten"):
        edit_user(isolde.id, UserEdit(name="Somebody"), actor_id=1)
    with pytest.raises(RefusedError, match="forgotten"):
        set_password(isolde.id, "a long password")
    with pytest.raises(RefusedError, match="already"):
        begin_forgetting_person(isolde.id, typed_email=EMAIL)
    again = add_user(email=EMAIL, name=NAME, password="a long password", role="helpdesk")
    assert again.id != isolde.id


def test_what_was_begun_is_finished_by_housekeeping(isolde: User) -> None:
    begin_forgetting_person(isolde.id, typed_email=EMAIL)
    assert "Marchbanks" not in json.dumps(fresh(User, isolde.id).name)
    assert go_on_with_all() == 1
    assert rows_that_say("Marchbanks") == []


def test_a_name_that_is_a_role_as_well_takes_nothing_of_others_away(desk: Desk) -> None:
    add_user(email="a@example.com", name="Root", password="a long password", role="admin")
    person = add_user(email="b@example.com", name="admin", password="a long password", role="admin")
    deactivate_user(person.id)
    erasure = begin_forgetting_person(person.id, typed_email="b@example.com")
    go_on_forgetting_person(erasure)
    [first] = [e for e in all_rows(AuditEvent) if e.subject_id == "1" and e.action == "user.added"]
    assert first.after["role"] == "admin", "the word means something else as well"


@both_databases
def test_what_a_namesake_took_stays_theirs(desk: Desk, isolde: User) -> None:
    namesake = add_user(
        email="other@example.com", name=NAME, password="a long password", role="helpdesk"
    )
    theirs = desk.ticket(12)
    assert theirs is not None
    add_internal_note(theirs.id, "Mine.", author_id=namesake.id)
    now = desk.clock.now()
    add(Escalation(ticket_id=theirs.id, event="created", began_at=now, taken_by=NAME, person=NAME))
    forget(isolde)
    names = {one.ticket_id: (one.taken_by, one.person) for one in all_rows(Escalation)}
    former = former_name(isolde.id)
    assert names.pop(theirs.id) == (NAME, NAME)
    assert set(names.values()) == {(former, former)}


@both_databases
def test_the_download_has_everything_but_secrets(isolde: User) -> None:
    document = json.loads(b"".join(export_person(isolde.id, actor_id=isolde.id)))
    [person] = document["person"]
    assert (person["name"], person["email"]) == (NAME, EMAIL)
    assert [note["body"] for note in document["notes"]] == [NOTE]
    for name in ("sessions", "devices", "authenticator_apps", "passkeys", "recovery_codes"):
        assert len(document[name]) == 1, name
    assert document["contact_methods"][0]["settings"] == {"to": EMAIL}
    assert len(document["saved_views"]) == 2
    assert document["audit_events"]
    text = json.dumps(document)
    for secret in ("password_hash", "JBSWY3DPEHPK3PXP", "token_hash", "code_hash", "argon2"):
        assert secret not in text
    [event] = all_rows(AuditEvent, AuditEvent.action == "export.person")
    assert (event.subject_type, event.subject_id) == ("user", str(isolde.id))
    assert event.actor_id == isolde.id
