"""Saved views on the pages: above the list, and where they are changed."""

from tests.web.pages import Browser, Page, words_of


def views(page: Page) -> list[str]:
    return [words_of(link) for link in page.one("nav", aria_label="Views").iter("a")]


def current(page: Page) -> list[str]:
    nav = page.one("nav", aria_label="Views")
    return [words_of(link) for link in nav.iter("a") if link.get("aria-current")]


BUILT_IN = [
    *("All", "Mine", "Watching", "Unassigned", "Triage", "Critical open", "Overdue"),
    *("Waiting", "Untouched for 24 hours"),
    *("Raised above its priority", "Closed in Huntress but open here"),
    "Closed here but open in Huntress",
]


def save(browser: Browser, on: str, **data: str) -> str:
    response = browser.post("/tickets/views", data, on=on)
    assert response.status_code == 303, response.text
    return str(response.location)


def test_everybody_has_the_built_in_views(helpdesk: Browser) -> None:
    page = helpdesk.get("/tickets")
    assert views(page) == BUILT_IN
    assert current(page) == ["All"]
    for link in page.one("nav", aria_label="Views").iter("a"):
        shown = helpdesk.get(str(link.get("href")))
        assert current(shown) == [words_of(link)]
        assert "Left out" not in shown.text


def test_filters_are_saved_as_a_view(helpdesk: Browser, admin: Browser) -> None:
    address = "/tickets?q=host&assignee=nobody&sort=oldest&select=all&after=x"
    target = save(helpdesk, address, name="Hosts <b>")
    assert target == "/tickets?q=host&assignee=nobody&sort=oldest"
    page = helpdesk.get(target)
    assert current(page) == ["Hosts <b>"]
    assert "The view “Hosts <b>” was saved." in page.text
    assert "Hosts" not in admin.get("/tickets").text


def test_nothing_is_saved_where_there_is_no_filter(helpdesk: Browser) -> None:
    assert not helpdesk.get("/tickets").all("input", id="view-name")


def test_a_view_keeps_only_what_the_list_knows(helpdesk: Browser) -> None:
    query = "q=x&evil=1&next=https://evil.example&priority=1"
    helpdesk.send("/tickets/views", {"name": "odd", "query": query})
    links = [str(a.get("href")) for a in helpdesk.get("/tickets/views").all("a")]
    assert "/tickets?q=x&priority=1" in links


def test_a_refused_name_is_shown_again(helpdesk: Browser) -> None:
    save(helpdesk, "/tickets?q=host", name="Hosts")
    response = helpdesk.post("/tickets/views", {"name": "hosts"}, on="/tickets?q=other")
    page = helpdesk.page_of(response, status=400)
    assert "There is a view called hosts already." in page.text
    form = page.form("/tickets/views")
    assert (form["name"], form["query"]) == ("hosts", "q=other")
    response = helpdesk.client.post("/tickets/views", data={**form, "name": "Others"})
    assert response.location == "/tickets?q=other"


def test_sharing_is_for_admins(helpdesk: Browser, admin: Browser) -> None:
    assert not helpdesk.get("/tickets?q=x").all("input", name="is_shared")
    response = helpdesk.send("/tickets/views", {"name": "x", "query": "q=x", "is_shared": "yes"})
    assert "Only admins share views with everybody." in response.text
    save(admin, "/tickets?q=team", name="Team", is_shared="yes")
    assert views(helpdesk.get("/tickets"))[len(BUILT_IN)] == "Team"
    page = helpdesk.get("/tickets/views")
    assert "Team Shared by Ada Okafor" in page.text
    assert not page.all("form", action="/tickets/views/1")
    assert helpdesk.send("/tickets/views/1/delete", {}).status_code == 404


def test_views_are_renamed_shared_and_deleted(helpdesk: Browser, admin: Browser) -> None:
    save(admin, "/tickets?q=a", name="First")
    save(admin, "/tickets?q=b", name="Second")
    data = {"name": "Renamed", "is_shared": "yes"}
    response = admin.post("/tickets/views/1", data, on="/tickets/views")
    assert response.location == "/tickets/views"
    assert "Renamed" in views(helpdesk.get("/tickets"))
    response = admin.post("/tickets/views/1", {"name": "second"}, on="/tickets/views")
    page = admin.page_of(response, status=400)
    assert page.one("input", id="name-1").get("value") == "second"
    assert "There is a view called second already." in page.text
    response = admin.post("/tickets/views/1/delete", on="/tickets/views")
    assert "The view “Renamed” was deleted." in admin.get(str(response.location)).text
    assert "Renamed" not in views(helpdesk.get("/tickets"))
    assert admin.send("/tickets/views/1", {"name": "x"}).status_code == 404


def test_no_views_yet(helpdesk: Browser) -> None:
    assert "No saved views yet" in helpdesk.get("/tickets/views").text
