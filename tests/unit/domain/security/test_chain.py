"""The text that is hashed: what docs/audit.md says, and nothing that could be read two ways."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.security.chain import (
    NO_HASH,
    ChainEnd,
    LinkedEvent,
    digest_details,
    link_text,
    moment_text,
)

NOON = datetime(2026, 6, 9, 12, tzinfo=UTC)
EVENT = LinkedEvent(7, NOON, 1, "user.added", "user", "2", "192.0.2.1", "ab12", None)
words = st.none() | st.text(max_size=20)
events = st.builds(
    LinkedEvent,
    st.integers(1, 2**31),
    st.datetimes(timezones=st.just(UTC)),
    st.none() | st.integers(1, 9),
    st.text(max_size=9),
    st.text(max_size=9),
    words,
    words,
    words,
    words,
)


def test_the_line_is_the_one_that_the_documents_show() -> None:
    text = link_text(ChainEnd(), EVENT, "d" * 64, NOON + timedelta(seconds=20, microseconds=5))
    assert text == (
        f'["triagedesk-audit-1",1,"{NO_HASH}","2026-06-09T12:00:20.000005Z",7,'
        '"2026-06-09T12:00:00.000000Z",1,"user.added","user","2","192.0.2.1","ab12",null,'
        f'"{"d" * 64}"]'
    )


@given(events, events)
def test_two_events_have_one_line_only_if_they_are_one(one: LinkedEvent, two: LinkedEvent) -> None:
    lines = [link_text(ChainEnd(), event, "d", NOON) for event in (one, two)]
    assert (lines[0] == lines[1]) is (one == two)
    assert "\n" not in lines[0]
    assert lines[0].isascii()
    assert json.loads(lines[0])[4] == one.id


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.floats()))
def test_details_count_by_what_they_hold_and_not_by_their_order(details: dict[str, object]) -> None:
    turned = dict(reversed(details.items()))
    assert digest_details("a", details, None) == digest_details("a", turned, None)
    assert digest_details("a", details, None) != digest_details("b", details, None)
    assert digest_details("a", details, None) != digest_details("a", None, details)


def test_a_digest_of_details_can_be_made_by_hand() -> None:
    line = '["5a17",null,{"name":"Gr\\u00fcn"}]'
    digest = hashlib.sha256(line.encode("ascii")).hexdigest()
    assert digest_details("5a17", None, {"name": "Grün"}) == digest


def test_moments_are_in_utc() -> None:
    berlin = datetime(2026, 6, 9, 14, tzinfo=timezone(timedelta(hours=2)))
    assert moment_text(berlin) == "2026-06-09T12:00:00.000000Z"
