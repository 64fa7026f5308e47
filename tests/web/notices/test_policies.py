"""The pages of policies: the list, the form with its steps and preview, the offer."""

from flask import Flask

from tests.support.receivers.notices_data import add_person, add_policy, add_target
from tests.support.rows import all_rows, audit_events
from tests.web.pages import Browser, Page, words_of
from webapp.domain.notices.target_kinds import Kind
from webapp.models import NotificationSettings, Policy, Target

LIST = "/notifications/policies"
NEW = f"{LIST}/new"
OFFER = "/notifications/offer"


def names(page: Page) -> list[str]:
    return [words_of(link) for link in page.all("a", class_="row-link")]


def add(app: Flask, name: str) -> int:
    with app.app_context():
        return add_target(name)


def send(browser: Browser, path: str, **data: object) -> Page:
    """Send the page's form with these fields, as it comes back."""
    response = browser.send(path, data)
    return browser.page_of(response, status=response.status_code)


FIELDS = {
    "action": "save",
    "name": "Criticals",
    "events": ["created", "severity_raised"],
    "severities": ["critical"],
    "mapping": "any",
    "outside": "hold",
    "repeats": "3",
    "steps-0-after": "0",
    "steps-0-on_call": "yes",
    "steps-1-after": "10",
    "steps-1-everybody": "yes",
}


def test_an_empty_list_offers_policies(admin: Browser) -> None:
    page = admin.get(LIST)
    assert "No policies yet" in page.text
    assert page.all("a", href=OFFER)
    assert page.all("a", href=NEW)


def test_the_dashboard_tells_what_criticals_reach(
    app: Flask, admin: Browser, helpdesk: Browser
) -> None:
    with app.app_context():
        hook = add_target("hook", Kind.WEBHOOK)
    assert "Criticals reach nobody. If Huntress reported" in admin.get("/").text
    with app.app_context():
        add_policy("created", [(0, [hook])])
    sentence = "Not every critical reaches somebody. Nobody is told when the severity of a ticket"
    for browser, remedy in ((admin, "Add it to a policy"), (helpdesk, "Ask an admin")):
        page = browser.get("/")
        assert sentence in page.text
        assert remedy in page.text
    with app.app_context():
        add_policy("later", [(0, [hook])], events=("severity_raised", "reopened"))
    assert "critical reaches" not in admin.get("/").text.lower()


def test_a_policy_is_added(app: Flask, admin: Browser) -> None:
    target = add(app, "Ops")
    admin.get(NEW)
    response = admin.send(NEW, {**FIELDS, "steps-0-targets": [str(target)]})
    assert response.status_code == 303
    page = admin.get(LIST)
    assert names(page) == ["Criticals"]
    words = "on call and Ops at once, everybody after 10 minutes; the last step 3 more times"
    assert words in page.text
    assert "Critical, created or severity raised" in page.text


def test_what_is_wrong_is_said_where_it_is(app: Flask, admin: Browser) -> None:
    wrong = {**FIELDS, "name": "", "events": [], "steps-1-everybody": "", "repeats": "x"}
    del wrong["steps-1-everybody"]
    page = admin.page_of(admin.send(NEW, wrong), status=400)
    for sentence in (
        "Enter a name.",
        "Choose at least one event",
        "Step 2: Choose whom this step tells.",
        "Repeat the last step 0 to 20 times.",
    ):
        assert sentence in page.text
    assert page.one("input", name="steps-1-after").get("value") == "10", "typing is kept"


def test_steps_are_added_and_removed_without_a_script(admin: Browser) -> None:
    page = admin.page_of(admin.send(NEW, {**FIELDS, "action": "add_step"}))
    assert [one.get("name") for one in page.all("input", class_="step-minutes")] == [
        f"steps-{place}-after" for place in range(3)
    ]
    page = admin.page_of(admin.send(NEW, {**FIELDS, "action": "remove-0"}))
    assert page.one("input", name="steps-0-after").get("value") == "10"
    assert page.one("input", name="steps-0-everybody").get("checked") is not None
    assert page.one("input", name="name").get("value") == "Criticals"


def test_hours_need_a_zone_that_exists(admin: Browser) -> None:
    hours = {"is_timed": ["yes"], "weekdays": ["0"], "begins": "25:00", "ends": "18:00"}
    page = admin.page_of(admin.send(NEW, {**FIELDS, **hours, "zone": "Atlantis"}), status=400)
    assert "Choose a time zone from the list" in page.text
    page = admin.page_of(admin.send(NEW, {**FIELDS, **hours, "zone": "Berlin"}), status=400)
    assert "'25:00' is no time of day" in page.text
    saved = admin.send(NEW, {**FIELDS, **hours, "zone": "Berlin", "begins": "08:00"})
    assert saved.status_code == 303
    assert "Mon 08:00–18:00 (Europe/Berlin), not on holidays" in admin.get(LIST).text


def test_a_preview_saves_nothing(app: Flask, admin: Browser) -> None:
    target = add(app, "Ops")
    sent = {**FIELDS, "action": "preview", "severities": [], "steps-0-targets": [str(target)]}
    page = admin.page_of(admin.send(NEW, sent))
    assert "The last 30 days" in page.text
    assert "As saved now: no message" in page.text
    assert "would have sent" in page.text
    with app.app_context():
        assert all_rows(Policy) == []


def test_a_policy_is_edited_moved_switched_and_deleted(app: Flask, admin: Browser) -> None:
    target = add(app, "Ops")
    with app.app_context():
        first = add_policy("First", [(0, [target])])
        add_policy("Second", [])
    path = f"{LIST}/{first}"
    form = admin.get(path).form_of("name")
    response = admin.client.post(path, data={**form, "name": "Renamed", "action": "save"})
    assert response.status_code == 303
    assert names(admin.get(LIST)) == ["Renamed", "Second"]
    admin.send(f"{path}/move", {"direction": "down"})
    assert names(admin.get(LIST)) == ["Second", "Renamed"]
    admin.send(f"{path}/switch", {"is_enabled": "no"})
    assert "off" in [words_of(tag) for tag in admin.get(LIST).all("span", class_="tag")]
    admin.send(f"{path}/delete", {})
    assert names(admin.get(LIST)) == ["Second"]
    admin.get(path, status=404)
    assert admin.send(f"{path}/delete", {}).location == LIST
    with app.app_context():
        actions = [one.action for one in audit_events()]
    for what in ("changed", "moved", "disabled", "deleted"):
        assert f"policy.{what}" in actions


def test_two_who_edit_one_policy_see_each_other(app: Flask, admin: Browser) -> None:
    with app.app_context():
        key = add_policy("First", [])
    path = f"{LIST}/{key}"
    form = admin.get(path).form_of("name")
    admin.client.post(path, data={**form, "name": "Mine", "action": "save"})
    page = admin.page_of(
        admin.client.post(path, data={**form, "name": "Theirs", "action": "save"}), status=409
    )
    assert "Mine: " in page.text
    assert page.one("input", name="name").get("value") == "Theirs"
    again = page.form_of("name")
    assert admin.client.post(path, data={**again, "action": "save"}).status_code == 303
    assert names(admin.get(LIST)) == ["Theirs"]


def test_three_hundred_clients_can_be_chosen_among(app: Flask, admin: Browser) -> None:
    page = admin.get(NEW)
    boxes = page.all("input", name="client_ids")
    assert boxes
    assert all(box.get("type") == "checkbox" for box in boxes)
    chosen = boxes[-1].get("value")
    admin.send(NEW, {**FIELDS, "client_ids": [chosen]})
    with app.app_context():
        [policy] = all_rows(Policy)
    edited = admin.get(f"{LIST}/{policy.id}").all("input", name="client_ids")
    assert edited[0].get("value") == chosen, "those that are chosen come first"
    assert edited[0].get("checked") is not None


def test_the_offer_is_taken(app: Flask, admin: Browser) -> None:
    target = add(app, "Ops")
    page = admin.get(OFFER)
    assert "There is no on-call rotation." in page.text
    assert "No mail server is set up." in page.text
    response = admin.post_own(
        OFFER,
        {
            "target_id": str(target),
            "weekdays": ["0", "1"],
            "begins": "08:00",
            "ends": "18:00",
            "zone": "Berlin",
        },
    )
    assert response.location == LIST
    page = admin.get(LIST)
    assert names(page) == ["Critical incidents", "High incidents", "Low incidents"]
    assert "Mon–Tue 08:00–18:00 (Europe/Berlin)" in page.text
    with app.app_context():
        [settings] = all_rows(NotificationSettings)
        [mail] = all_rows(Target)
    assert settings.daily_summary_at == "07:30"
    assert mail.tells_summaries
    assert admin.get(OFFER).text.count("answered already") == 1
    assert admin.send(OFFER, {"begins": "08:00", "ends": "18:00"}).location == LIST


def test_the_offer_is_declined(app: Flask, admin: Browser) -> None:
    with app.app_context():
        add_person("Zoe")
    assert admin.post(f"{OFFER}/decline", on=OFFER).location == LIST
    page = admin.get(LIST)
    assert "Three policies are ready" not in page.text
    assert "No policies yet" in page.text


def test_only_admins_see_policies(helpdesk: Browser) -> None:
    for path in (LIST, NEW, OFFER):
        helpdesk.get(path, status=403)
