"""What happened to an account stands on every page until its owner says that they have read it."""

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.web.pages import Browser, words_of
from webapp.services.people.security_notes import tell_person
from webapp.services.transactions import transaction

SEEN = "/preferences/notes/seen"


@pytest.fixture
def told(app: Flask, desk: Desk) -> list[str]:
    """Seven sentences that were told to the person of the helpdesk."""
    sentences = [f"This happened {number}." for number in range(1, 8)]
    with app.app_context(), transaction() as session:
        for sentence in sentences:
            tell_person(session, desk.helpdesk_id, subject="Something happened", sentence=sentence)
            session.flush()
    return sentences


def shown_to(browser: Browser) -> list[str]:
    return [
        words_of(one) for one in browser.get("/tickets").all("strong") if "happened" in one.text
    ]


def test_only_what_was_shown_is_marked_as_read(helpdesk: Browser, told: list[str]) -> None:
    for shown in (told[:5], told[5:]):
        assert shown_to(helpdesk) == shown
        assert helpdesk.post(SEEN, on="/tickets").status_code == 303
    assert shown_to(helpdesk) == []
