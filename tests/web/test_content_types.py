"""Pages take forms and nothing else."""

import pytest

from tests.support.desk_data import Desk
from tests.web.pages import Browser


@pytest.mark.parametrize("body", [b'"text"', b"[1]", b"null", b"{}", b"{", b"[" * 20_000])
@pytest.mark.parametrize("path", ["/sign-in", "/preferences", "/tickets/1/notes", "/clients/new"])
def test_json_is_refused_before_a_form_is_filled_from_it(
    admin: Browser, desk: Desk, path: str, body: bytes
) -> None:
    headers = {"X-CSRFToken": admin.token()}
    for kind in ("application/json", "application/vnd.x+json; charset=x"):
        answer = admin.client.post(path, data=body, content_type=kind, headers=headers)
        page = admin.page_of(answer, status=415)
        assert page.heading == "That cannot be sent here"


def test_what_reads_pays_no_heed_to_it(admin: Browser) -> None:
    assert admin.client.get("/tickets", content_type="application/json").status_code == 200
