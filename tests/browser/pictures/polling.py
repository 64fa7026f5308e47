"""Pictures of poll history, quarantine, API calls, users, audit log and health."""

from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from playwright.sync_api import Browser

from tests.browser.screenshots import (
    NARROW,
    WIDE,
    Picture,
    every_look,
    served_desk,
    shoot,
    sign_in,
    take,
)
from tests.support import administration_data as data
from tests.support.desk_data import ADMIN, HELPDESK
from webapp import clock
from webapp.services.operations import read_health
from webapp.services.people.invite_user import invite_user
from webapp.services.people.users import add_user, deactivate_user, find_user
from webapp.task_queue import QueueStatus

BASE = "/integrations/huntress/1"


def document_pictures(browser: Browser, folder: Path) -> None:
    """The poll history is shown in the documentation."""
    with served_desk() as (app, url):
        with app.app_context():
            data.add_polls(1, clock.utcnow(), actor_id=find_user(ADMIN[0]).id)
        take(browser, url, [Picture("poll-history", f"{BASE}/polls")], folder)


def all_pictures(browser: Browser, folder: Path) -> None:
    """Every page of the area, filled and empty, and its refusals."""
    with served_desk() as (app, url):
        empty = {
            "quarantine-empty": f"{BASE}/quarantine",
            "polls-none-failed": f"{BASE}/polls?show=failed",
            "audit-empty": "/audit?what=nothing",
            "users-none-deactivated": "/users?show=deactivated",
        }
        take(browser, url, [Picture(name, path) for name, path in empty.items()], folder)
        with app.app_context():
            runs = fill()
        paths = {
            "polls": f"{BASE}/polls",
            "poll": f"{BASE}/polls/{runs[-1]}",
            "poll-failed": f"{BASE}/polls/{runs[2]}",
            "quarantine": f"{BASE}/quarantine",
            "quarantine-dismissed": f"{BASE}/quarantine?show=dismissed",
            "api-calls": f"{BASE}/api-calls",
            "users": "/users",
            "user": "/users/2",
            "user-self": "/users/1",
            "user-deactivate": "/users/2/deactivate",
            "user-invite": "/users/invite",
            "audit": "/audit",
            "health": "/health",
            "preferences-password": "/preferences",
        }
        shown = [picture for name, path in paths.items() for picture in every_look(name, path)]
        take(browser, url, shown, folder)
        all_well = QueueStatus(True, has_worker=True, has_scheduler=True)
        with patch.object(read_health, "read_queue_status", lambda: all_well):
            take(browser, url, [Picture("health-queue", "/health")], folder)
        refusals(browser, url, folder)


def fill() -> list[int]:
    """Something of everything; returns the ids of the polls."""
    now = clock.utcnow()
    ada = find_user(ADMIN[0]).id
    runs = data.add_polls(1, now, actor_id=ada)
    data.add_reports(1, now, ticket_id=3)
    data.add_calls(1, now - timedelta(seconds=5))
    data.add_events(1, ada)
    invite_user(email="cleo@example.com", name="Cleo Marchetti", role="helpdesk", actor_id=ada)
    gone = add_user(
        email="dan@example.com",
        name="Dan Whitlock",
        password="correct horse",
        role="helpdesk",
        actor_id=ada,
    )
    deactivate_user(gone.id, actor_id=ada)
    return runs


def refusals(browser: Browser, url: str, folder: Path) -> None:
    """Forms that are shown again, the link that is shown once, and the page it leads to."""
    for scheme, size, label in (("light", WIDE, "wide"), ("dark", NARROW, "narrow")):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
        )
        page = context.new_page()
        sign_in(page, url)
        page.goto(f"{url}{BASE}/quarantine")
        page.get_by_text("Raw report").first.click()
        page.get_by_text("Dismiss…").first.click()
        page.get_by_role("button", name="Dismiss report").first.click()
        page.get_by_role("alert").wait_for()
        page.get_by_text("Raw report").first.click()
        shoot(page, folder, f"quarantine-refused-{label}", whole=True)
        page.goto(f"{url}/users/{1}")
        page.get_by_label("Helpdesk").check()
        page.get_by_role("button", name="Save").click()
        page.get_by_role("alert").wait_for()
        shoot(page, folder, f"user-refused-{label}")
        page.goto(f"{url}/users/invite")
        page.get_by_label("Name").fill("Eve")
        page.get_by_label("E-mail address").fill(HELPDESK[0])
        page.get_by_role("button", name="Invite").click()
        page.get_by_role("alert").wait_for()
        shoot(page, folder, f"invite-refused-{label}")
        page.get_by_label("E-mail address").fill(f"eve-{label}@example.com")
        page.get_by_role("button", name="Invite").click()
        page.get_by_label("Link to choose a password").wait_for()
        shoot(page, folder, f"link-{label}")
        address = page.get_by_label("Link to choose a password").input_value()
        page.get_by_role("link", name="Done").click()
        page.get_by_role("heading", name="Access").wait_for()
        shoot(page, folder, f"user-invited-{label}")
        page.goto(address)
        shoot(page, folder, f"choose-{label}")
        page.get_by_label("New password").fill("short")
        page.get_by_role("button", name="Set password").click()
        page.get_by_role("alert").wait_for()
        shoot(page, folder, f"choose-refused-{label}")
        page.goto(f"{url}/choose-password?token=nonsense")
        shoot(page, folder, f"choose-wrong-{label}")
        context.close()
