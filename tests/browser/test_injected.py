"""A hole in the sanitizer is not enough: htmx does nothing that the text of others says."""

from collections.abc import Callable

from flask import Flask
from markupsafe import Markup
from playwright.sync_api import Page, Request, expect

from tests.support.desk_data import ADMIN, Desk
from webapp.models import User
from webapp.services.people.users import find_user

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
OWN = ("/tickets/preview", "/live", "/live?doing=writing")
"""What the page asks for by itself."""

INJECTED = Markup(
    '<p id="injected">injected</p>'
    '<button id="trap" hx-post="/theme" hx-trigger="load, click" hx-include="[name=csrf_token]"'
    ' hx-vals=\'{"theme": "dark"}\'>Press me</button>'
    '<a hx-get="/sign-out" hx-trigger="load" data-hx-post="/theme">link</a>'
)


def theme_of(app: Flask) -> str:
    with app.app_context():
        user: User | None = find_user(ADMIN[0])
        assert user is not None
        return user.theme


def test_attributes_in_rendered_text_do_nothing(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    for name in ("markdown", "typed", "description", "entry_text"):
        app.jinja_env.filters[name] = lambda *_, **__: INJECTED
    page = open_page()
    sign_in(page, ADMIN)
    before = theme_of(app)
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.headers.get("hx-request"):
            sent.append(f"{request.method} {request.url}")

    page.on("request", note)
    page.goto("/tickets/1")
    expect(page.locator("#injected:visible").first).to_be_visible()
    page.locator("#trap:visible").first.click()
    page.get_by_label("Add internal note").fill("Anything")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#note-preview #injected")).to_be_visible()
    page.locator("#note-preview #trap").click()
    page.wait_for_timeout(500)
    assert [one for one in sent if not one.endswith(OWN)] == []
    assert any(one.endswith("/tickets/preview") for one in sent)
    assert theme_of(app) == before
