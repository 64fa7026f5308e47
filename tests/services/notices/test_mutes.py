"""A muted client's tickets are made and marked, nobody is told; both ends are audited."""

from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.receivers.notices_data import Mailbox, add_policy, add_target, deliver_all
from tests.support.rows import all_rows, audit_actions, audit_events
from webapp.models import Client, ClientMute, Ticket
from webapp.services.desk.delete_guard import find_holders
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.notices.mute_client import (
    end_mute,
    find_client,
    find_mute,
    list_mutes,
    mute_client,
    record_ended_mutes,
)
from webapp.services.transactions import reading


def of_mutes() -> list[str]:
    return [one for one in audit_actions() if "muted" in one]


@both_databases
def test_a_mute_holds_until_its_time_and_its_end_is_recorded_once(
    polled: Desk, mailbox: Mailbox
) -> None:
    add_policy("all", [(0, [add_target("soc")])])
    polled.account.add_incident(7, now=polled.clock.now(), id=1)
    polled.poll()
    deliver_all()
    [ticket] = all_rows(Ticket)
    until = polled.clock.now() + timedelta(hours=4)
    mute_client(ticket.client_id, until, reason="Penetration test")
    polled.account.add_incident(7, now=polled.clock.now(), id=2)
    polled.poll()
    deliver_all()
    assert [one.is_muted for one in all_rows(Ticket)] == [False, True]
    assert len(mailbox.to("soc")) == 1
    assert record_ended_mutes(polled.clock.now()) == 0
    polled.clock.advance(hours=5)
    assert find_mute(ticket.client_id) is None
    assert record_ended_mutes(polled.clock.now()) == 1
    assert record_ended_mutes(polled.clock.now()) == 0
    assert of_mutes() == ["client.muted", "client.unmuted"]
    [stored] = all_rows(ClientMute)
    assert stored.ended_at == until
    polled.account.add_incident(7, now=polled.clock.now(), id=3)
    polled.poll()
    deliver_all()
    assert len(mailbox.to("soc")) == 2


@both_databases
@pytest.mark.parametrize("ends", ["by its time", "early", "later"])
def test_what_waited_before_a_mute_is_told_once_that_is_over(
    polled: Desk, mailbox: Mailbox, ends: str
) -> None:
    add_policy("all", [(0, [add_target("soc")])])
    polled.account.add_incident(7, now=polled.clock.now(), id=1)
    polled.poll()
    [ticket] = all_rows(Ticket)
    mute_client(ticket.client_id, polled.clock.now() + timedelta(hours=1))
    if ends == "later":
        mute_client(ticket.client_id, polled.clock.now() + timedelta(hours=4))
    polled.clock.advance(minutes=45)
    polled.poll()  # its end lets go what waits for others
    deliver_all()
    assert mailbox.messages == []
    if ends == "early":
        end_mute(ticket.client_id)
    else:
        polled.clock.advance(hours=1 if ends == "by its time" else 4)
    deliver_all()
    assert len(mailbox.to("soc")) == 1


@both_databases
def test_a_mute_is_changed_and_ended_early(polled: Desk) -> None:
    client = all_rows(Client)[0].id
    now = polled.clock.now()
    mute_client(client, now + timedelta(hours=1))
    mute_client(client, now + timedelta(hours=2), reason="Longer")
    [row] = list_mutes()
    assert (row.mute.until, row.mute.reason) == (now + timedelta(hours=2), "Longer")
    end_mute(client)
    assert list_mutes() == []
    [row] = list_mutes(with_ended=True)
    assert not row.holds
    with pytest.raises(RefusedError, match="is not muted"):
        end_mute(client)
    polled.clock.advance(hours=3)
    assert record_ended_mutes(polled.clock.now()) == 0, "it was recorded when it was ended"
    assert of_mutes() == ["client.muted", "client.muted", "client.unmuted"]
    assert audit_events()[-1].subject_type == "client"


@both_databases
@pytest.mark.parametrize("is_shortened", [False, True])
def test_steps_that_waited_go_on_when_a_mute_ends_early(
    polled: Desk, mailbox: Mailbox, is_shortened: bool
) -> None:
    add_policy("all", [(0, [add_target("soc")]), (10, [add_target("boss")])])
    polled.account.add_incident(7, now=polled.clock.now(), id=1)
    polled.poll()
    deliver_all()
    client = all_rows(Ticket)[0].client_id
    mute_client(client, polled.clock.now() + timedelta(hours=8))
    polled.clock.advance(minutes=11)
    deliver_all()
    assert mailbox.to("boss") == []
    if is_shortened:
        mute_client(client, polled.clock.now() + timedelta(minutes=5))
        deliver_all()
        assert mailbox.to("boss") == [], "it is muted still"
        polled.clock.advance(minutes=5)
    else:
        end_mute(client)
    deliver_all()
    assert len(mailbox.to("boss")) == 1


def test_an_end_has_to_be_near_and_still_to_come(polled: Desk) -> None:
    client = all_rows(Client)[0].id
    now = polled.clock.now()
    for until in (None, now, now + timedelta(days=91)):
        with pytest.raises(FieldError):
            mute_client(client, until)
    with pytest.raises(NotFoundError):
        mute_client(10**6, now + timedelta(hours=1))
    with pytest.raises(FieldError, match="There is no client named Nobody"):
        find_client("Nobody")
    assert find_client(all_rows(Client)[0].name.upper()) == client


def test_a_mute_keeps_no_client_from_being_deleted(polled: Desk) -> None:
    client = all_rows(Client)[0].id
    mute_client(client, polled.clock.now() + timedelta(hours=1))
    with reading() as session:
        holders = find_holders(session, Client, client)
    assert "client_mutes" not in {holder.table for holder in holders}
