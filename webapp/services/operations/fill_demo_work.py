"""Filling the demo with work: times to answer in, a note that names a colleague, a file, a wait."""

import io
from datetime import timedelta

from webapp import clock
from webapp.models import User
from webapp.services.desk.response_times.edit_times import (
    offer_targets,
    read_response_times,
    save_times,
)
from webapp.services.tickets.attachments.attach_files import add_note_with_files
from webapp.services.tickets.attachments.contents import SentFile
from webapp.services.tickets.clocks.wait_ticket import wait_ticket

FILE_NAME = "pop-ups.txt"
PAGES = b"09:12 https://prize.example/win\n09:14 https://prize.example/win?again=1\n"
DAYS = 3


def fill_demo_work(ticket_id: int, *, admin: User, colleague: User) -> None:
    """Offer times for each priority; `colleague` works on the ticket, and asks `admin`.

    Raises FieldError if anything is refused.
    """
    save_times(offer_targets(read_response_times()), seen=None, actor_id=admin.id)
    add_note_with_files(
        ticket_id,
        f"@{admin.name} these pages open by themselves. Could `C:\\Users\\Public\\!README` "
        "belong to it?\n\n- [x] asked which pages\n- [ ] looked at the browser's extensions",
        [SentFile(FILE_NAME, io.BytesIO(PAGES))],
        author_id=colleague.id,
    )
    until = clock.utcnow() + timedelta(days=DAYS)
    wait_ticket(ticket_id, until, "the user is back in the office", actor_id=colleague.id)
