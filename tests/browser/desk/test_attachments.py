"""Files on a ticket in a real browser: chosen, pasted, too large, removed; and searching."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.desk_data import ADMIN, Desk
from tests.support.security.attached_files import picture

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]

PASTE = """async (bytes) => {
  const file = new File([new Uint8Array(bytes)], "image.png", { type: "image/png" });
  const data = new DataTransfer();
  data.items.add(file);
  document.querySelector("[name=body]").dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def page(app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn) -> Page:
    page = open_page()
    sign_in(page, ADMIN)
    page.goto("/tickets/1")
    return page


def test_files_from_the_note_to_the_list(
    page: Page, check_accessibility: Check, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(10 * 1024 * 1024 + 1))
    note, files = page.get_by_label("Add internal note"), page.get_by_label("Files")
    note.fill("Seen on the screen:")
    files.set_input_files(large)
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#files-error")).to_have_text("Larger than 10 MB: “large.bin”.")
    expect(note).to_have_value("Seen on the screen:")
    report = {"name": "Übersicht.txt", "mimeType": "text/html", "buffer": b"<script>1</script>"}
    files.set_input_files([report])
    page.evaluate(PASTE, list(picture(size=(600, 300))))
    expect(page.locator("#files-error")).to_be_hidden()
    page.get_by_role("button", name="Add note").click()
    card = page.get_by_role("region", name="Files 2")
    expect(card.get_by_role("listitem")).to_have_count(2)
    expect(page.locator(".timeline-list img")).to_have_js_property("naturalWidth", 600)
    assert note.input_value() == ""
    check_accessibility(page)
    with page.expect_download() as download:
        card.get_by_role("link", name="Übersicht.txt").click()
    assert download.value.suggested_filename == "Übersicht.txt"
    card.get_by_text("Remove Übersicht.txt").click()
    card.get_by_role("button", name="Yes, remove it").click()
    expect(page.get_by_text("“Übersicht.txt” was removed.")).to_be_visible()
    page.goto("/tickets/1/files")
    expect(page.get_by_role("listitem").filter(has_text="pasted-")).to_be_visible()
    check_accessibility(page)


def test_a_search_shows_where_it_matches_and_what_was_meant(
    page: Page, check_accessibility: Check
) -> None:
    page.get_by_label("Add internal note").fill("Frau Müller saw the wombat in the attic.")
    page.get_by_role("button", name="Add note").click()
    page.goto("/tickets?q=muller+is:open+foo:bar")
    expect(page.get_by_text("“foo:” is no filter")).to_be_visible()
    page.goto("/tickets?q=muller+wombat&state=")
    expect(page.locator("mark")).to_have_text(["Müller", "wombat"])
    expect(page.get_by_role("searchbox")).to_have_value("muller wombat")
    check_accessibility(page)
