"""Calling the outside service: what came of it, in words that never name its address."""

import pytest

from tests.support.receivers.http_receiver import HttpReceiver, answer, drip
from webapp.outbound import heartbeat
from webapp.outbound.heartbeat import call
from webapp.runtime.network import find_free_port


@pytest.mark.parametrize(
    ("status", "words"),
    [(200, "200 OK"), (404, "reached and answered 404 Not Found"), (500, "reached and answered 5")],
)
def test_the_answer_in_words(status: int, words: str) -> None:
    with HttpReceiver() as receiver:
        receiver.behaviour = answer(status)
        assert call(f"{receiver.origin}/ping/secret?a=b").startswith(words)
        assert [(one.method, one.path) for one in receiver.requests] == [
            ("GET", "/ping/secret?a=b")
        ]


def test_a_redirect_is_not_followed_and_is_no_sign_of_life() -> None:
    with HttpReceiver() as elsewhere, HttpReceiver() as receiver:
        receiver.behaviour = answer(302, headers={"Location": f"{elsewhere.origin}/other"})
        assert call(f"{receiver.origin}/ping/secret") == "reached and answered 302 Found"
        assert (len(receiver.requests), elsewhere.requests) == (1, [])


def test_a_service_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "ANSWER_SECONDS", 0.2)
    with HttpReceiver() as receiver:
        receiver.behaviour = drip(5, status=None)
        words = call(f"{receiver.origin}/ping/secret")
    assert words == "not reached (no answer in time)"


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/secret", "http://[/secret", "http://"])
def test_a_service_that_is_not_there(url: str) -> None:
    words = call(url.format(port=find_free_port()))
    assert words.startswith("not reached (")
    assert "secret" not in words


def test_a_huge_answer_is_not_read() -> None:
    with HttpReceiver() as receiver:
        receiver.behaviour = lambda handler: handler.begin(200, {"Content-Length": "3000000000"})
        assert call(receiver.origin) == "200 OK"
