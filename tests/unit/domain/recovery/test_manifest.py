"""Manifests: written, read back, and whatever else somebody puts in their place."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.json_values import any_json
from webapp.domain.recovery.manifest import (
    Manifest,
    ManifestError,
    Member,
    compare_counts,
    parse_manifest,
)

MANIFEST = Manifest(
    product_version="0.1.0",
    schema="0013",
    database="postgresql",
    taken_at=datetime(2026, 11, 3, 2, tzinfo=UTC),
    counts={"tickets": 3, "alerts": 4},
    members={"database.pgdump": Member(12, "ab" * 32)},
    key_fingerprints={"encryption_keys": ["0011223344556677"]},
    server_version="18",
    dump_version="18",
)


def test_what_is_written_is_read_back() -> None:
    assert parse_manifest(MANIFEST.to_json()) == MANIFEST
    assert MANIFEST.rows == 7


def test_a_format_of_the_future_says_so() -> None:
    document = json.loads(MANIFEST.to_json()) | {"format": 2, "schema": {"all": "new"}}
    with pytest.raises(ManifestError, match="A newer version of Triagedesk"):
        parse_manifest(json.dumps(document))


def test_a_field_of_the_future_does_not_matter() -> None:
    document = json.loads(MANIFEST.to_json()) | {"attachments": 12}
    assert parse_manifest(json.dumps(document)) == MANIFEST


def test_a_manifest_without_its_database_is_damaged() -> None:
    assert MANIFEST.database_size == 12
    document = json.loads(MANIFEST.to_json()) | {"database": "sqlite"}
    with pytest.raises(ManifestError, match="is damaged"):
        parse_manifest(json.dumps(document))


@given(any_json)
def test_anything_else_is_refused(document: object) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(json.dumps(document))


@given(st.sampled_from(sorted(json.loads(MANIFEST.to_json()))), any_json)
def test_a_damaged_field_never_passes_unnoticed(name: str, value: object) -> None:
    document = json.loads(MANIFEST.to_json()) | {name: value}
    try:
        found = parse_manifest(json.dumps(document))
    except ManifestError:
        return
    assert isinstance(found.rows, int)
    assert found.database in ("sqlite", "postgresql")


def test_counts_are_compared_by_table() -> None:
    assert compare_counts({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 9}) == []
    assert compare_counts({"a": 1000, "b": 2}, {"b": 3}) == [
        "a: 0 rows instead of 1,000.",
        "b: 3 rows instead of 2.",
    ]
