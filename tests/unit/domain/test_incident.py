"""Reading an incident report: no field, however malformed, costs the incident."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import load_cases
from tests.support.json_values import (
    HOSTILE_TEXTS,
    any_json,
    any_report,
    incident_report,
    is_storable,
    nested,
)
from webapp.domain.incident import (
    DELETED,
    MAX_INDICATORS,
    MAX_PARAMETERS,
    MAX_REMEDIATIONS,
    MAX_REMEDIATIONS_TEXT,
    WORD_LENGTH,
    Incident,
    Remediation,
    Remediations,
    Severity,
    content_hash,
    incident_key,
    is_closed_status,
    is_recorded_open,
    parse_incident,
    parse_incident_text,
    raw_text,
    reduce_excluded,
    remediations_text,
    with_all_remediations,
)
from webapp.domain.untrusted import prune

EXAMPLE = load_cases("ticket_text")["incident"]
TIMES = ("sent_at", "closed_at", "status_updated_at", "updated_at")


def lines_of(incident: Incident) -> list[str]:
    """Every value that has to stay on one line."""
    values = [
        incident.id,
        incident.account_id,
        incident.organization_id,
        incident.agent_id,
        incident.subject,
        incident.severity_word,
        incident.status,
        incident.platform,
        *(name for name, _ in incident.indicators),
    ]
    for item in incident.remediations.items:
        values += [item.id, item.type, item.action, item.status, *item.parameters]
    return [value for value in values if value is not None]


def test_a_documented_report_is_read():
    incident = parse_incident(EXAMPLE)
    at_ten = datetime(2026, 6, 9, 10, tzinfo=UTC)
    assert incident == Incident(
        id="42",
        account_id="1",
        organization_id="9",
        agent_id="7",
        subject="CRITICAL - Incident on SRV01 (Acme)",
        summary="Huntress detected a malicious scheduled task.",
        severity_word="critical",
        status="sent",
        platform="windows",
        indicators=(("footholds", 1), ("process_detections", 2)),
        remediations=Remediations(
            (Remediation("1", "manual", "Delete File", "pending", ("c:\\bad\\task",)),), total=1
        ),
        sent_at=at_ten,
        status_updated_at=at_ten,
        updated_at=at_ten,
        raw_severity="critical",
        raw_status="sent",
    )
    assert incident.severity is Severity.CRITICAL
    assert not incident.is_closed


@given(any_report)
def test_whatever_comes_can_be_read_and_stored(raw):
    incident = parse_incident(raw)
    for line in lines_of(incident):
        assert line.splitlines() == [line]
        assert is_storable(line)
    for text in (incident.summary, incident.body):
        assert text is None or is_storable(text)
    for field in TIMES:
        time = getattr(incident, field)
        assert time is None or time.utcoffset() == timedelta(0)


@given(any_report)
def test_values_fit_the_columns_they_are_kept_in(raw):
    incident = parse_incident(raw)
    for identifier in (incident.id, incident.organization_id, incident.agent_id):
        assert identifier is None or len(identifier) <= 64
    for word in (incident.severity_word, incident.status, incident.platform):
        assert word is None or len(word) <= WORD_LENGTH
    assert len(incident.indicators) <= MAX_INDICATORS
    assert len(incident.remediations.items) <= MAX_REMEDIATIONS
    assert all(count is None or 0 <= count < 10**9 for _, count in incident.indicators)


@given(any_report)
def test_the_raw_report_round_trips_as_ascii(raw):
    raw = json.loads(json.dumps(prune(raw)))  # JSON never holds a character as two halves
    text = raw_text(raw)
    assert text.isascii()
    assert text.isprintable()
    assert raw_text(json.loads(text)) == text
    assert parse_incident_text(text) == parse_incident(raw)


@given(any_report)
def test_every_report_has_a_key(raw):
    raw = prune(raw)
    hashed = content_hash(raw)
    key = incident_key(raw, hashed)
    assert len(hashed) == 64
    assert key == (parse_incident(raw).id or f"sha256:{hashed}")
    assert len(key) <= 100


@given(incident_report)
def test_of_an_excluded_organization_only_ids_words_and_times_are_kept(raw):
    raw = prune(raw)
    kept = reduce_excluded(raw)
    whole, reduced = parse_incident(raw), parse_incident(json.loads(raw_text(kept)))
    assert set(kept) <= {"id", "organization_id", "severity", "status", *TIMES}
    assert all(not isinstance(value, list | dict) for value in kept.values())
    assert len(raw_text(kept)) < 2_000
    for field in ("id", "organization_id", "severity_word", "status"):
        assert getattr(reduced, field) == getattr(whole, field)
    for field in TIMES:
        assert getattr(whole, field) in (None, getattr(reduced, field))


def test_an_id_that_cannot_be_used_does_not_become_that_of_another_incident():
    kept = reduce_excluded({"id": "a\x00b", "organization_id": "7", "status": "se\x00nt"})
    assert kept == {"id": None, "organization_id": "7", "status": "sent"}


@given(any_json)
def test_reducing_what_is_no_report_leaves_nothing_of_it(raw):
    kept = reduce_excluded(raw)
    assert isinstance(kept, dict)
    assert not isinstance(raw, dict) or set(kept) <= set(raw)


@pytest.mark.parametrize("value", [None, 0, "", "text", [], [EXAMPLE], True, float("nan")])
def test_what_is_no_object_has_no_id(value):
    assert parse_incident(value) == Incident(id=None)
    assert incident_key(value, "abc") == "sha256:abc"
    assert reduce_excluded(value) == {}


BAD_VALUES = [None, [], {}, [[]], {"x": {}}, True, -1, 10**50, 1.5, float("inf"), nested(15)]


@pytest.mark.parametrize("field", sorted(EXAMPLE))
def test_one_bad_field_spoils_nothing_else(field):
    good = parse_incident(EXAMPLE)
    touched = {
        "severity": {"severity_word", "raw_severity"},
        "status": {"status", "raw_status"},
        "indicator_types": {"indicators"},
        "indicator_counts": {"indicators"},
    }.get(field, {field})
    for value in [*BAD_VALUES, *HOSTILE_TEXTS]:
        incident = parse_incident({**EXAMPLE, field: value})
        for name in set(Incident.__slots__) - touched:
            assert getattr(incident, name) == getattr(good, name), (value, name)


@pytest.mark.parametrize("field", sorted(EXAMPLE))
def test_a_missing_field_is_a_null_field(field):
    without = {key: value for key, value in EXAMPLE.items() if key != field}
    assert parse_incident(without) == parse_incident({**EXAMPLE, field: None})


@pytest.mark.parametrize("depth", [30, 900])
def test_deep_nesting_can_be_kept(depth):
    raw = prune({**EXAMPLE, "remediations": nested(depth), "body": nested(depth)})
    assert parse_incident_text(raw_text(raw)).id == "42"
    assert len(content_hash(raw)) == 64


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("SRV01", ("SRV01",)),
        ([{"name": "path", "description": "c:\\bad"}], ("c:\\bad",)),
        ([{"name": "path"}, {"description": "x"}], ("path", "x")),
        ([{"name": "path", "description": ""}], ("path",)),
        (["a", None, 3, [], {}, {"description": ["x"]}], ("a", "3")),
        ([], ()),
        (None, ()),
        ({"name": "path", "description": "c:\\bad"}, ("c:\\bad",)),
        ("two\nlines", ("two lines",)),
        (["x"] * 1_000, ("x",) * MAX_PARAMETERS),
    ],
)
def test_parameters_come_in_every_shape(parameters, expected):
    raw = {"remediations": {"items": [{"id": 1, "parameters": parameters}]}}
    [item] = parse_incident(raw).remediations.items
    assert item.parameters == expected


ONE = Remediation(id="1", type=None, action=None, status=None)
NOTE = Remediation(id=None, type=None, action="reboot", status=None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Remediations()),
        ("text", Remediations()),
        ([], Remediations()),
        ([{"id": 1}], Remediations((ONE,), 1)),
        ({"items": [{"id": 1}, "reboot"]}, Remediations((ONE, NOTE), 2)),
        ({"items": {"0": {"id": 1}}}, Remediations()),
        ({"items": [{"id": 1}], "total_count": 9}, Remediations((ONE,), 9, has_more=True)),
        ({"items": [{"id": 1}], "has_more": True}, Remediations((ONE,), 1, has_more=True)),
        ({"items": [{"id": 1}], "total_count": 0}, Remediations((ONE,), 1)),
        ({"items": None, "total_count": 3}, Remediations((), 3, has_more=True)),
        ({"items": [{"id": 1}], "total_count": "9", "has_more": "yes"}, Remediations((ONE,), 1)),
    ],
)
def test_remediations_come_in_every_shape(value, expected):
    assert parse_incident({"remediations": value}).remediations == expected


def test_more_remediations_than_are_shown_are_counted():
    remediations = parse_incident({"remediations": [{"id": n} for n in range(80)]}).remediations
    assert len(remediations.items) == MAX_REMEDIATIONS
    assert remediations.total == 80
    assert remediations.has_more


@pytest.mark.parametrize(
    ("types", "counts", "expected"),
    [
        (["a", "b"], {"a": 1}, (("a", 1), ("b", None))),
        (None, {"a": 1, "b": "x"}, (("a", 1), ("b", None))),
        (["a", "a", None, 3, {}, [], ""], None, (("a", None),)),
        (["a"], ["a"], (("a", None),)),
        ({}, {}, ()),
    ],
)
def test_indicators(types, counts, expected):
    raw = {"indicator_types": types, "indicator_counts": counts}
    assert parse_incident(raw).indicators == expected


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("low", Severity.LOW),
        ("HIGH", Severity.HIGH),
        (" Critical ", Severity.CRITICAL),
        ("unknown", Severity.UNKNOWN),
        ("severe", Severity.UNKNOWN),
        ("", Severity.UNKNOWN),
        (None, Severity.UNKNOWN),
    ],
)
def test_severities(word, severity):
    assert Severity.of(word) is severity
    assert parse_incident({"severity": word}).severity is severity


def test_severities_rank_low_below_high_like_unknown_below_critical():
    ranks = [severity.rank for severity in (Severity.LOW, Severity.HIGH, Severity.CRITICAL)]
    assert ranks == sorted(set(ranks))
    assert Severity.UNKNOWN.rank == Severity.HIGH.rank


@pytest.mark.parametrize(
    ("status", "is_closed", "is_open_in_records"),
    [
        ("sent", False, True),
        ("auto_remediating", False, True),
        ("deleting", False, True),
        ("a new word", False, True),
        (None, False, True),
        (DELETED, False, False),
        *((status, True, False) for status in load_cases("plan")["closed_statuses"]),
    ],
)
def test_statuses(status, is_closed, is_open_in_records):
    assert is_closed_status(status) is is_closed
    assert parse_incident({"status": status}).is_closed is is_closed
    assert is_recorded_open(status) is is_open_in_records


def test_words_are_compared_in_lower_case_and_never_grow_past_their_column():
    incident = parse_incident({"status": " CLOSED\n", "severity": "İ" * 100})
    assert incident.is_closed
    assert incident.severity_word is not None
    assert len(incident.severity_word) <= WORD_LENGTH


def test_the_content_is_everything_but_the_time_of_the_last_update():
    later = {**EXAMPLE, "updated_at": "2026-06-10T00:00:00Z"}
    assert content_hash(later) == content_hash(EXAMPLE)
    assert content_hash(dict(reversed(EXAMPLE.items()))) == content_hash(EXAMPLE)
    for field in set(EXAMPLE) - {"updated_at"}:
        assert content_hash({**EXAMPLE, field: "changed"}) != content_hash(EXAMPLE)
    inner = {**EXAMPLE, "remediations": {"items": [{"updated_at": "2026-06-10T00:00:00Z"}]}}
    outer = {**EXAMPLE, "remediations": {"items": [{"updated_at": None}]}}
    assert content_hash(inner) != content_hash(outer)
    assert content_hash("x") == hashlib.sha256(b'"x"').hexdigest()


@given(st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=60))
def test_reports_without_an_id_are_told_apart_by_their_content(word):
    keys = {incident_key(raw, content_hash(raw)) for raw in ({"subject": word}, {"summary": word})}
    assert len(keys) == 2
    assert all(key.startswith("sha256:") for key in keys)


def test_remediations_that_were_fetched_join_those_of_the_report():
    own = {"items": [{"id": 2, "status": "completed"}, {"id": 9}], "total_count": 4}
    fetched = [{"id": 1, "secret": "x"}, {"id": 2, "status": "approved"}, "no object"]
    text = remediations_text(fetched)
    assert "secret" not in text
    incident = with_all_remediations(parse_incident({"id": 1, "remediations": own}), text)
    shown = [(item.id, item.status) for item in incident.remediations.items]
    assert shown == [("1", None), ("2", "completed"), (None, None), ("9", None)]
    assert (incident.remediations.total, incident.remediations.has_more) == (4, False)


def test_fetched_remediations_are_bounded():
    rows = [{"id": number, "action": "x" * 1_000} for number in range(1_000)]
    text = remediations_text(rows)
    assert len(text) < MAX_REMEDIATIONS_TEXT + 1_000
    remediations = with_all_remediations(Incident("1"), text).remediations
    assert (remediations.total, remediations.has_more) == (1_000, True)
