"""What a browser says of itself, in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from webapp.domain.security.user_agents import describe_user_agent

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; rv:140.0)"
KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{WINDOWS} Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
        (f"{WINDOWS} {KIT} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {KIT} Chrome/140.0", "Chrome on Linux"),
        (f"Mozilla/5.0 (Linux; Android 16) {KIT} Chrome/140.0 Safari/1", "Chrome on Android"),
        ("(iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1", "Safari on iPhone"),
        ("(Macintosh; Intel Mac OS X 14_0) Version/19.0 Safari/605.1", "Safari on macOS"),
        ("curl/8.0", "an unknown browser"),
        ("Something (Windows NT 10.0)", "a browser on Windows"),
        ("Firefox/1", "Firefox"),
        ("", "an unknown browser"),
        (None, "an unknown browser"),
    ],
)
def test_what_is_recognized(text: str | None, words: str) -> None:
    assert describe_user_agent(text) == words


@given(some.text(max_size=300))
def test_nothing_of_what_was_sent_is_repeated(text: str) -> None:
    words = describe_user_agent(text)
    assert words.isascii()
    assert len(words) < 40
