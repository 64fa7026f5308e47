"""Runbooks and canned notes in the desk's settings."""

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.support.rows import all_rows, audit_actions
from tests.web.pages import Browser, Page, words_of
from webapp.models import CannedNote, Runbook
from webapp.services.tickets.runbooks.check_runbook import RunbookValues
from webapp.services.tickets.runbooks.edit_runbooks import add_runbook, edit_runbook
from webapp.services.tickets.runbooks.install_runbooks import install_runbooks

LIST, NEW, BOOK = "/desk/runbooks", "/desk/runbooks/new", "/desk/runbooks/1"
NOTES = "/desk/canned-notes"
BODY = "- [ ] One\n- [ ] Two"


@pytest.fixture
def book(app: Flask, desk: Desk) -> None:
    """A runbook of one's own, with a word that nobody knows among its conditions."""
    with app.app_context():
        values = RunbookValues(name="Mine", kinds=["footholds", "new_kind"], body=BODY)
        add_runbook(values, actor_id=desk.helpdesk_id)


def names(page: Page) -> list[str]:
    return [words_of(link) for link in page.all("a", class_="row-link")]


def send(browser: Browser, path: str, **data: object) -> object:
    return browser.client.post(path, data={**browser.get(path).form_of("name"), **data})


def test_a_runbook_is_previewed_and_added(app: Flask, admin: Browser) -> None:
    assert "No runbooks yet" in admin.get(LIST).text
    page = admin.page_of(send(admin, NEW, name="Mine", body=BODY, preview="1"))
    assert "Preview, 2 steps" in page.text
    assert page.one("input", name="name").get("value") == "Mine"
    page = admin.page_of(send(admin, NEW, name="Mine", body="No step"), status=400)
    assert "Write at least one step" in page.text
    assert (page.one("textarea", name="body").text or "").strip() == "No step"
    kinds = ["footholds", "monitored_files"]
    answer = send(
        admin, NEW, name="Mine", body=BODY, kinds=kinds, other_kinds="New_Kind, ", severities="low"
    )
    assert answer.location == LIST
    page = admin.get(LIST)
    assert names(page) == ["Mine"]
    assert "Persistent foothold, Monitored file changed, New kind · low" in page.text
    assert audit_actions_in(app)[-1] == "runbook.added"


def audit_actions_in(app: Flask) -> list[str]:
    with app.app_context():
        return audit_actions()


@pytest.mark.usefixtures("book")
def test_a_text_is_edited_compared_and_brought_back(admin: Browser) -> None:
    page = admin.get(BOOK)
    checked = [one.get("value") for one in page.all("input", name="kinds", checked="")]
    assert checked == ["footholds", "new_kind"], "a word that nobody knows stays chosen"
    assert send(admin, BOOK, body=f"{BODY}\n- [ ] Three", kinds=checked).location == BOOK
    page = admin.get(BOOK)
    assert "Version 2 present Ada Okafor ·" in page.text
    assert "Version 1 Bo Lindqvist ·" in page.text
    page = admin.get(f"{BOOK}/versions/1")
    assert words_of(page.one("ins")) == "+ - [ ] Three"
    assert admin.post(f"{BOOK}/versions/1/restore", on=f"{BOOK}/versions/1").location == BOOK
    assert "The text of version 1 is the present one again." in admin.get(BOOK).text
    assert "Version 3 present" in admin.get(BOOK).text
    admin.get(f"{BOOK}/versions/9", status=404)


@pytest.mark.usefixtures("book")
def test_nobody_is_overwritten(app: Flask, admin: Browser, desk: Desk) -> None:
    fields = admin.get(BOOK).form_of("name")
    stale = admin.get(f"{BOOK}/versions/1")
    with app.app_context():
        values = RunbookValues(name="Mine", kinds=["siem_detections"], body="- [ ] Theirs")
        edit_runbook(1, values, actor_id=desk.helpdesk_id)
    mine = {**fields, "body": "- [ ] Ours", "kinds": ["footholds"]}
    page = admin.page_of(admin.client.post(BOOK, data=mine), status=409)
    assert "Bo Lindqvist changed this while you were editing it." in page.text
    assert "Indicator types is now: SIEM detection" in page.text
    assert "Steps is now: - [ ] Theirs" in page.text
    assert (page.one("textarea", name="body").text or "").strip() == "- [ ] Ours"
    assert stale.all("form", action=f"{BOOK}/versions/1/restore") == []
    again = admin.client.post(BOOK, data={**page.form_of("name"), "kinds": ["footholds"]})
    assert again.location == BOOK
    preview = admin.client.post(BOOK, data={**fields, "preview": "1"})
    assert admin.page_of(preview).form_of("name")["seen"] == fields["seen"]


@pytest.mark.usefixtures("book")
def test_order_state_and_deleting(app: Flask, admin: Browser) -> None:
    with app.app_context():
        add_runbook(RunbookValues(name="Second", body=BODY))
    admin.post(f"{LIST}/2/move", {"direction": "up"}, on=LIST)
    assert names(admin.get(LIST)) == ["Second", "Mine"]
    assert admin.post(f"{BOOK}/deactivate", on=BOOK).location == BOOK
    assert "inactive" in admin.get(LIST).text
    assert admin.post(f"{BOOK}/activate", on=BOOK).location == BOOK
    assert "inactive" not in admin.get(LIST).text
    assert admin.post(f"{BOOK}/delete", on=BOOK).location == LIST
    assert names(admin.get(LIST)) == ["Second"]
    assert admin.send(f"{BOOK}/delete", {}).location == LIST
    assert "There is no such runbook (any more)." in admin.get(LIST).text


def test_what_came_with_the_product_is_reset(app: Flask, admin: Browser) -> None:
    with app.app_context():
        install_runbooks()
    page = admin.get(BOOK)
    assert "It came with the product, as it is." in page.text
    assert f"{BOOK}/reset" not in [form.get("action") for form in page.all("form")]
    assert admin.send(f"{BOOK}/delete", {}).location == BOOK
    assert "deactivate it instead" in admin.get(BOOK).text
    send(admin, BOOK, body=BODY)
    page = admin.get(BOOK)
    assert "It came with the product and was edited." in page.text
    stale = page.form(f"{BOOK}/reset")
    send(admin, BOOK, name="Ours")
    admin.client.post(f"{BOOK}/reset", data=stale)
    assert "changed this while you were editing it" in admin.get(BOOK).text
    admin.post(f"{BOOK}/reset", on=BOOK)
    page = admin.get(BOOK)
    assert page.heading == "Ransomware"
    assert "It came with the product, as it is." in page.text


# --- canned notes


def test_canned_notes(app: Flask, admin: Browser) -> None:
    shipped = names(admin.get(NOTES))
    assert len(shipped) > 4
    for path in (NOTES, f"{NOTES}/1", NEW):
        assert any("data-draft" in one.attrib for one in admin.get(path).all("form"))
    page = admin.page_of(send(admin, NOTES, name="Mine", body=""), status=400)
    assert "Write the text of the note." in page.text
    text = "Called {client} at {time}. {x}"
    answer = send(admin, NOTES, name="Mine", body=text, draft="ab" * 16)
    assert answer.location == NOTES
    page = admin.get(NOTES)
    assert page.one("body").get("data-taken") == "ab" * 16
    assert "Mine was added. {time}, {x} are no placeholders and stay as typed." in page.text
    assert names(page) == [*shipped, "Mine"]
    with app.app_context():
        [note] = all_rows(CannedNote, CannedNote.name == "Mine")
    path = f"{NOTES}/{note.id}"
    assert "{time}, {x} are no placeholders" in admin.get(path).text
    stale = admin.get(path).form_of("name")
    send(admin, path, body="Called {client} at {time}.")
    assert "{time} is no placeholder and stays as typed." in admin.get(NOTES).text
    page = admin.page_of(admin.client.post(path, data={**stale, "body": "Ours"}), status=409)
    assert "Text is now: Called {client} at {time}." in page.text
    admin.post(f"{path}/move", {"direction": "up"}, on=NOTES)
    assert names(admin.get(NOTES))[-2] == "Mine"
    assert admin.post(f"{path}/delete", on=path).location == NOTES
    assert names(admin.get(NOTES)) == shipped
    for gone in (f"{path}/delete", f"{path}/move"):
        admin.send(gone, {})
        assert "There is no" in admin.get(NOTES).text
    admin.get(path, status=404)


def test_helpdesk_edit_neither(app: Flask, helpdesk: Browser) -> None:
    for path in (LIST, NEW, NOTES):
        helpdesk.get(path, status=403)
    assert helpdesk.send(NEW, {"name": "x", "body": BODY}).status_code == 403
    with app.app_context():
        assert all_rows(Runbook) == []
