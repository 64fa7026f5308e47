"""The ticket list in a browser: a morning with the keyboard alone, and what axe says about it."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from webapp.domain.triage.list_columns import COLUMNS, ListDisplay
from webapp.services.tickets.rows.list_display import set_list_display
from webapp.services.tickets.saved_views import save_view

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
CUT = """parts => [...document.querySelectorAll(parts)].filter(part => {
  if (part.scrollWidth > part.clientWidth + 1) return true;
  const { left, right } = part.getBoundingClientRect();
  return left < 0 || right > innerWidth;
}).map(part => part.innerText)"""
"""The words of parts that are wider than their box or that stand outside of the window."""
LOOKS = [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)]


def choose(page: Page, label: str, first_letters: str) -> None:
    """Choose in a selection with the keyboard."""
    page.get_by_label(label, exact=True).focus()
    page.keyboard.type(first_letters)


def test_a_morning_without_a_mouse(desk: Desk, open_page: OpenPage, sign_in: SignIn) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets")
    links = page.locator("a.ticket-link")
    total = links.count()

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Shortcuts")
    page.keyboard.press("j")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()

    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(links.nth(0)).to_be_focused()

    page.keyboard.press("/")
    page.keyboard.type("jxo?/ incident")
    expect(page.get_by_label("Search tickets")).to_have_value("jxo?/ incident")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("incident")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tickets?q=incident")  # tidy: nothing else in the address
    expect(page.get_by_text("Search: incident")).to_be_visible()

    bar = page.get_by_role("form", name="Change the selected tickets")
    expect(bar).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(bar).to_contain_text("2 selected")
    choose(page, "Assign to", "Me")
    bar.get_by_role("button", name="Apply").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 tickets changed.")).to_be_visible()
    page.wait_for_url("**/tickets?q=incident")
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Undone: 2 tickets are as before.")).to_be_visible()

    page.locator(".save-view summary").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name of the view").focus()
    page.keyboard.type("Incidents")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The view “Incidents” was saved.")).to_be_visible()
    page.get_by_role("link", name="All", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/tickets")
    expect(links).to_have_count(total)
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Incidents").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/tickets?q=incident")

    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url("**/tickets/*")
    expect(page.get_by_label("Add internal note")).to_be_visible()


def test_nothing_is_cut(desk: Desk, open_page: OpenPage, sign_in: SignIn) -> None:
    page = open_page(viewport={"width": 1440, "height": 900})
    sign_in(page, ADMIN)
    page.locator(".app-person summary").click()
    assert page.evaluate(CUT, ".app-person .theme-switch button") == []
    page.set_viewport_size({"width": 360, "height": 800})
    for path, parts in (
        ("/tickets", ".list-tabs a, .ticket-table tbody :is(th, td)"),
        (f"/integrations/huntress/{desk.connection_id}", ".page-tabs a"),
        (
            f"/integrations/huntress/{desk.connection_id}/organizations",
            ".page-tabs a, .list-tabs a",
        ),
        ("/desk", ".list-tabs a"),
    ):
        page.goto(path)
        assert page.evaluate(CUT, parts) == [], path
    page.goto("/tickets")
    rows = page.locator(".ticket-table tbody tr")
    expect(page.locator(".col-assignee:not(:has(.is-none))").first).to_be_visible()
    ages = {round(one["x"] + one["width"]) for one in map(box, rows.locator(".col-age").all())}
    assert len(ages) == 1, "the ages end at one line"


def test_every_column_fits_a_laptop_and_the_first_ticket_a_phone(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    with app.app_context():
        for keys in (list(COLUMNS)[-10:], list(COLUMNS)[:10]):
            set_list_display(desk.admin_id, ListDisplay(tuple(keys)))
    page = open_page(viewport={"width": 1100, "height": 800})
    sign_in(page, ADMIN)
    page.goto("/tickets")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    table = page.locator(".ticket-table")
    assert box(table)["width"] <= box(page.locator("#list"))["width"]
    assert box(page.locator("td .ticket-link, th .ticket-link").first)["x"] > 0
    assert box(page.locator("tbody .col-title").first)["width"] > 150
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/tickets")
    first = box(page.locator("tr[data-ticket]").first)
    assert first["y"] + first["height"] <= 844
    expect(page.locator("#filter-priority")).to_be_hidden()
    page.get_by_role("link", name="Filters", exact=True).click()
    page.locator("#filter-priority").select_option(label="Critical")
    page.wait_for_url("**/tickets?*priority=*")
    expect(page.locator("#filter-priority")).to_be_hidden()
    expect(page.get_by_role("link", name="Filters 1")).to_be_visible()


def box(part: Locator) -> dict[str, float]:
    return dict(part.bounding_box() or {})


def test_all_of_a_page_is_selected_with_one_box(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, ADMIN)
    page.goto("/tickets")
    boxes = page.locator("input[name=ticket]")
    everything = page.get_by_label("Select all on this page")
    everything.check()
    expect(page.locator("[data-bulk-count]")).to_have_text(f"{boxes.count()} selected")
    boxes.nth(0).uncheck()
    expect(everything).to_have_js_property("indeterminate", True)
    page.get_by_role("button", name="Unselect").click()
    expect(page.locator(".bulk-bar")).to_be_hidden()
    expect(everything).not_to_be_checked()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_and_width(
    app: Flask,
    desk: Desk,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
    scheme: str,
    width: int,
) -> None:
    with app.app_context():
        save_view("A view with quite a long name for a small place", "q=x", actor_id=desk.admin_id)
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    sign_in(page, ADMIN)

    def check() -> None:
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url

    page.goto("/tickets?severity=high&older_than=1&board=99")
    page.locator(".save-view summary").click()
    check()
    page.goto("/tickets")
    page.keyboard.press("j")
    page.keyboard.press("x")
    check()
    page.goto("/tickets?display=1")
    check()
    page.goto("/tickets#filters")
    page.locator(".filter-more summary").click()
    check()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    check()
    page.goto("/tickets/views")
    page.locator(".view-edit summary").click()
    check()
