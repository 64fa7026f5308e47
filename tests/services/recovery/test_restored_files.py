"""Files on tickets come back with a backup, and are found, removed and dropped as before."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

from sqlalchemy import func, select

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import add_bulk
from tests.support.recovery.places import RestorePlace, back_up
from tests.support.security.attached_files import picture
from webapp.config import Config
from webapp.models import Attachment, AttachmentContent
from webapp.services.people.users import add_user
from webapp.services.tickets.attachments.attach_files import (
    add_note_with_files,
    remove_attachment,
)
from webapp.services.tickets.attachments.contents import SentFile
from webapp.services.tickets.attachments.read_attachments import read_download, read_picture
from webapp.services.tickets.search_tickets import find_matches
from webapp.services.transactions import reading

PASSWORD = "a password that is long enough"


@both_databases
def test_files_come_back_whole(
    desk: Desk, config: Config, place: RestorePlace, tmp_path: Path
) -> None:
    add_bulk(desk.account, 1, desk.clock.now() - timedelta(hours=1), first_id=1)
    desk.poll()
    ticket = desk.ticket(1)
    assert ticket is not None
    user = add_user(email="ada@example.com", name="Ada", role="admin", password=PASSWORD)
    content = picture() + bytes(600_000)
    add_note_with_files(
        ticket.id, "", [SentFile("Müller.png", BytesIO(content))], author_id=user.id
    )
    back_up(config, tmp_path / "desk.age")
    place.restore(tmp_path / "desk.age")
    with place.opened(desk.simulator.base_url):
        with reading() as session:
            file_id = session.scalars(select(Attachment.id)).one()
            assert list(find_matches(session, "file:muller").ids) == [ticket.id]
        assert b"".join(read_download(ticket.id, file_id).parts) == content
        assert read_picture(ticket.id, file_id).type == "image/png"
        remove_attachment(ticket.id, file_id, actor_id=user.id, may_remove_all=False)
        with reading() as session:
            assert session.scalar(select(func.count()).select_from(AttachmentContent)) == 0
