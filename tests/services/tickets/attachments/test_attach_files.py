"""Files on tickets, on both databases: stored once, within limits, gone with their last ticket."""

import hashlib
import io
import threading

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.security.attached_files import picture
from webapp.domain.attaching.limits import FILES_AT_ONCE, MEGABYTE
from webapp.models import (
    Alert,
    Attachment,
    AttachmentChunk,
    AttachmentContent,
    AuditEvent,
    Comment,
    Ticket,
)
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.tickets.attachments.attach_files import (
    add_note_with_files,
    remove_attachment,
)
from webapp.services.tickets.attachments.contents import SentFile, drop_unused_contents
from webapp.services.tickets.attachments.read_attachments import (
    FILES_A_PAGE,
    SHOWN,
    list_ticket_files,
    read_download,
    read_picture,
    read_ticket_files,
)
from webapp.services.tickets.search_tickets import find_matches
from webapp.services.transactions import reading, transaction

pytestmark = both_databases


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    return desk_data.fill_desk(fake_clock.now(), tickets=4)


def sent(data: bytes, name: str = "x.bin") -> SentFile:
    return SentFile(name, io.BytesIO(data))


def add(desk: Desk, ticket_id: int, *files: SentFile, body: str = "") -> Comment:
    return add_note_with_files(ticket_id, body, files, author_id=desk.admin_id)


def count(model: type) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def file_ids(ticket_id: int) -> list[int]:
    with reading() as session:
        return list(
            session.scalars(
                select(Attachment.id)
                .where(Attachment.ticket_id == ticket_id)
                .order_by(Attachment.id)
            )
        )


def test_files_with_a_note_and_alone(desk: Desk) -> None:
    large = bytes(range(256)) * 3_000
    note = add(desk, 1, sent(large, "a.bin"), sent(b"b", "b.txt"), body="Look at these.")
    alone = add(desk, 1, sent(picture(), "shot.png"))
    assert (note.body, alone.body) == ("Look at these.", "Added a file.")
    shown = read_ticket_files(1, [note.id])
    assert [row.name for row in shown.newest] == ["shot.png", "b.txt", "a.bin"]
    assert shown.count == 3
    assert [row.name for row in shown.by_note[note.id]] == ["a.bin", "b.txt"]
    assert [row.is_picture for row in shown.newest] == [True, False, False]
    got = read_download(1, file_ids(1)[0])
    assert (got.name, got.size, b"".join(got.parts)) == ("a.bin", len(large), large)
    assert read_picture(1, file_ids(1)[2]).type == "image/png"
    with pytest.raises(NotFoundError):
        read_picture(1, file_ids(1)[0])
    with pytest.raises(NotFoundError):
        read_download(2, file_ids(1)[0])
    with reading() as session:
        events = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "ticket.file_added")
        ).all()
    assert next(event.after["sha256"] for event in events) == hashlib.sha256(large).hexdigest()
    with reading() as session:
        assert list(find_matches(session, "file:shot").ids) == [1]
        assert list(find_matches(session, "b.txt").ids) == [1]


def test_each_content_is_stored_once_and_goes_with_its_last_file(desk: Desk) -> None:
    add(desk, 1, sent(b"same", "a"), sent(b"same", "b"))
    add(desk, 2, sent(b"same", "c"))
    assert (count(Attachment), count(AttachmentContent)) == (3, 1)
    first, second = file_ids(1)
    for file_id in (first, second):
        remove_attachment(1, file_id, actor_id=desk.admin_id, may_remove_all=False)
    assert b"".join(read_download(2, file_ids(2)[0]).parts) == b"same"
    with transaction() as session:
        for model in (Comment, Alert):
            session.execute(delete(model).where(model.ticket_id == 2))
        session.execute(delete(Ticket).where(Ticket.id == 2))
    assert (count(Attachment), count(AttachmentContent), count(AttachmentChunk)) == (0, 0, 0)


def test_who_may_remove_and_what_is_on_record(desk: Desk) -> None:
    add(desk, 1, sent(b"x", "evil_*x*.txt"))
    [file_id] = file_ids(1)
    with pytest.raises(RefusedError):
        remove_attachment(1, file_id, actor_id=desk.helpdesk_id, may_remove_all=False)
    with pytest.raises(NotFoundError):
        remove_attachment(2, file_id, actor_id=desk.admin_id, may_remove_all=True)
    assert remove_attachment(1, file_id, actor_id=desk.helpdesk_id, may_remove_all=True)
    with reading() as session:
        entry = session.scalars(select(Comment).order_by(Comment.id.desc())).first()
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert list(find_matches(session, "file:evil").ids) == []
    assert entry.body == r"Removed the file evil\_\*x\*.txt (1 byte)."
    assert (event.action, event.before["name"]) == ("ticket.file_removed", "evil_*x*.txt")


def test_limits_refuse_all_of_it(desk: Desk, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    before = count(Comment)
    largest = bytes(10 * MEGABYTE)
    for files in (
        [sent(b"ok"), sent(largest + b"x")],
        [sent(b"")],
        [sent(b"x")] * (FILES_AT_ONCE + 1),
    ):
        with pytest.raises(FieldError) as refused:
            add(desk, 1, *files, body="kept")
        assert set(refused.value.fields) == {"files"}
    with pytest.raises(FieldError):
        add(desk, 1, sent(b"x"), body="x" * 20_001)
    with pytest.raises(NotFoundError):
        add(desk, 99, sent(b"x"))
    assert (count(Comment), count(Attachment)) == (before, 0)
    for _ in range(5):
        add(desk, 1, sent(largest), sent(largest))
    with pytest.raises(FieldError, match="100 MB"):
        add(desk, 1, sent(b"x"))
    assert count(AttachmentContent) == 2, "the largest and the one of the note that was refused"


def test_a_thousand_files(desk: Desk, fake_clock: FakeClock) -> None:
    add(desk, 1, sent(b"x", "first"))
    with transaction() as session:
        sha256 = session.scalars(select(AttachmentContent.sha256)).one()
        session.add_all(
            Attachment(ticket_id=1, sha256=sha256, name=f"f{n}", created_at=fake_clock.now())
            for n in range(999)
        )
    shown = read_ticket_files(1, [])
    assert (len(shown.newest), shown.count) == (SHOWN, 1_000)
    mark, names, pages = None, [], 0
    while pages == 0 or mark:
        page = list_ticket_files(1, after=mark)
        assert len(page.rows) <= FILES_A_PAGE
        names += [row.name for row in page.rows]
        mark, pages = page.next_mark, pages + 1
    assert (len(set(names)), pages) == (1_000, 10)
    with pytest.raises(FieldError, match="1,000"):
        add(desk, 1, sent(b"y"))


def test_the_same_content_at_the_same_time(desk: Desk, app: Flask) -> None:
    """Some add it while others remove it: every ticket has it whole or not at all."""
    data = picture(size=(300, 200)) + bytes(300_000)
    failures: list[BaseException] = []

    def work(ticket_id: int) -> None:
        with app.app_context():
            try:
                for turn in range(4):
                    add(desk, ticket_id, sent(data, "same.png"))
                    if turn < 3:
                        remove_attachment(
                            ticket_id,
                            file_ids(ticket_id)[0],
                            actor_id=desk.admin_id,
                            may_remove_all=True,
                        )
            except BaseException as error:  # noqa: BLE001 - the test says which
                failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (count(Attachment), count(AttachmentContent)) == (3, 1)
    for ticket_id in (1, 2, 3):
        [file_id] = file_ids(ticket_id)
        assert b"".join(read_download(ticket_id, file_id).parts) == data


def test_what_a_crash_left_is_deleted_after_an_hour(desk: Desk, fake_clock: FakeClock) -> None:
    with pytest.raises(FieldError):
        add(desk, 1, sent(b"left"), body="x" * 20_001)
    add(desk, 1, sent(b"used"))
    assert (drop_unused_contents(), count(AttachmentContent)) == (0, 2)
    fake_clock.advance(hours=1, seconds=1)
    assert (drop_unused_contents(), count(AttachmentContent)) == (1, 1)
