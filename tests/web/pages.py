"""A browser without a screen: every page it is given is checked, forms are sent as they stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.strict_html import parse

INPUTS = ("input", "select", "textarea")
UNLABELLED_TYPES = ("hidden", "submit", "button")
FRAGMENT = "<!doctype html><html lang='en'><head><title>part</title></head><body>"


@dataclass
class Page:
    """A parsed page."""

    tree: Element
    status: int
    response: TestResponse = field(repr=False)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of a tag that have these attributes (`class_` for `class`)."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.tree.iter(tag)
            if all(
                value in (element.get(name) or "").split()
                if name == "class"
                else element.get(name) == value
                for name, value in wanted.items()
            )
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        """The only such element."""
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return found[0]

    @property
    def text(self) -> str:
        """All the words of the body, one space between them."""
        return words_of(next(self.tree.iter("body")))

    @property
    def title(self) -> str:
        return words_of(next(self.tree.iter("title")))

    @property
    def heading(self) -> str:
        return words_of(self.one("h1"))

    def form(self, action: str) -> dict[str, str]:
        """The fields of the form with this action, as a browser would send them unchanged."""
        form = next(form for form in self.all("form") if form.get("action") == action)
        return dict(fields_of(form))

    def form_of(self, field: str) -> dict[str, str]:
        """The fields of the POST form that has a field of this name, as it stands."""
        for form in self.all("form", method="post"):
            fields = dict(fields_of(form))
            if field in fields:
                return fields
        raise AssertionError(f"no form has a field {field}")


def words_of(element: Element) -> str:
    """The text of an element, one space between words."""
    return " ".join("".join(element.itertext()).split())


class Browser:
    """Opens pages and sends forms; each page is checked by `check_page`."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, *, status: int = 200, **options: Any) -> Page:
        return self._page(self.client.get(path, **options), status)

    def fragment(self, path: str, **options: Any) -> Page:
        """A part of a page, as htmx asks for it."""
        response = self.client.get(path, headers={"HX-Request": "true"}, **options)
        return self.fragment_of(response)

    def fragment_of(self, response: TestResponse) -> Page:
        assert response.status_code == 200, response.status
        return Page(parse(FRAGMENT + response.text), 200, response)

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, on: str, **options: Any
    ) -> TestResponse:
        """Send the form of the page `on` whose action is `path`, with `data` in its fields."""
        fields = self.get(on).form(path)
        return self.client.post(path, data={**fields, **(data or {})}, **options)

    def post_sign_in(self, email: str, password: str, *, path: str = "/sign-in") -> TestResponse:
        """Fill in and send the sign-in form."""
        self.get(path)
        token = self.token()
        data = {"csrf_token": token, "email": email, "password": password}
        return self.client.post(path, data=data)

    def post_own(self, path: str, data: dict[str, Any]) -> TestResponse:
        """Send the form of a page that posts to itself."""
        self.get(path)
        return self.send(path, data)

    def send(self, path: str, data: dict[str, Any], **options: Any) -> TestResponse:
        """Send just these fields, with a valid token."""
        return self.client.post(path, data={"csrf_token": self.token(), **data}, **options)

    def token(self) -> str:
        """A valid CSRF token of this browser."""
        tokens = re.findall(r'name="csrf_token" value="([^"]+)"', self.client.get("/sign-in").text)
        home = self.client.get("/", follow_redirects=True).text
        tokens += re.findall(r'name="csrf_token" value="([^"]+)"', home)
        return tokens[0]

    def page_of(self, response: TestResponse, *, status: int = 200) -> Page:
        """Check and read a response that is a page."""
        return self._page(response, status)

    def _page(self, response: TestResponse, status: int) -> Page:
        assert response.status_code == status, f"{response.status}: {response.location}"
        page = Page(parse(response.text), response.status_code, response)
        check_page(page)
        return page


def check_page(page: Page) -> None:
    """What every page must have, whatever it shows."""
    html = page.tree
    assert html.get("lang") == "en"
    assert page.title.endswith(" · Triagedesk")
    assert len(page.title) > len(" · Triagedesk")
    assert len(page.all("h1")) == 1
    assert len(page.all("main")) == 1
    check_ids(page)
    check_labels(page)
    check_policy(page)
    check_forms(page)


def check_ids(page: Page) -> None:
    ids = [element.get("id") for element in page.tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids)), sorted({name for name in ids if ids.count(name) > 1})
    for element in page.tree.iter():
        for attribute in ("aria-describedby", "aria-labelledby", "for", "form"):
            for name in (element.get(attribute) or "").split():
                assert name in ids, f"{attribute}={name} points nowhere"
        link = element.get("href") or ""
        if link.startswith("#") and len(link) > 1:
            assert link[1:] in ids, f"{link} points nowhere"


def check_labels(page: Page) -> None:
    labelled = {label.get("for") for label in page.all("label")}
    inside = {id(found) for label in page.all("label") for found in label.iter()}
    for tag in INPUTS:
        for element in page.all(tag):
            if element.get("type") in UNLABELLED_TYPES:
                continue
            has_label = element.get("id") in labelled or id(element) in inside
            assert has_label, f"no label: {element.attrib}"
    for button in page.all("button"):
        assert words_of(button) or button.get("aria-label"), "a button without words"


def check_policy(page: Page) -> None:
    """The page keeps its own content security policy."""
    policy = page.response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce is not None
    for script in page.all("script"):
        assert script.get("nonce") == nonce[1]
        assert not (script.text or "").strip(), "an inline script"
    assert not page.all("style")
    for element in page.tree.iter():
        for name in element.attrib:
            assert not name.startswith("on"), f"an inline handler: {name}"
            assert name != "style", "an inline style"
        for name in ("src", "action", "hx-get", "hx-post"):
            value = element.get(name)
            assert value is None or value.startswith("/"), f"{name}={value}"


def check_forms(page: Page) -> None:
    """Whatever changes something is POST and carries a token."""
    for form in page.all("form"):
        if (form.get("method") or "get").lower() == "post":
            names = [element.get("name") for element in form.iter("input")]
            assert "csrf_token" in names, f"no token: {form.attrib}"


def fields_of(form: Element) -> Iterator[tuple[str, str]]:
    """The fields of a form with their values."""
    for element in form.iter():
        name = element.get("name")
        if element.tag not in INPUTS or not name or element.get("disabled") is not None:
            continue
        if element.tag == "select":
            options = list(element.iter("option"))
            chosen = [option for option in options if option.get("selected") is not None]
            yield name, (chosen or options)[0].get("value") or ""
        elif element.tag == "textarea":
            yield name, element.text or ""
        elif element.get("type") not in ("checkbox", "radio") or element.get("checked") is not None:
            yield name, element.get("value") or ""
