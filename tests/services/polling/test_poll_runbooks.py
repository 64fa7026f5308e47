"""New tickets of incidents get the runbook that fits, as it is then."""

import pytest

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import add_bulk, break_reports, counted_statements
from tests.support.rows import all_rows, change
from webapp.models import Runbook, TicketRunbook
from webapp.services.tickets.runbooks.check_runbook import RunbookValues
from webapp.services.tickets.runbooks.edit_runbooks import (
    add_runbook,
    delete_runbook,
    edit_runbook,
    switch_runbook,
)
from webapp.services.tickets.runbooks.work_checklist import attach_runbook

ID = 1_780_001
BODY = "- [ ] Isolate\n- [ ] Call"


def runbook(name: str, **values: object) -> Runbook:
    return add_runbook(RunbookValues(name=name, body=BODY, **values))


def attached(desk: Desk, incident_id: object = ID) -> list[tuple[str, int]]:
    ticket = desk.ticket(incident_id)
    assert ticket is not None
    rows = all_rows(TicketRunbook, TicketRunbook.ticket_id == ticket.id)
    return [(row.name, row.version) for row in rows]


@both_databases
def test_a_ticket_has_the_runbook_as_it_was(desk: Desk) -> None:
    general, foothold = runbook("General"), runbook("Foothold", kinds=["footholds"])
    runbook("Elsewhere", kinds=["footholds"], platforms=["linux"])
    desk.account.add_incident(
        now=desk.clock.now(), id=ID, platform="windows", indicator_types=["footholds"]
    )
    desk.account.add_incident(now=desk.clock.now(), id=ID + 1, indicator_types=["new_one"])
    desk.poll()
    assert attached(desk) == [("Foothold", 1)]
    assert attached(desk, ID + 1) == [("General", 1)]
    edit_runbook(foothold.id, RunbookValues(name="Foothold", body="- [ ] Other"))
    switch_runbook(foothold.id, is_active=False)
    delete_runbook(general.id)
    row, other = sorted(all_rows(TicketRunbook), key=lambda one: one.name)
    assert (row.body, row.version, row.attached_at) == (BODY, 1, desk.ticket(ID).created_at)
    assert (other.runbook_id, other.body) == (None, BODY)
    desk.account.add_incident(now=desk.clock.now(), id=ID + 2, indicator_types=["footholds"])
    desk.poll()
    assert attached(desk, ID + 2) == [], "what is inactive or does not fit is not attached"


def test_an_update_attaches_nothing(desk: Desk) -> None:
    desk.account.add_incident(now=desk.clock.now(), id=ID)
    desk.poll()
    runbook("General")
    desk.account.update_incident(ID, now=desk.clock.now(), summary="More is known.")
    desk.poll()
    assert attached(desk) == []


@both_databases
@pytest.mark.parametrize("is_attached_by_hand", [False, True])
def test_a_completed_report_gets_it_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, is_attached_by_hand: bool
) -> None:
    one = runbook("General")
    desk.account.add_incident(now=desk.clock.now(), id=ID)
    broken = break_reports(monkeypatch, ID)
    for minutes in (5, 5, 10):
        desk.poll(minutes=minutes)
    assert attached(desk) == [], "nothing is known of what cannot be read"
    if is_attached_by_hand:
        admin, _ = desk_data.add_people()
        attach_runbook(desk.ticket(ID).id, one.id, actor_id=admin.id)
        change(Runbook, one.id, version=7)
    broken.clear()
    desk.poll(minutes=60)
    assert attached(desk) == [("General", 1)]


def test_a_backlog_takes_no_statement_for_each_ticket(desk: Desk) -> None:
    """A batch, which is as large as the time allows, reads runbooks once and inserts once."""
    runbook("General")
    add_bulk(desk.account, 500, desk.clock.now())
    with counted_statements() as statements:
        desk.poll()
    batches = sum(one.startswith("UPDATE ticket_counters") for one in statements)
    of_runbooks = sum("runbooks" in one for one in statements)
    assert desk.count(TicketRunbook) == 500
    assert 0 < of_runbooks <= 2 * batches < 250
