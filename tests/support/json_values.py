"""Hypothesis strategies for what Huntress could answer instead of what it documents."""

import unicodedata
from typing import Any

from hypothesis import strategies as st

HOSTILE_TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "x\udfffy",
    "\u202eevil\u2066",
    "line\nline\r\nline\u2028line\x85line\x0bline",
    "\t\x1b[31mred",
    "<script>alert(1)</script>",
    "# heading",
    "İ" * 80,
    "a" * 5_000,
    "0001-01-01T00:00:00Z",
    "2026-06-09T10:00:00+02:00",
    "9999-12-31T23:59:59-14:00",
    "2026-13-40T99:99:99Z",
    "-1",
    "1e5",
    " 42 ",
    "n" * 64,
)

any_text = st.one_of(
    st.sampled_from(HOSTILE_TEXTS),
    st.text(st.characters(), max_size=30),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Zs", "Lu"]), max_size=30),
)
any_number = st.one_of(
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**63, 10**63, 10**64, 10**400]),
    st.floats(allow_nan=True, allow_infinity=True),
)
any_scalar = st.one_of(st.none(), st.booleans(), any_number, any_text)
any_json: st.SearchStrategy[Any] = st.recursive(
    any_scalar,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(any_text, inner, max_size=4)
    ),
    max_leaves=8,
)


def nested(depth: int) -> object:
    """Lists and objects inside each other, `depth` deep."""
    value: object = "bottom"
    for level in range(depth):
        value = [value] if level % 2 else {"deeper": value}
    return value


_times = st.one_of(
    any_json,
    st.datetimes().map(lambda time: time.strftime("%Y-%m-%dT%H:%M:%SZ")),
)
_remediation = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(["id", "type", "action", "status", "name"], any_json)
    | {
        "parameters": st.one_of(
            any_json,
            st.lists(
                st.fixed_dictionaries({}, optional={"name": any_json, "description": any_json}),
                max_size=4,
            ),
        )
    },
)
_remediations = st.one_of(
    any_json,
    st.lists(_remediation, max_size=60),
    st.fixed_dictionaries(
        {},
        optional={
            "total_count": any_json,
            "has_more": any_json,
            "items": st.one_of(any_json, st.lists(st.one_of(_remediation, any_json), max_size=60)),
        },
    ),
)
_words = st.sampled_from(["sent", "closed", "DISMISSED", "deleting", "high", "Critical", "low"])
_indicators = ["footholds", "siem_detections", "x"]

incident_report = st.fixed_dictionaries(
    {},
    optional={
        "id": st.one_of(st.integers(0, 10**9), any_json),
        **dict.fromkeys(["account_id", "organization_id", "agent_id"], any_json),
        **dict.fromkeys(["subject", "summary", "body", "platform"], any_json),
        **dict.fromkeys(["severity", "status"], st.one_of(_words, any_json)),
        "indicator_types": st.one_of(
            any_json, st.lists(st.one_of(st.sampled_from(_indicators), any_json), max_size=60)
        ),
        "indicator_counts": st.one_of(
            any_json, st.dictionaries(st.sampled_from(_indicators), any_json)
        ),
        "remediations": _remediations,
        **dict.fromkeys(["sent_at", "closed_at", "status_updated_at", "updated_at"], _times),
        "something_new": any_json,
    },
)
"""A report in which every field may be missing, null, or anything at all."""

any_report = st.one_of(incident_report, any_json)

_BIDI_CLASSES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_storable(text: str) -> bool:
    """Whether every database takes it and nobody can be fooled by its direction."""
    text.encode("utf-8")
    return not any(
        unicodedata.bidirectional(character) in _BIDI_CLASSES
        or (unicodedata.category(character) == "Cc" and character not in "\t\n")
        for character in text
    )
