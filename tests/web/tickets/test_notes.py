"""Notes on pages: people are mentioned, watch, ring bells; notes of one's own are edited."""

from collections.abc import Callable

from flask import Flask

from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.harmless import live_links
from tests.support.receivers.notices_data import add_target
from tests.support.security.auditors import AUDITOR, add_auditor
from tests.web.pages import Browser, words_of
from webapp.models import Comment, Ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.transactions import reading, transaction

SignIn = Callable[[tuple[str, str]], Browser]
ADA, BO = 1, 2
PATH = "/tickets/1"


def note_by(app: Flask, person: int, text: str) -> str:
    """The address of a new note on the first ticket."""
    with app.app_context():
        return f"{PATH}/notes/{add_internal_note(1, text, author_id=person).id}"


def body_of(app: Flask, path: str) -> str:
    with app.app_context(), reading() as session:
        return session.get_one(Comment, int(path.rsplit("/", 1)[1])).body


def test_what_people_write_is_shown_as_typed_with_live_links(
    app: Flask, admin: Browser, desk: Desk
) -> None:
    typed = r"At C:\Users\Public\!README and \\server\share, see https://psa.example/7, @bo"
    path = note_by(app, ADA, typed)
    entry = admin.get(PATH).one("li", id=f"entry-{path.rsplit('/', 1)[1]}")
    assert typed in words_of(entry)
    assert list(live_links(entry)) == ["https://psa.example/7"]
    assert [words_of(one) for one in entry.iter("span") if one.get("class") == "mention"] == ["@bo"]


def test_a_person_edits_their_own_note(
    app: Flask, admin: Browser, helpdesk: Browser, desk: Desk, fake_clock: FakeClock
) -> None:
    path = note_by(app, ADA, "Called `them`.")
    form = f"{path}/edit"
    page = admin.get(form)
    assert page.form(form)["body"] == "Called `them`."
    assert any("data-draft" in one.attrib for one in page.all("form"))
    page = admin.page_of(admin.post(form, {"body": "**Wrote**", "preview": "1"}, on=form))
    assert words_of(page.one("div", id="note-preview")) == "Preview Wrote"
    assert admin.page_of(admin.post(form, {"body": " "}, on=form), status=400)
    fake_clock.advance(minutes=5)
    draft = "ab" * 16
    answer = admin.post(form, {"body": "Wrote to them.", "draft": draft}, on=form)
    assert admin.get(PATH).one("body").get("data-taken") == draft
    assert answer.location.endswith(f"{PATH}#entry-{path.rsplit('/', 1)[1]}")
    entry = helpdesk.get(PATH).one("li", id=f"entry-{path.rsplit('/', 1)[1]}")
    assert "edited just now · history of this note Wrote to them." in words_of(entry)
    assert "edit this note" not in words_of(entry), "it is not Bo's"
    history = helpdesk.get(f"{path}/history")
    assert "Called them." in history.text
    assert helpdesk.client.get(form).status_code == 400
    assert helpdesk.send(form, {"body": "Not so.", "seen": ""}).status_code == 400
    assert helpdesk.client.get(f"{PATH}/notes/999/history").status_code == 404
    assert body_of(app, path) == "Wrote to them."


def test_an_edit_from_another_window_is_not_overwritten(
    app: Flask, admin: Browser, desk: Desk
) -> None:
    path = note_by(app, ADA, "One.")
    form = f"{path}/edit"
    fields = admin.get(form).form(form)
    admin.post(form, {"body": "Two."}, on=form)
    answer = admin.client.post(form, data={**fields, "body": "Three."})
    page = admin.page_of(answer, status=409)
    assert page.form(form)["body"] == "Three."
    assert "What the note says now Two." in page.text
    assert body_of(app, path) == "Two."
    admin.client.post(form, data=page.form(form))
    assert body_of(app, path) == "Three."


def test_a_description_of_a_report_is_edited_without_its_escapes(
    app: Flask, admin: Browser, desk: Desk
) -> None:
    with app.app_context(), transaction() as session:
        ticket = session.get_one(Ticket, 1)
        ticket.description = "At C:\\\\!README\n\n## Links\nhttps://evil.example"
        ticket.source, ticket.text_edited_by_person_at = "huntress", None
    form = f"{PATH}/edit"
    assert admin.get(form).form(form)["description"].startswith("At C:\\!README")
    answer = admin.post(form, {"title": "New"}, on=form)
    assert answer.status_code == 303
    page = admin.get(PATH)
    assert "At C:\\!README" in page.text
    assert "https://evil.example" not in live_links(page.tree)


def test_a_ticket_is_watched_and_the_bell_tells_of_it(
    app: Flask, admin: Browser, helpdesk: Browser, desk: Desk
) -> None:
    admin.post(f"{PATH}/watch", on=PATH)
    watching = admin.get(PATH).one("section", **{"aria-labelledby": "watch-heading"})
    assert "Ada Okafor" in words_of(watching)
    chips = admin.get("/tickets?watching=me").one("ul", class_="chips")
    assert words_of(chips).startswith("Watched by me")
    note_by(app, BO, "@ada, please")
    note_by(app, BO, "And this.")
    page = admin.get("/bell")
    [link] = [one for one in page.all("a") if one.get("href") == "/bell"][:1]
    assert link.get("aria-label") == "Bell, 2 unread"
    rows = [words_of(one) for one in page.one("ul", class_="rows").iter("li")]
    assert "Bo Lindqvist changed it" in rows[0]
    assert "Bo Lindqvist mentioned you" in rows[1]
    opens = [form.get("action") for form in page.all("form") if "/open" in form.get("action", "")]
    answer = admin.post(opens[1], on="/bell")
    assert answer.location.startswith(f"{PATH}#entry-")
    assert "Nothing is unread" in admin.get("/bell?show=unread").text
    note_by(app, BO, "Later.")
    assert "1 unread item in your bell" in admin.get(PATH).text
    assert admin.post(f"{PATH}/read", on=PATH).status_code == 303
    note_by(app, BO, "Later still.")
    admin.post("/bell/read", on="/bell")
    assert "Unread" not in words_of(admin.get("/bell").one("ul", class_="rows"))
    admin.post(f"{PATH}/unwatch", on=PATH)
    assert "Nobody watches this ticket." in admin.get(PATH).text
    assert "Nothing has concerned you yet" in helpdesk.get("/bell").text


def test_what_a_contact_method_tells_is_chosen(app: Flask, admin: Browser, desk: Desk) -> None:
    with app.app_context():
        key = add_target("ada@example.com", user_id=ADA)
    path = f"/preferences/contact-methods/{key}/told"
    admin.post(path, {"mentions": "yes", "watched": "yes"}, on="/preferences")
    assert {"mentions", "watched"} <= set(admin.get("/preferences").form(path))
    admin.send(path, {})
    assert not {"mentions", "watched"} & set(admin.get("/preferences").form(path))


def test_an_auditor_reads_the_history_and_changes_nothing(
    app: Flask, sign_in: SignIn, desk: Desk
) -> None:
    path = note_by(app, ADA, "One.")
    with app.app_context():
        add_auditor()
    auditor = sign_in(AUDITOR)
    assert "One." in auditor.get(f"{path}/history").text
    assert "Nobody watches" in auditor.get(PATH).text
    for address in (f"{path}/edit", f"{PATH}/watch", f"{PATH}/unwatch"):
        assert auditor.send(address, {"body": "x"}).status_code == 403
