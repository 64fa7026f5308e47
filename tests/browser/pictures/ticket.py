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
from webapp.models import Alert, Asset, Category, OrganizationMapping, Ticket, TicketAsset
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.transactions import transaction


def document_pictures(browser: Browser, folder: Path) -> None:
    """The ticket page is shown by the common module."""


def all_pictures(browser: Browser, folder: Path) -> None:
    """The pages of one ticket in every look, and their rare states."""
    with served_desk() as (app, url):
        path = ticket_path(app, is_unmapped=False)
        enrich(app, path)
        add_incidents(app)
        paths = {
            "ticket-page": path,
            "ticket-raw": f"{path}/raw",
            "ticket-edit": f"{path}/edit",
            "ticket-new": "/tickets/new",
            "incidents": "/incidents",
        }
        shown = [picture for name, place in paths.items() for picture in every_look(name, place)]
        shown.append(Picture("ticket-from-list", f"{path}?from=/tickets", whole=True))
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
    page.get_by_label("Priority").select_option("High")
    with app.app_context():
        change = TicketChange(priority_id=4, external_reference="PSA-4711")
        change_ticket(int(path.rsplit("/", 1)[1]), change, actor_id=2, seen_at=None)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()
    shoot(page, folder, "ticket-conflict", whole=True)
    page.goto(f"{url}{path}?from=/tickets")
    page.get_by_role("button", name="Close ticket").click()
    page.get_by_label("Done in the portal").check()
    page.get_by_role("button", name="Close ticket").click()
    page.get_by_role("button", name="Reopen").wait_for()
    shoot(page, folder, "ticket-closed")
    page.goto(f"{url}/tickets/new")
    page.get_by_role("button", name="Open ticket").click()
    page.get_by_role("alert").wait_for()
    shoot(page, folder, "ticket-new-errors", whole=True)
    page.close()


def add_incidents(app: Flask) -> None:
    """Recorded incidents without a ticket, for each of the usual reasons."""
    now = clock.utcnow()
    with app.app_context(), transaction() as session:
        mapped, excluded = session.query(OrganizationMapping).limit(2)
        excluded.creates_tickets = False
        for number, (reason, status, organization) in enumerate(
            [
                ("already_closed", "closed", mapped),
                ("before_backfill", "sent", mapped),
                ("org_opted_out", "sent", excluded),
                ("before_backfill", "auto_remediating", mapped),
            ]
        ):
            is_kept = organization is mapped
            session.add(
                Alert(
                    connection_id=1,
                    external_alert_id=str(990 + number),
                    status=status,
                    severity=("low", "high", "critical")[number % 3],
                    was_closed=status == "closed",
                    reason=reason,
                    message=f"Suspicious sign-in of user {number}" if is_kept else None,
                    raw_report="{}" if is_kept else None,
                    organization_external_id=organization.external_id,
                    triggered_at=now - timedelta(days=40 - number),
                    observed_at=now,
                    created_at=now,
                )
            )


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
