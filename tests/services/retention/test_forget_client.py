"""A client is forgotten: nothing of it is left, nothing of others is lost, and no poll brings it
back."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import ticketed_ids
from tests.support.rows import add, all_rows, change, fresh, organization
from tests.support.security.forgetting import (
    INCIDENTS,
    MARK,
    NAME,
    ORGANIZATION,
    OTHER,
    OTHERS,
    Marked,
    add_incident,
    client_row,
    comments_of,
    files_that_say,
    fill,
    is_sound,
    names_of,
    rows_that_say,
)
from webapp.models import (
    Alert,
    Asset,
    AuditEvent,
    BulkChange,
    Client,
    Connection,
    Erasure,
    HuntressAgent,
    InboxRow,
    OutboxRow,
    Policy,
    SavedView,
)
from webapp.services.audit_trail.chain_events import chain_events
from webapp.services.audit_trail.verify_chain import verify_chain
from webapp.services.desk.delete_guard import HeldError, activate_row, delete_row
from webapp.services.desk.edit_clients import edit_client, read_client_values
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.mapping.map_organizations import set_mapping
from webapp.services.mapping.sync_organizations import sync_organizations
from webapp.services.proof.prove_connection import prove_connection
from webapp.services.retention.client_scope import count_client
from webapp.services.retention.erasures import find_erasure, list_erasures
from webapp.services.retention.export_client import export_client
from webapp.services.retention.export_person import export_person
from webapp.services.retention.forget_client import (
    begin_forgetting_client,
    forgotten_name,
    go_on_forgetting_client,
)
from webapp.services.retention.go_on import go_on_with_all


@pytest.fixture
def marked(desk: Desk) -> Marked:
    return fill(desk)


def forget(marked: Marked) -> Erasure:
    erasure = begin_forgetting_client(marked.client_id, typed_name=NAME, actor_id=marked.ada.id)
    go_on_forgetting_client(erasure)
    return fresh(Erasure, erasure.id)


@both_databases
def test_nothing_of_a_forgotten_client_is_left_anywhere(
    marked: Marked, tmp_path: Path, database_kind: str
) -> None:
    assert len(rows_that_say(MARK)) >= 15, "the test would show little"
    erasure = forget(marked)
    assert rows_that_say(MARK) == []
    assert client_row(marked).name == forgotten_name(marked.client_id)
    assert not client_row(marked).is_active
    assert erasure.finished_at is not None
    assert erasure.words is None
    assert erasure.counts["tickets"] == len(INCIDENTS) + 1
    assert erasure.counts["assets"] == erasure.counts["agents"] == 1
    if database_kind == "sqlite":
        assert is_sound(tmp_path)
        assert files_that_say(tmp_path, MARK) == [], "free pages still hold it"


@both_databases
def test_of_other_clients_everything_stays(marked: Marked) -> None:
    desk = marked.desk
    other = desk.ticket(11)
    forget(marked)
    assert ticketed_ids(desk) == [str(key) for key in OTHERS]
    assert OTHER in names_of(Client)
    assert desk.alert(11).raw_report
    assert [one.name for one in all_rows(SavedView)] == ["kept"]
    assert [one.key for one in all_rows(OutboxRow, OutboxRow.event == "summary")] == ["summary-1"]
    assert any(forgotten_name(marked.client_id) in body for body in comments_of(other.id))
    [bulk] = all_rows(BulkChange)
    assert [entry["ticket_id"] for entry in bulk.changes] == [other.id]
    assert all_rows(Asset) == all_rows(HuntressAgent) == []


@both_databases
def test_the_audit_log_keeps_that_it_happened_and_not_what(marked: Marked) -> None:
    chain_events(marked.desk.clock.now())
    before = len(all_rows(AuditEvent))
    ticket = marked.desk.ticket(6)
    forget(marked)
    chain_events(marked.desk.clock.now())
    report = verify_chain()
    assert (report.problems, report.waiting) == ([], 0)
    assert report.links == len(all_rows(AuditEvent))
    events = all_rows(AuditEvent)
    assert len(events) >= before, "no event is deleted"
    about = [event for event in events if event.subject_id == str(ticket.id)]
    assert about
    assert all((one.before, one.after) == (None, None) for one in about)
    assert all(one.redacted_at for one in about)
    [forgotten] = [event for event in events if event.action == "client.forgotten"]
    assert forgotten.actor_id == marked.ada.id
    assert forgotten.after["tickets"] == len(INCIDENTS) + 1
    assert [event for event in events if event.redacted_at is None and event.action == "user.added"]


@both_databases
def test_no_poll_brings_it_back(marked: Marked) -> None:
    desk = marked.desk
    forget(marked)
    erased = {row.external_alert_id for row in all_rows(Alert, Alert.reason == "erased")}
    assert erased == {str(key) for key in (*INCIDENTS, 6, 7)}
    desk.poll(sweep=True)
    for key in INCIDENTS:
        add_incident(desk, key, ORGANIZATION, f"{MARK} changed", severity="critical")
    add_incident(desk, 99, ORGANIZATION, f"{MARK} new")
    desk.poll(sweep=True)
    assert ticketed_ids(desk) == [str(key) for key in OTHERS]
    assert rows_that_say(MARK) == []
    assert desk.alert(99).reason == "org_opted_out"
    assert {row.external_alert_id for row in all_rows(Alert, Alert.reason == "erased")} == erased
    proof = prove_connection(desk.connection_id, days=365)
    assert (proof.unexplained, proof.excluded) == (0, len(erased) + 1)
    assert all_rows(InboxRow) == []


@both_databases
def test_its_organization_is_excluded_without_its_name_until_somebody_includes_it(
    marked: Marked,
) -> None:
    desk = marked.desk
    with desk.account.lock:
        desk.account.organization_rows[ORGANIZATION] = {"id": ORGANIZATION, "name": NAME}
    sync_organizations(desk.connection_id)
    forget(marked)
    sync_organizations(desk.connection_id)
    row = organization(desk.connection_id, ORGANIZATION)
    assert (row.name, row.creates_tickets, row.client_id) == (
        *(f"Forgotten organization {ORGANIZATION}", False, None),
    )
    assert row.erased_at is not None
    set_mapping(desk.connection_id, str(ORGANIZATION), tickets=True)
    sync_organizations(desk.connection_id)
    row = organization(desk.connection_id, ORGANIZATION)
    assert (row.name, row.erased_at) == (NAME, None)
    add_incident(desk, 98, ORGANIZATION, "of a client that is back")
    desk.poll(sweep=True)
    assert ticketed_ids(desk) == ["11", "12", "13", "98"], "what was erased stays so"


def test_the_name_has_to_be_typed(marked: Marked) -> None:
    with pytest.raises(FieldError, match=NAME):
        begin_forgetting_client(marked.client_id, typed_name="zebrawood dental")
    with pytest.raises(NotFoundError):
        begin_forgetting_client(9999, typed_name=NAME)
    assert client_row(marked).is_active
    assert list_erasures() == []


def test_what_routing_and_policies_name_cannot_be_forgotten(marked: Marked) -> None:
    now = marked.desk.clock.now()
    marked.desk.set(fallback_client_id=marked.client_id)
    add(
        Policy(
            name="For them",
            position=1,
            conditions={"events": ["created"], "client_ids": [marked.client_id]},
            created_at=now,
            updated_at=now,
        )
    )
    with pytest.raises(RefusedError, match=r"routing of Test account .* policy For them"):
        begin_forgetting_client(marked.client_id, typed_name=NAME)
    assert fresh(Connection, marked.desk.connection_id).fallback_client_id == marked.client_id


def test_a_forgotten_client_stays_a_number(marked: Marked) -> None:
    begin_forgetting_client(marked.client_id, typed_name=NAME)
    with pytest.raises(HeldError, match="forgotten"):
        activate_row(Client, marked.client_id)
    with pytest.raises(RefusedError, match="forgotten"):
        edit_client(marked.client_id, read_client_values("Back again"))
    with pytest.raises(RefusedError, match="already"):
        begin_forgetting_client(marked.client_id, typed_name=NAME)
    go_on_with_all()
    with pytest.raises(HeldError, match="forgotten"):
        delete_row(Client, marked.client_id)


def test_a_ticket_that_comes_meanwhile_is_erased_as_well(marked: Marked) -> None:
    erasure = begin_forgetting_client(marked.client_id, typed_name=NAME)
    finish = go_on_forgetting_client.__globals__["merge_search_index"]
    late = marked.desk.ticket(12)

    def give_one_more() -> None:
        if client_row(marked).name == NAME and fresh(type(late), late.id).client_id != 0:
            change(type(late), late.id, client_id=marked.client_id, title=f"{MARK} late")
        finish()

    with pytest.MonkeyPatch.context() as patch:
        calls = iter((give_one_more, finish, finish))
        patch.setitem(
            go_on_forgetting_client.__globals__, "merge_search_index", lambda: next(calls)()
        )
        go_on_forgetting_client(erasure)
    assert rows_that_say(MARK) == []
    assert ticketed_ids(marked.desk) == ["11", "13"]


def test_forgetting_twice_at_once_counts_everything_once(marked: Marked) -> None:
    erasure = begin_forgetting_client(marked.client_id, typed_name=NAME)
    go_on_forgetting_client(erasure)
    counts = fresh(Erasure, erasure.id).counts
    go_on_forgetting_client(erasure)
    assert fresh(Erasure, erasure.id).counts == counts
    assert go_on_with_all() == 0


@both_databases
def test_the_export_holds_what_is_erased(marked: Marked) -> None:
    data = b"".join(export_client(marked.client_id, actor_id=marked.ada.id))
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    lists = {
        name.removesuffix(".json"): json.loads(archive.read(name))
        for name in archive.namelist()
        if name.endswith(".json")
    }
    counts = count_client(marked.client_id)
    for name, count in counts.as_dict().items():
        if name != "elsewhere":
            assert len(lists[name]) == count, name
    assert lists["client"][0]["name"] == NAME
    assert any(MARK in note["body"] for note in lists["notes"])
    [file] = lists["files"]
    path = f"files/{file['ticket']}/{file['id']} {MARK}.txt"
    assert archive.read(path) == f"content of {MARK}".encode()
    assert lists["incidents"][0]["report"]["summary"].startswith(MARK)
    assert {row["organization_id"] for row in lists["organizations"]} == {str(ORGANIZATION)}
    assert NAME in archive.read("README.txt").decode()
    lines = archive.read("tickets.csv").decode("utf-8-sig").splitlines()
    assert lines[0].startswith("id,number,title")
    assert "report" not in archive.read("incidents.csv").decode().splitlines()[0].split(",")
    [event] = all_rows(AuditEvent, AuditEvent.action == "export.client")
    assert (event.subject_type, event.subject_id) == ("client", str(marked.client_id))
    assert event.actor_id == marked.ada.id


def test_nothing_is_exported_that_is_not_on_record(
    marked: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("nothing can be recorded")

    for module in ("export_client", "export_person"):
        monkeypatch.setattr(f"webapp.services.retention.{module}.record_export", fail)
    with pytest.raises(OSError, match="recorded"):
        export_client(marked.client_id)
    with pytest.raises(OSError, match="recorded"):
        export_person(marked.ada.id)


def test_the_preview_counts_tickets_that_stay_with_others(marked: Marked) -> None:
    assert count_client(marked.client_id).elsewhere == 0
    ticket = marked.desk.ticket(6)
    change(type(ticket), ticket.id, client_id=marked.other_id)
    counts = count_client(marked.client_id)
    assert (counts.elsewhere, counts.tickets) == (1, len(INCIDENTS))
    forget(marked)
    assert "6" in ticketed_ids(marked.desk)
    assert marked.desk.alert(6).raw_report
    assert find_erasure("client", marked.other_id) is None
