"""A desk with a client whose name is wherever it can be, to look for once it is forgotten."""

import sqlite3
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.support.poller import Desk
from tests.support.polling import report
from tests.support.rows import add, all_rows, change
from webapp.extensions import Base, db
from webapp.models import (
    Alarm,
    Asset,
    Client,
    ClientMute,
    Comment,
    CsvUpload,
    ExternalEntityMapping,
    HuntressAgent,
    OrganizationMapping,
    OutboxRow,
    SavedView,
    TicketAsset,
    User,
)
from webapp.services.people.users import add_user
from webapp.services.tickets.attachments.attach_files import add_note_with_files
from webapp.services.tickets.attachments.contents import SentFile
from webapp.services.tickets.bulk_change_tickets import bulk_change_tickets
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.transactions import reading

NAME = "Zebrawood Dental"
MARK = "Zebrawood"
OTHER = "Quillfeather Law"
ORGANIZATION, OTHER_ORGANIZATION, LATE = 77, 88, 79
INCIDENTS = range(1, 6)
OTHERS = range(11, 14)


@dataclass
class Marked:
    """The desk, its two clients, and who works there."""

    desk: Desk
    client_id: int
    other_id: int
    ada: User


def fill(desk: Desk) -> Marked:
    """Give both clients tickets, and the first one everything that a client can have."""
    ada = add_user(
        email="ada@example.com", name="Ada Okafor", password="a long password", role="admin"
    )
    own, other = desk.add_client(NAME), desk.add_client(OTHER)
    for key in INCIDENTS:
        add_incident(desk, key, ORGANIZATION, f"{MARK} host {key}", severity="high")
    for key in OTHERS:
        add_incident(desk, key, OTHER_ORGANIZATION, f"Quill host {key}")
    desk.map(OTHER_ORGANIZATION, other)
    desk.poll()  # the first client's organization is not mapped yet: its tickets are on triage
    desk.map(ORGANIZATION, own)
    name_organization(desk, ORGANIZATION, NAME)
    add_incident(desk, 6, ORGANIZATION, f"{MARK} mapped by now")
    add_incident(desk, 7, ORGANIZATION, f"{MARK} closed before", status="closed")
    desk.poll()
    marked = Marked(desk, own, other, ada)
    _work(marked)
    _add_rows(marked)
    return marked


def add_incident(desk: Desk, key: int, organization: int, words: str, **fields: Any) -> None:
    """List an incident at Huntress that says `words` wherever a report has words."""
    said = {"subject": words, "summary": words, "body": f"<p>{words}</p>"}
    with desk.account.lock:
        desk.account.incident_rows[key] = report(
            key, desk.clock.now(), organization_id=organization, **{**said, **fields}
        )


def name_organization(desk: Desk, organization: int, name: str) -> None:
    """Let the mapping know the organization's name."""
    from tests.support.rows import organization as find

    change(OrganizationMapping, find(desk.connection_id, organization).id, name=name)


def _work(marked: Marked) -> None:
    desk, ada = marked.desk, marked.ada
    mapped, other = desk.ticket(6), desk.ticket(11)
    assert mapped is not None
    assert other is not None
    add_internal_note(mapped.id, f"called {MARK} reception", author_id=ada.id)
    file = SentFile(f"{MARK}.txt", BytesIO(f"content of {MARK}".encode()))
    add_note_with_files(mapped.id, "", [file], author_id=ada.id)
    bulk_change_tickets([mapped.id, other.id], TicketChange(priority_id=1), actor_id=ada.id)
    for wanted in (marked.client_id, marked.other_id):  # the timeline of another client names it
        change_ticket(other.id, TicketChange(client_id=wanted), actor_id=ada.id, seen_at=None)
    change_ticket(mapped.id, TicketChange(title=f"{MARK} renamed"), actor_id=ada.id, seen_at=None)


def _add_rows(marked: Marked) -> None:
    desk, now = marked.desk, marked.desk.clock.now()
    key = desk.connection_id
    mapped, other = desk.ticket(6), desk.ticket(11)
    assert mapped is not None
    assert other is not None
    asset = add(Asset(client_id=marked.client_id, name=f"{MARK}-PC", hostname_key=f"{MARK}-pc"))
    for ticket in (mapped, other):
        add(TicketAsset(ticket_id=ticket.id, asset_id=asset.id))
    add(
        HuntressAgent(
            connection_id=key,
            external_id="501",
            organization_external_id=str(ORGANIZATION),
            hostname=f"{MARK}-PC",
            fetched_at=now,
        )
    )
    add(
        ExternalEntityMapping(
            connection_id=key,
            entity_type="agent",
            external_id="501",
            hostname=f"{MARK}-PC",
            asset_id=asset.id,
            synced_at=now,
        )
    )
    add(ClientMute(client_id=marked.client_id, reason=f"{MARK} pentest", starts_at=now, until=now))
    for name, query in (
        (f"All of {NAME}", "q=x"),
        ("its tickets", f"client={marked.client_id}"),
        ("a search", "q=Zebrawood+Dental"),
        ("kept", "client=999"),
    ):
        add(SavedView(owner_id=marked.ada.id, name=name, query=query, created_at=now))
    add(
        CsvUpload(
            kind="clients",
            owner_id=marked.ada.id,
            filename="a.csv",
            content=f"Name\n{NAME}",
            created_at=now,
        )
    )
    add(Alarm(kind="untouched", sentence=f"{NAME}: nobody came.", began_at=now, ended_at=now))
    for number, facts in enumerate(({"lines": [f"3 tickets of {NAME}"]}, {"lines": [OTHER]})):
        add(
            OutboxRow(
                key=f"summary-{number}",
                target_name="SOC",
                event="summary",
                facts=facts,
                created_at=now,
                due_at=now,
                next_try_at=now,
                state="sent",
            )
        )
    add(
        OutboxRow(
            key="of-ticket",
            target_name="SOC",
            event="created",
            ticket_id=mapped.id,
            facts={"title": f"{MARK} mapped"},
            created_at=now,
            due_at=now,
            next_try_at=now,
        )
    )


def rows_that_say(word: str) -> list[str]:
    """The tables with a row that holds the word, the search index included."""
    found = []
    with reading() as session:
        dialect = session.get_bind().dialect.name
        tables = [*Base.metadata.tables, "ticket_search"]
        for table in tables:
            row = "t.*" if dialect == "sqlite" else "t::text"
            for values in session.execute(text(f"SELECT {row} FROM {table} t")):
                if word.lower() in " ".join(str(value) for value in values).lower():
                    found.append(table)
                    break
    return found


def files_that_say(folder: Path, word: str) -> list[str]:
    """The files of a SQLite database that hold the word anywhere, also where rows were deleted."""
    db.session.remove()
    db.engine.dispose()
    return [
        path.name
        for path in sorted(folder.glob("triagedesk.db*"))
        if word.encode().lower() in path.read_bytes().lower()
    ]


def is_sound(folder: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file, its search index included."""
    connection = sqlite3.connect(folder / "triagedesk.db")
    try:
        connection.execute("INSERT INTO ticket_search(ticket_search) VALUES('integrity-check')")
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        connection.close()


def names_of(model: type[Any]) -> list[str]:
    """The names of the rows, sorted."""
    return sorted(row.name for row in all_rows(model))


def client_row(marked: Marked) -> Client:
    """The client that is forgotten, fresh."""
    [row] = all_rows(Client, Client.id == marked.client_id)
    return row


def comments_of(ticket_id: int) -> list[str]:
    """What the timeline of a ticket says."""
    return [row.body for row in all_rows(Comment, Comment.ticket_id == ticket_id)]
