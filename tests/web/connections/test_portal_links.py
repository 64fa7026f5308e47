"""Choosing the form of links to Huntress's portal on a connection's page."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, add_connection
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, fresh
from tests.web.pages import Browser
from webapp.models import Alert, Connection

SignIn = Callable[[tuple[str, str]], Browser]
PAGE = "/integrations/huntress/1"
CHOOSE = f"{PAGE}/portal-links"


@pytest.fixture
def viewer(app: Flask, people: tuple[int, int], fake_clock: FakeClock, sign_in: SignIn) -> Browser:
    """An admin of a connection whose newest incident is 42, of organization 9."""
    now = fake_clock.now()
    with app.app_context():
        connection_id = add_connection(now)
        add(
            Alert(
                connection_id=connection_id,
                external_alert_id="42",
                organization_external_id="9",
                was_closed=False,
                observed_at=now,
                created_at=now,
            )
        )
    return sign_in(ADMIN)


def links_of(browser: Browser) -> list[str]:
    section = browser.get(PAGE).one("section", id="portal-links")
    return [str(link.get("href")) for link in section.iter("a")]


def test_each_form_opens_the_newest_incident(app: Flask, viewer: Browser) -> None:
    page = viewer.get(PAGE)
    assert page.all("a", href="#portal-links"), "the checklist offers it after the first poll"
    default, organization, infection = links_of(viewer)
    assert default.endswith(".huntress.io/incident_reports/42")
    assert organization.endswith(".huntress.io/org/9/incident_reports/42")
    assert infection.endswith(".huntress.io/org/9/infection_reports/42")
    response = viewer.send(CHOOSE, {"choice": "own", "template": "https://x.example/{incident_id}"})
    assert (response.status_code, response.location) == (303, PAGE)
    assert links_of(viewer)[-1] == "https://x.example/42"
    assert not viewer.get(PAGE).all("a", href="#portal-links")
    viewer.send(CHOOSE, {"choice": "install"})
    with app.app_context():
        assert fresh(Connection, 1).portal_template is None


def test_what_cannot_be_used_is_said_and_stays_in_the_field(viewer: Browser) -> None:
    response = viewer.send(CHOOSE, {"choice": "own", "template": "http://x.example/{incident_id}"})
    assert response.status_code == 400
    page = viewer.page_of(response, status=400)
    assert "Begin with https:// and a host" in page.text
    assert page.one("input", name="template").get("value") == "http://x.example/{incident_id}"


def test_only_admins_choose(viewer: Browser, sign_in: SignIn) -> None:
    assert sign_in(HELPDESK).send(CHOOSE, {"choice": "install"}).status_code == 403
