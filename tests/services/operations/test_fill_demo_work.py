"""The demo shows what working on tickets looks like: times, a mention, a file, a wait, closing."""

from flask import Flask

from tests.support.desk_data import fill_desk
from tests.support.fake_clock import FakeClock
from webapp.models import Attachment, BellItem, Ticket, TicketLink, TimeTarget, User
from webapp.services.operations.fill_demo_work import (
    FILE_NAME,
    close_harmless,
    close_repeated,
    fill_demo_work,
)
from webapp.services.transactions import reading


def test_the_demo_has_work_in_it(app: Flask, fake_clock: FakeClock) -> None:
    desk = fill_desk(fake_clock.now(), tickets=2)
    with reading() as session:
        admin = session.get_one(User, desk.admin_id)
        colleague = session.get_one(User, desk.helpdesk_id)
        ticket_id = session.query(Ticket.id).filter(Ticket.closed_at.is_(None)).first().id
    fill_demo_work(ticket_id, admin=admin, colleague=colleague)
    with reading() as session:
        assert session.get_one(Ticket, ticket_id).waiting_until is not None
        bells = session.query(BellItem).filter_by(user_id=admin.id, ticket_id=ticket_id)
        assert "mentioned" in {bell.kind for bell in bells}
        assert [one.name for one in session.query(Attachment)] == [FILE_NAME]
        assert session.query(TimeTarget).count()


def test_the_demo_has_closed_tickets_in_it(app: Flask, fake_clock: FakeClock) -> None:
    desk = fill_desk(fake_clock.now(), tickets=6)
    with reading() as session:
        is_open = Ticket.closed_at.is_(None)
        original, harmless, repeated = session.query(Ticket).filter(is_open).limit(3)
    close_harmless(harmless.id, actor_id=desk.helpdesk_id)
    close_repeated(repeated.id, original.number, actor_id=desk.helpdesk_id)
    with reading() as session:
        for closed, reason in ((harmless, "false_positive"), (repeated, "duplicate")):
            assert session.get_one(Ticket, closed.id).close_reason == reason
        [link] = session.query(TicketLink)
        assert (link.from_id, link.to_id) == (repeated.id, original.id)
