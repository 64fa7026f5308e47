"""What is shown of an address that is a secret."""

import pytest

from webapp.domain.notices.masked import hint_at, mask_address


@pytest.mark.parametrize(
    ("address", "masked", "hint"),
    [
        ("https://ntfy.sh/soc-topic-1", "https://ntfy.sh/…", "https://ntfy.sh/so…"),
        ("https://ntfy.sh/a", "https://ntfy.sh/…", "https://ntfy.sh/…"),
        (
            "https://hooks.slack.com/services/T0/B0/x",
            "https://hooks.slack.com/…",
            "https://hooks.slack.com/ser…",
        ),
        (
            "https://u:p@h.example:8443/x?key=1",
            "https://h.example:8443/…",
            "https://h.example:8443/…",
        ),
        ("http://[::1]:80/abcdefgh", "http://[::1]:80/…", "http://[::1]:80/ab…"),
        ("https://h.example", "https://h.example/…", "https://h.example/…"),
        ("tgram://12345:token/67", "tgram://…", "tgram://…"),
        ("https://[::1/x", "https://…", "https://…"),
        ("secret", "…", "…"),
        ("", "…", "…"),
    ],
)
def test_scheme_host_and_a_few_characters(address: str, masked: str, hint: str) -> None:
    assert mask_address(address) == masked
    assert hint_at(address) == hint
