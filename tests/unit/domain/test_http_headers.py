"""Times in the headers of an answer, however they are written."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp.domain.http_headers import parse_http_date, parse_retry_after

NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "time"),
    [
        ("Tue, 03 Nov 2026 10:00:00 GMT", NOW),
        ("Tue, 03 Nov 2026 10:00:00 -0000", NOW),
        ("Tue, 03 Nov 2026 12:00:00 +0200", NOW),
        ("Tuesday, 03-Nov-26 10:00:00 GMT", NOW),
        (None, None),
        ("", None),
        ("soon", None),
        ("0", None),
        ("Tue, 99 Nov 2026 10:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2300", None),
    ],
)
def test_http_dates(header: str | None, time: datetime | None) -> None:
    parsed = parse_http_date(header)
    assert parsed == time
    assert parsed is None or parsed.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("0", 1.0),
        ("119", 119.0),
        ("121", 120.0),
        ("9" * 5000, 120.0),
        ("Tue, 03 Nov 2026 10:00:30 GMT", 30.0),
        ("Tue, 03 Nov 2026 09:00:00 GMT", 1.0),
        ("Tue, 03 Nov 2099 10:00:00 GMT", 120.0),
        (None, None),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("٣", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW, most=120) == seconds
