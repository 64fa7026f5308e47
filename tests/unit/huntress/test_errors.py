"""What statuses and failures mean: the tables, and that nothing foreign gets into a sentence."""

import ssl

import pytest
import requests
import urllib3.exceptions as urllib3_errors

from webapp.huntress.errors import (
    ErrorKind,
    HuntressError,
    error_for_exception,
    error_for_status,
)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_is_no_error(status: int) -> None:
    assert error_for_status(status) is None


@pytest.mark.parametrize(
    ("status", "kind", "is_retryable", "needs_person"),
    [
        (301, ErrorKind.REDIRECTED, False, True),
        (304, ErrorKind.REDIRECTED, False, True),
        (400, ErrorKind.BAD_REQUEST, False, False),
        (401, ErrorKind.UNAUTHORIZED, False, True),
        (403, ErrorKind.FORBIDDEN, False, True),
        (404, ErrorKind.NOT_FOUND, False, False),
        (407, ErrorKind.UNREACHABLE, True, False),
        (408, ErrorKind.TIMEOUT, True, False),
        (410, ErrorKind.NOT_FOUND, False, False),
        (418, ErrorKind.BAD_REQUEST, False, False),
        (429, ErrorKind.RATE_LIMITED, True, False),
        (500, ErrorKind.SERVER_ERROR, True, False),
        (503, ErrorKind.SERVER_ERROR, True, False),
        (599, ErrorKind.SERVER_ERROR, True, False),
        (102, ErrorKind.UNREADABLE, False, False),
        (999, ErrorKind.UNREADABLE, False, False),
    ],
)
def test_each_status_has_one_meaning(
    status: int, kind: ErrorKind, is_retryable: bool, needs_person: bool
) -> None:
    error = error_for_status(status, retry_after=7.0)
    assert error is not None
    assert (error.kind, error.is_retryable, error.needs_person) == (
        kind,
        is_retryable,
        needs_person,
    )
    assert (error.status, error.retry_after) == (status, 7.0)
    assert error.sentence.endswith(".")
    assert str(error) == error.sentence


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_kind_has_a_sentence(kind: ErrorKind) -> None:
    error = HuntressError(kind)
    assert error.sentence[0].isupper() or error.sentence.startswith("Huntress")
    assert error.sentence.endswith(".")
    assert kind.value in repr(error)


def test_an_unexpected_status_is_named() -> None:
    assert "(status 502)" in str(error_for_status(502))
    assert "(status 422)" in str(error_for_status(422))


SECRET = "http://user:hs_secret@proxy.invalid"


def _wrapped(reason: Exception) -> requests.ConnectionError:
    return requests.ConnectionError(urllib3_errors.MaxRetryError(None, SECRET, reason))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (requests.ConnectTimeout(SECRET), ErrorKind.TIMEOUT, "in time"),
        (requests.ReadTimeout(SECRET), ErrorKind.TIMEOUT, "in time"),
        (
            requests.ConnectionError(urllib3_errors.ReadTimeoutError(None, SECRET, SECRET)),  # type: ignore[arg-type]
            ErrorKind.TIMEOUT,
            "in time",
        ),
        (
            _wrapped(urllib3_errors.NameResolutionError("h", None, OSError(SECRET))),  # type: ignore[arg-type]
            ErrorKind.UNREACHABLE,
            "DNS",
        ),
        (
            _wrapped(urllib3_errors.NewConnectionError(None, SECRET)),  # type: ignore[arg-type]
            ErrorKind.UNREACHABLE,
            "failed or was cut",
        ),
        (
            _wrapped(urllib3_errors.SSLError(ssl.SSLCertVerificationError(SECRET))),
            ErrorKind.TLS,
            "certificate",
        ),
        (
            _wrapped(urllib3_errors.SSLError(ssl.SSLEOFError(SECRET))),
            ErrorKind.UNREACHABLE,
            "failed or was cut",
        ),
        (
            _wrapped(urllib3_errors.ProxyError(SECRET, TimeoutError(SECRET))),
            ErrorKind.UNREACHABLE,
            "proxy",
        ),
        (
            requests.exceptions.ChunkedEncodingError(urllib3_errors.ProtocolError(SECRET)),
            ErrorKind.UNREACHABLE,
            "failed or was cut",
        ),
        (
            requests.exceptions.ContentDecodingError(urllib3_errors.DecodeError(SECRET)),
            ErrorKind.UNREADABLE,
            "unpacked",
        ),
        (ConnectionResetError(SECRET), ErrorKind.UNREACHABLE, "failed or was cut"),
        (requests.exceptions.InvalidProxyURL(SECRET), ErrorKind.BAD_REQUEST, "proxy settings"),
        (OSError(f"no bundle at {SECRET}"), ErrorKind.TLS, "bundle of certificates"),
        (urllib3_errors.HTTPError(SECRET), ErrorKind.UNREACHABLE, "failed or was cut"),
    ],
)
def test_each_failure_has_one_meaning_and_keeps_nothing_foreign(
    failure: Exception, kind: ErrorKind, words: str
) -> None:
    error = error_for_exception(failure)
    assert error.kind is kind
    assert words in error.sentence
    assert "secret" not in repr(error) + str(error.args)


def test_what_the_caller_is_handling_does_not_count_as_a_cause() -> None:
    failure = requests.ReadTimeout("ours")
    failure.__context__ = ssl.SSLCertVerificationError("of another request")
    assert error_for_exception(failure).kind is ErrorKind.TIMEOUT


def test_causes_that_go_round_in_circles_end() -> None:
    first, second = requests.ConnectionError(), requests.ConnectionError()
    first.args, second.args = (second,), (first,)
    assert error_for_exception(first).kind is ErrorKind.UNREACHABLE
