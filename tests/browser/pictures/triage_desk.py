"""Pictures of the triage desk: what burns, what belongs together, who works, what is due."""

from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser, Page

from tests.browser.screenshots import Picture, every_look, served_desk, shoot, sign_in, take
from tests.support.desk_data import ADMIN, HELPDESK
from tests.support.triage.night_desk import Night, fill_night, open_critical
from webapp.services.people.users import find_user
from webapp.services.tickets.comment_ticket import add_internal_note

LAPTOP, LARGE, PHONE = (1100, 800), (1600, 1000), (390, 844)
LIVE_ROUND = 11_000
"""A little more than a page waits between two questions, in milliseconds."""


def document_pictures(browser: Browser, folder: Path) -> None:
    """The documents show none of these pages."""


def all_pictures(browser: Browser, folder: Path) -> None:
    """Pages in each look, then what only shows after a key, a click or a colleague's change."""
    with served_desk() as (app, url):
        with app.app_context():
            night = fill_night()
        take(browser, url, pages(night), folder)
        for scheme, size, look in (
            ("light", LARGE, "large"),
            ("dark", LAPTOP, "laptop"),
            ("light", PHONE, "phone"),
        ):
            page = browser.new_page(
                viewport={"width": size[0], "height": size[1]},
                color_scheme=scheme,  # type: ignore[arg-type]
            )
            page.clock.install()
            sign_in(page, url)
            _list_states(app, page, url, night, folder, look)
            _ticket_states(app, page, url, night, folder, look)
            page.close()


def pages(night: Night) -> list[Picture]:
    """The pages that are shown as they stand."""
    one = f"/tickets/{night.worked}"
    paths = {
        "list": "/tickets",
        "list-due": "/tickets?sort=due",
        "list-raised": "/tickets?raised=1",
        "list-search": "/tickets?q=muller+wombat&state=",
        "list-operators": "/tickets?q=muller+is:open+foo:bar",
        "list-meant": "/tickets?q=stonebrige",
        "ticket-burning": f"/tickets/{night.burning}",
        "ticket-worked": one,
        "ticket-waiting": f"/tickets/{night.waiting}",
        "ticket-duplicate": f"/tickets/{night.duplicate}",
        "ticket-case": f"/tickets/{night.case}",
        "ticket-long": f"/tickets/{night.long}",
        "ticket-wait": f"{one}/wait",
        "ticket-files": f"{one}/files",
        "ticket-runbooks": f"{one}/runbooks",
        "ticket-canned": f"{one}/canned-notes",
        "ticket-print": f"{one}/print",
        "note-edit": f"{one}/notes/{night.note}/edit",
        "note-history": f"{one}/notes/{night.note}/history",
        "bell": "/bell",
        "response-times": "/response-times",
        "desk-times": "/desk/response-times",
        "runbooks": "/desk/runbooks",
        "runbook": "/desk/runbooks/1",
        "runbook-version": "/desk/runbooks/1/versions/1",
        "canned-notes": "/desk/canned-notes",
        "desk-today": "/",
    }
    return [one for name, path in paths.items() for one in _looks(name, path)]


def _looks(name: str, path: str) -> list[Picture]:
    shown = every_look(f"desk-{name}", path)
    shown.append(Picture(f"desk-{name}-light-laptop", path, "light", LAPTOP))
    shown.append(Picture(f"desk-{name}-dark-large", path, "dark", LARGE))
    return shown


def _list_states(app: Flask, page: Page, url: str, night: Night, folder: Path, look: str) -> None:
    page.goto(f"{url}/tickets")
    for words in ("Group by host or identity", "Compact: one line a ticket"):
        _display(page, words, is_on=True)
        shoot(page, folder, f"desk-list-{words.split(':')[0].split()[0].lower()}-{look}")
    for words in ("Group by host or identity", "Compact: one line a ticket"):
        _display(page, words, is_on=False)
    with app.app_context():
        open_critical(f"Ransomware seen on {look}", actor_id=find_user(ADMIN[0]).id)
    page.clock.fast_forward(LIVE_ROUND)
    page.locator("[data-live-line] a", has_text="Show").wait_for()
    shoot(page, folder, f"desk-list-news-{look}")
    page.goto(f"{url}/tickets")
    page.locator(".list-display > summary").click()
    shoot(page, folder, f"desk-list-columns-{look}")
    page.goto(f"{url}/tickets?severity=critical")
    for box in page.locator("input[name=ticket]").all()[:3]:
        box.check()
    shoot(page, folder, f"desk-list-bulk-{look}")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Find anything").fill("ransom")
    page.locator("[role=option]").first.wait_for()
    shoot(page, folder, f"desk-palette-{look}")
    page.keyboard.press("Escape")
    page.get_by_label("Set status").select_option("Closed")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_load_state()
    shoot(page, folder, f"desk-bulk-criticals-{look}")


def _ticket_states(app: Flask, page: Page, url: str, night: Night, folder: Path, look: str) -> None:
    path = f"{url}/tickets/{night.worked}"
    page.goto(f"{path}?from=/tickets")
    shoot(page, folder, f"desk-ticket-first-{look}")
    with app.app_context():
        add_internal_note(night.worked, "The client is told.", author_id=find_user(HELPDESK[0]).id)
    page.clock.fast_forward(LIVE_ROUND)
    page.locator(".live-line.is-news").wait_for()
    shoot(page, folder, f"desk-ticket-news-{look}")
    page.keyboard.press("?")
    shoot(page, folder, f"desk-ticket-keys-{look}")
    page.keyboard.press("Escape")
    page.locator(".canned summary").click()
    shoot(page, folder, f"desk-ticket-note-{look}")
    page.goto(f"{url}/tickets/{night.burning}")
    page.get_by_role("button", name="Close", exact=False).filter(visible=True).first.click()
    page.wait_for_load_state()
    shoot(page, folder, f"desk-ticket-close-{look}", whole=True)
    page.goto(f"{path}/print")
    page.emulate_media(media="print")
    shoot(page, folder, f"desk-print-{look}", whole=True)
    page.emulate_media(media="screen")


def _display(page: Page, words: str, *, is_on: bool) -> None:
    """Choose how the list looks, and leave the list with it."""
    page.locator(".list-display > summary").click()
    page.get_by_label(words).set_checked(is_on)
    page.locator(".list-display .btn-primary").click()
    page.wait_for_load_state()
