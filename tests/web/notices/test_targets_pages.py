"""The pages of targets: a form for each kind, a test with its answer, secrets shown once."""

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.support.receivers.http_receiver import HttpReceiver, answer
from tests.support.receivers.notices_data import add_policy
from tests.support.receivers.outbound_config import allow_outbound
from tests.support.rows import all_rows
from tests.web.pages import Browser, Page, words_of
from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.models import Target

LIST = "/notifications/targets"
NEW = f"{LIST}/new"
HOOK = {"name": "PSA", "url": "https://psa.example.com/hooks", "tells_alarms": "y"}


def add_hook(admin: Browser, **typed: str) -> str:
    """Add a webhook; returns the path of its page, to which the page of its secret leads."""
    return path_of(admin.page_of(admin.post_own(f"{NEW}?kind=webhook", {**HOOK, **typed})))


def path_of(page: Page) -> str:
    """Where the page of a new secret leads."""
    [done] = [link for link in page.all("a", class_="btn-primary") if words_of(link) == "Done"]
    return done.get("href") or ""


def stored(app: Flask) -> list[Target]:
    with app.app_context():
        return all_rows(Target)


def test_every_kind_has_a_form_that_says_what_is_missing(admin: Browser) -> None:
    kinds = admin.get(NEW)
    for kind in Kind:
        path = f"{NEW}?kind={kind.value}"
        assert kinds.all("a", href=path)
        page = admin.get(path)
        for setting in KINDS[kind].settings:
            assert setting.label in page.text
        sent = admin.send(path, {"name": "Typed before"})
        refused = admin.page_of(sent, status=400)
        assert refused.form_of("name")["name"] == "Typed before"
        assert "is missing" in refused.text
    assert "Where are messages to go?" in admin.get(f"{NEW}?kind=fax").text


def test_the_first_target_is_ticked_for_alarms(app: Flask, admin: Browser) -> None:
    assert admin.get(f"{NEW}?kind=webhook").one("input", name="tells_alarms").get("checked") == ""
    add_hook(admin)
    assert admin.get(f"{NEW}?kind=webhook").one("input", name="tells_alarms").get("checked") is None
    assert "PSA Webhook Never used never Alarms 0" in admin.get(LIST).text


def test_a_secret_is_shown_once_and_never_again(app: Flask, admin: Browser) -> None:
    page = admin.page_of(admin.post_own(f"{NEW}?kind=webhook", HOOK))
    path, shown = path_of(page), page.one("input", id="secret").get("value") or ""
    [target] = stored(app)
    assert shown.startswith("whsec_")
    assert shown in (target.secrets or "")
    assert "PSA was added." in page.text
    page = admin.page_of(admin.post(f"{path}/rotate-secret", on=path))
    new = page.one("input", id="secret").get("value") or ""
    assert new not in ("", shown)
    with admin.client.session_transaction() as held:
        assert not any(secret in repr(dict(held)) for secret in (new, shown))
    again = admin.get(path).response.text
    assert not any(secret in again for secret in (new, shown))
    admin.post(f"{path}/remove-old-secret", on=path)
    assert "Rotate secret" in admin.get(path).text


def test_a_password_that_was_typed_does_not_come_back(admin: Browser) -> None:
    sent = admin.send(f"{NEW}?kind=pagerduty", {"name": "Duty", "key": "too-short-a-key"})
    page = admin.page_of(sent, status=400)
    assert "32 letters and digits" in page.text
    assert "too-short-a-key" not in page.response.text


def test_of_a_secret_address_the_page_shows_where_it_leads(app: Flask, admin: Browser) -> None:
    typed = {"name": "Phone", "url": "https://ntfy.sh/soc-phone-17"}
    path = str(admin.post_own(f"{NEW}?kind=ntfy", typed).location)
    page = admin.get(path)
    assert "Stored (https://ntfy.sh/soc…)" in page.text
    assert "soc-phone" not in page.response.text
    admin.client.post(path, data={**page.form(path), "name": "Phone 2"})
    [target] = stored(app)
    assert (target.name, target.settings) == ("Phone 2", {})
    assert "soc-phone-17" in (target.secrets or "")


def test_edits_that_collide_are_shown_and_not_lost(app: Flask, admin: Browser) -> None:
    path = add_hook(admin)
    first = admin.get(path).form(path)
    admin.client.post(path, data={**first, "name": "First"})
    sent = admin.client.post(path, data={**first, "name": "Second"})
    page = admin.page_of(sent, status=409)
    assert "Name is now: First" in page.text
    assert page.form(path)["name"] == "Second"
    admin.client.post(path, data=page.form(path))
    assert stored(app)[0].name == "Second"


def test_a_test_shows_the_answer_in_words(app: Flask, admin: Browser) -> None:
    with HttpReceiver() as receiver:
        allow_outbound(app, receiver.origin)
        path = add_hook(admin, url=f"{receiver.origin}/hooks")
        admin.post(f"{path}/test", on=path)
        assert "The test was sent. The answer: 200 OK" in admin.get(path).text
        receiver.behaviour = answer(410)
        admin.post(f"{path}/test", on=path)
        assert "410" in words_of(admin.get(path).one("div", role="alert"))


def test_pause_and_resume(app: Flask, admin: Browser) -> None:
    path = add_hook(admin)
    admin.post(f"{path}/pause", {"reason": ""}, on=path)
    assert "Say why it is paused." in admin.get(path).text
    admin.post(f"{path}/pause", {"reason": "The PSA is moving"}, on=path)
    page = admin.get(path)
    assert "Paused by Ada Okafor: The PSA is moving" in page.text
    assert "The PSA is moving" in admin.get(LIST).text
    admin.post(f"{path}/resume", on=path)
    assert "Never used" in admin.get(path).text


def test_a_target_in_use_is_not_deleted(app: Flask, admin: Browser) -> None:
    path = add_hook(admin)
    with app.app_context():
        add_policy("Critical", [(0, [stored(app)[0].id])])
    assert "Critical" in admin.get(path).text
    admin.send(f"{path}/delete", {})
    assert "PSA is told by the policy “Critical”" in admin.get(path).text
    assert len(stored(app)) == 1


def test_deleting(app: Flask, admin: Browser) -> None:
    path = add_hook(admin)
    assert admin.post(f"{path}/delete", on=path).location == LIST
    assert "Nobody is told of anything yet" in admin.get(LIST).text
    admin.get(path, status=404)


@pytest.mark.parametrize("path", [LIST, NEW, "/notifications/outbox", "/notifications/settings"])
def test_these_pages_are_for_admins(helpdesk: Browser, desk: Desk, path: str) -> None:
    helpdesk.get(path, status=403)
    assert "Notifications" not in words_of(helpdesk.get("/").all("nav")[0])
