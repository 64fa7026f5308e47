"""Everything can be done with the keyboard alone."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support.desk_data import ADMIN, PASSWORD, Desk

OpenPage = Callable[..., Page]


def focus(page: Page) -> str:
    """What the focused element is called."""
    return str(
        page.evaluate(
            "() => { const e = document.activeElement; if (e === document.body) return '';"
            " return e.getAttribute('aria-label')"
            " || (e.labels && e.labels[0] && e.labels[0].innerText) || e.innerText || e.tagName }"
        )
    ).strip()


def tab_to(page: Page, words: str) -> None:
    """Press Tab until the focus is on what is called so; it must be visible there."""
    for _ in range(80):
        if words in focus(page):
            box = page.locator(":focus").bounding_box()
            assert box is not None
            assert box["width"] > 4
            assert box["x"] >= 0
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {words!r}")


def test_a_ticket_is_worked_without_a_mouse(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/")
    assert focus(page) == "E-mail address"
    page.keyboard.type(ADMIN[0])
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Dashboard", exact=True).wait_for()
    page.keyboard.press("Tab")
    assert focus(page) == "Skip to content"
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    tab_to(page, "Poll now")
    page.goto("/tickets")
    tab_to(page, "Search tickets")
    page.keyboard.type("TKT-000001")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=TKT-000001**")
    if not page.locator("a.ticket-link").count():
        tab_to(page, "Closed")
        page.keyboard.press("Enter")
        page.wait_for_url("**state=closed**")
    tab_to(page, page.locator("a.ticket-link").inner_text()[:20].split(" +")[0])
    page.keyboard.press("Enter")
    page.wait_for_url("**/tickets/1")
    tab_to(page, "Add internal note")
    page.keyboard.type("typed, not clicked")
    page.keyboard.press("Tab")
    tab_to(page, "Add note")
    page.keyboard.press("Enter")
    expect(page.locator("li.timeline-row", has_text="typed, not clicked")).to_be_visible()


def test_the_menu_opens_and_closes_with_the_keyboard(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(ADMIN[0])
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Dashboard", exact=True).wait_for()
    tab_to(page, "Ada Okafor")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    tab_to(page, "Preferences")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    assert "Ada Okafor" in focus(page)


def test_a_refused_form_moves_the_focus_to_what_is_wrong(desk: Desk, open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/sign-in")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.press("Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_be_focused()
    expect(alert).to_contain_text("Please check what you entered.")
    page.keyboard.press("Tab")
    tab_to(page, "Enter your password.")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password")).to_be_focused()
