"""Pictures of one ticket: reading, changing, colliding, opening one by hand."""

from datetime import timedelta
from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser

from tests.browser.screenshots import (
    Picture,
    every_look,
    served_desk,
    shoot,
    sign_in,
    take,
    ticket_path,
)
from webapp import clock
from webapp.models import Asset, Category, Ticket, TicketAsset
from webapp.services.change_ticket import TicketChange, change_ticket
from webapp.services.transactions import transaction


def document_pictures(browser: Browser, folder: Path) -> None:
    """The ticket page is shown by the common module."""


def all_pictures(browser: Browser, folder: Path) -> None:
    """The pages of one ticket in every look, and their rare states."""
    with served_desk() as (app, url):
        path = ticket_path(app, is_unmapped=False)
        enrich(app, path)
        paths = {
            "ticket-page": path,
            "ticket-raw": f"{path}/raw",
            "ticket-edit": f"{path}/edit",
            "ticket-new": "/tickets/new",
            "incidents": "/incidents",
        }
        shown = [picture for name, place in paths.items() for picture in every_look(name, place)]
        shown.append(Picture("ticket-from-list", f"{path}?from=/tickets", whole=False))
        take(browser, url, shown, folder)
        rare_states(browser, app, url, path, folder)


def rare_states(browser: Browser, app: Flask, url: str, path: str, folder: Path) -> None:
    """A preview, a collision, a refused form, a closed ticket with the next one offered."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    sign_in(page, url)
    page.goto(f"{url}{path}?from=/tickets")
    page.get_by_label("Add internal note").fill("Called **Dana**:\n\n1. unplugged\n2. `nmap` clean")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("unplugged").last.wait_for()
    shoot(page, folder, "ticket-preview", whole=True)
    page.get_by_label("Status").select_option("Waiting")
    with app.app_context():
        change = TicketChange(priority_id=4, external_reference="PSA-4711")
        change_ticket(int(path.rsplit("/", 1)[1]), change, actor_id=2, seen_at=None)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()
    shoot(page, folder, "ticket-conflict", whole=True)
    page.get_by_role("button", name="Close ticket").click()
    page.get_by_role("button", name="Reopen").wait_for()
    shoot(page, folder, "ticket-closed")
    page.goto(f"{url}/tickets/new")
    page.get_by_role("button", name="Open ticket").click()
    page.get_by_role("alert").wait_for()
    shoot(page, folder, "ticket-new-errors", whole=True)
    page.close()


def enrich(app: Flask, path: str) -> None:
    """A category, an asset with facts, and a host that has been in trouble before."""
    with app.app_context(), transaction() as session:
        ticket = session.get_one(Ticket, int(path.rsplit("/", 1)[1]))
        parent = Category(name="Endpoint", board_id=ticket.board_id)
        session.add(parent)
        session.flush()
        session.add(Category(name="Malware", board_id=ticket.board_id, parent_id=parent.id))
        asset = Asset(
            client_id=ticket.client_id,
            name="RVC-EXAM1",
            hostname_key="rvc-exam1",
            type="Workstation",
            serial_number="PF3K9X2",
        )
        session.add(asset)
        session.flush()
        session.add(TicketAsset(ticket_id=ticket.id, asset_id=asset.id))
        ticket.updated_at = clock.utcnow() - timedelta(minutes=2)
