"""Checklists and canned notes on the page of a ticket, with and without a script."""

import json

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.support.harmless import problems_of
from tests.support.rows import add, all_rows
from tests.web.pages import Browser, Page, words_of
from tests.web.test_stored_attacks import ATTACKS
from webapp.models import CannedNote, Comment, Ticket, TicketRunbook
from webapp.services.tickets.runbooks.check_runbook import RunbookValues
from webapp.services.tickets.runbooks.edit_runbooks import add_runbook
from webapp.services.tickets.runbooks.work_checklist import attach_runbook

TICKET = "/tickets/1"
STEPS = f"{TICKET}/runbooks/1/steps"
CANNED = f"{TICKET}/canned-notes"
BODY = "First:\n\n- [ ] Isolate `PC`\n- [ ] Call\n  by phone\n- [ ] Collect"


@pytest.fixture
def checklist(app: Flask, desk: Desk) -> None:
    """A runbook on the first ticket."""
    with app.app_context():
        row = add_runbook(RunbookValues(name="Foothold", body=BODY))
        attach_runbook(1, row.id, actor_id=desk.admin_id)


def boxes(page: Page) -> list[str]:
    return [box.get("aria-checked") or "" for box in page.all("button", role="checkbox")]


@pytest.mark.usefixtures("checklist")
def test_a_step_is_ticked_without_a_script(helpdesk: Browser) -> None:
    page = helpdesk.get(TICKET)
    assert boxes(page) == ["false", "false", "false"]
    assert "Foothold 0 of 3" in page.text
    answer = helpdesk.post(f"{STEPS}/1", {"done": "yes"}, on=f"{TICKET}?from=/tickets")
    assert str(answer.location).startswith(f"{TICKET}?from=/tickets?place")
    assert str(answer.location).endswith("#step-1-1")
    page = helpdesk.get(TICKET)
    assert boxes(page) == ["false", "true", "false"]
    assert "Foothold 1 of 3" in page.text
    assert "Bo Lindqvist, just now" in page.text
    assert f"{TICKET}/runbooks/1/remove" not in [form.get("action") for form in page.all("form")]
    helpdesk.post(f"{STEPS}/1", {"done": "no"}, on=TICKET)
    assert boxes(helpdesk.get(TICKET)) == ["false", "false", "false"]


@pytest.mark.usefixtures("checklist")
def test_a_script_gets_the_step_and_the_progress(app: Flask, helpdesk: Browser) -> None:
    with app.app_context():
        [ticket] = all_rows(Ticket, Ticket.id == 1)
    answer = helpdesk.send(f"{STEPS}/0", {"done": "yes"}, headers={"HX-Request": "true"})
    part = helpdesk.fragment_of(answer)
    assert [one.get("id") for one in part.all("li")] == ["step-1-0"]
    assert words_of(part.one("span", id="checklist-1-progress")) == "1 of 3"
    assert part.one("div", id="checklist-1-foot").get("hx-swap-oob") == "true"
    seen = json.loads(answer.headers["HX-Trigger"])["triagedesk:ticket-changed"]
    assert seen["was"] == ticket.updated_at.isoformat()
    with app.app_context():
        [ticket] = all_rows(Ticket, Ticket.id == 1)
    assert seen["now"] == ticket.updated_at.isoformat()


@pytest.mark.usefixtures("checklist")
def test_a_checklist_that_is_done_is_folded(helpdesk: Browser) -> None:
    assert helpdesk.get(TICKET).one("details", id="checklist-1").get("open") is not None
    for position in range(3):
        helpdesk.send(f"{STEPS}/{position}", {"done": "yes"})
    page = helpdesk.get(TICKET)
    assert page.one("details", id="checklist-1").get("open") is None
    assert "Foothold all 3 done" in page.text


@pytest.mark.usefixtures("checklist")
def test_runbooks_are_attached_and_removed_by_hand(app: Flask, helpdesk: Browser) -> None:
    with app.app_context():
        add_runbook(RunbookValues(name="Other", body=BODY))
    path = f"{TICKET}/runbooks"
    assert [words_of(one) for one in helpdesk.get(TICKET).all("a", href=path)] == [
        "Attach another runbook"
    ]
    page = helpdesk.get(path)
    assert "Foothold 3 steps on this ticket" in page.text
    assert helpdesk.post(path, {"runbook_id": "2"}, on=path).location == TICKET
    page = helpdesk.get(TICKET)
    assert "The runbook was attached." in page.text
    assert page.text.count("0 of 3") == 2
    helpdesk.send(path, {"runbook_id": "2"})
    assert "Other is on this ticket already." in helpdesk.get(TICKET).text
    assert helpdesk.send(path, {"runbook_id": "x"}).status_code == 404
    helpdesk.post(f"{path}/2/remove", on=TICKET)
    assert "The runbook was removed." in helpdesk.get(TICKET).text
    helpdesk.send(f"{STEPS}/0", {"done": "yes"})
    helpdesk.send(f"{path}/1/remove", {})
    assert "Steps of Foothold are done" in helpdesk.get(TICKET).text
    helpdesk.send(f"{path}/2/remove", {})
    assert "This runbook is not on the ticket (any more)." in helpdesk.get(TICKET).text


def test_a_desk_without_runbooks(helpdesk: Browser, admin: Browser) -> None:
    assert "Attach a runbook" in helpdesk.get(TICKET).text
    assert "An admin adds them" in helpdesk.get(f"{TICKET}/runbooks").text
    assert admin.get(f"{TICKET}/runbooks").all("a", href="/desk/runbooks")
    helpdesk.get("/tickets/999/runbooks", status=404)


@pytest.mark.usefixtures("checklist")
def test_what_is_not_there_is_said(helpdesk: Browser) -> None:
    for path in ("/tickets/2/runbooks/1/steps/0", f"{STEPS}/3", f"{TICKET}/runbooks/9/steps/0"):
        assert helpdesk.send(path, {"done": "yes"}).status_code == 404


@pytest.mark.usefixtures("checklist")
def test_an_auditor_sees_the_steps_and_ticks_none(auditor: Browser) -> None:
    page = auditor.get(TICKET)
    assert all(box.get("disabled") is not None for box in page.all("button", role="checkbox"))
    assert "Attach another runbook" not in page.text
    assert "Canned notes" not in page.text
    assert auditor.send(f"{STEPS}/0", {"done": "yes"}).status_code == 403


# --- canned notes


@pytest.fixture
def canned(app: Flask, desk: Desk) -> str:
    """The id of a canned note, as an address or a button gives it."""
    with app.app_context():
        return str(
            add(CannedNote(name="Call", body="Called about {number}. {what}", position=99)).id
        )


def note_of(page: Page) -> str:
    return (page.one("textarea", name="body").text or "").lstrip("\n")


def test_an_address_fills_the_note(helpdesk: Browser, canned: str) -> None:
    page = helpdesk.get(TICKET)
    number = words_of(page.one("span", class_="ticket-number"))
    page = helpdesk.get(f"{TICKET}?canned={canned}")
    assert note_of(page) == f"Called about {number}. {{what}}"
    for nonsense in ("", "999", "x"):
        assert note_of(helpdesk.get(f"{TICKET}?canned={nonsense}")) == ""


def test_without_a_script_the_canned_note_comes_below_what_was_typed(
    app: Flask, helpdesk: Browser, canned: str
) -> None:
    page = helpdesk.page_of(helpdesk.send(CANNED, {"body": "Typed <b>\n"}))
    assert "The canned note is put below it." in page.text
    fields = page.form(f"{TICKET}/notes")
    assert fields["body"].strip() == "Typed <b>"
    answer = helpdesk.client.post(f"{TICKET}/notes", data={**fields, "canned": canned})
    assert note_of(helpdesk.page_of(answer)).startswith("Typed <b>\n\nCalled about TKT-")
    assert not helpdesk.get(CANNED).all("textarea")
    with app.app_context():
        assert not all_rows(Comment, Comment.body.contains("Typed"))


def test_a_script_gets_the_buttons(helpdesk: Browser, canned: str) -> None:
    part = helpdesk.fragment(CANNED)
    [button] = part.all("button", value=canned)
    assert (button.get("data-canned") or "").startswith("Called about TKT-")
    assert helpdesk.get(CANNED).heading == "Canned notes"


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_admins_write_stays_text(app: Flask, admin: Browser, desk: Desk, attack: str) -> None:
    """In steps, their details, text between them, names, timeline, preview, versions, notes."""
    lines = attack.split("\n")
    body = f"{attack}\n\n- [ ] {lines[0]}\n  {lines[-1]}\n\n{attack}"
    with app.app_context():
        row = add_runbook(RunbookValues(name=attack, kinds=[attack[:60]], body=body))
        attach_runbook(1, row.id, actor_id=desk.admin_id)
        add(CannedNote(name=attack[:100], body=attack, position=0))
        [checklist] = all_rows(TicketRunbook)
    ticked = admin.send(f"{STEPS}/0", {"done": "yes"}, headers={"HX-Request": "true"})
    answers = [ticked, admin.send("/desk/runbooks/preview", {"body": body})]
    answers += [
        admin.client.get(path)
        for path in (TICKET, CANNED, f"{TICKET}/runbooks", "/desk/runbooks", "/desk/runbooks/1")
    ]
    answers += [admin.client.get("/desk/runbooks/1/versions/1"), admin.client.get("/audit")]
    assert [one.status_code for one in answers] == [200] * len(answers)
    assert [problems_of(one) for one in answers] == [[]] * len(answers)
    assert checklist.body.count("- [ ]") == 1
