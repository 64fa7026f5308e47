"""The page of response times, which the dashboard links to."""

import pytest

from tests.support.desk_data import Desk
from tests.web.pages import Browser, words_of

PATH = "/response-times"


def test_a_month_by_client_and_twelve_months(admin: Browser, helpdesk: Browser, desk: Desk) -> None:
    assert helpdesk.get("/").all("a", href=PATH)
    page = helpdesk.get(PATH)
    assert "An admin can set them" in page.text
    assert "June 2026 by client" in page.text
    [clients, months] = page.all("table")
    assert len(list(months.iter("tr"))) == 13
    link = next(one for one in clients.iter("a"))
    of_client = helpdesk.get(str(link.get("href")))
    assert f"Twelve months of {words_of(link)}" in of_client.text
    earlier = of_client.one("a", rel="prev").get("href")
    assert "May 2026 by client" in helpdesk.get(str(earlier)).text
    assert not page.all("a", rel="next")
    assert admin.get(PATH).all("a", href="/desk/response-times")


@pytest.mark.parametrize(
    "query", ["month=x", "month=2026-13", "month=9990-12", "client=x", "client=99", "month=1990-01"]
)
def test_an_address_that_makes_no_sense_is_no_error(helpdesk: Browser, query: str) -> None:
    assert "by client" in helpdesk.get(f"{PATH}?{query}").text
