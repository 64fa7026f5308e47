"""docs/data.md names every table, every age, and nothing that does not exist."""

import re

import pytest

from tests.support.source_tree import ROOT
from webapp.domain.retention.kinds import RULES, age_words
from webapp.extensions import Base
from webapp.services.people.throttle import KEPT_FOR
from webapp.services.retention import old_records

PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
LEVELS = {"secret", "confidential", "personal", "internal"}
BESIDES = {"ticket_search", "alembic_version"}
"""Tables without a model: the search index, and the number of the migration."""


def rows_under(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    part = PAGE.split(f"## {heading}")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_table_is_named_once_with_its_level() -> None:
    named = [
        (table, row[1])
        for row in rows_under("What is kept")
        for table in re.findall(r"`(\w+)`", row[0])
    ]
    assert sorted(table for table, _ in named) == sorted({*Base.metadata.tables, *BESIDES})
    assert {level for _, level in named} == LEVELS
    assert {row[0] for row in rows_under("Levels of protection")} == LEVELS


def test_tables_with_encrypted_columns_or_hashes_of_tokens_are_never_called_internal() -> None:
    levels = {
        table: row[1]
        for row in rows_under("What is kept")
        for table in re.findall(r"`(\w+)`", row[0])
    }
    for table in Base.metadata.sorted_tables:
        kinds = {type(column.type).__name__ for column in table.columns}
        if "EncryptedText" in kinds:
            assert levels[table.name] == "secret", table.name
        if "token_hash" in table.columns:
            assert levels[table.name] in ("secret", "personal"), table.name


def test_every_cell_is_filled() -> None:
    for heading in ("What is kept", "How long: ages", "Where it leaves the product"):
        assert all(all(cells) for cells in rows_under(heading)), heading


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_age_is_named_with_default_and_least(rule: object) -> None:
    found = {row[0]: row[1:3] for row in rows_under("How long: ages")}
    label = rule.label[0].lower() + rule.label[1:] if rule.label != "API calls" else rule.label
    assert found[label] == [age_words(rule.days), age_words(rule.least)]
    assert f"by age: {label}" in PAGE
    assert len(found) == len(RULES)


def test_what_expires_by_itself_is_said_as_it_is() -> None:
    kept = {row[0].strip("`"): row[3] for row in rows_under("What is kept")}
    for table, age in (
        ("bulk_changes", old_records.KEEP_BULK_CHANGES),
        ("take_links", old_records.KEEP_TAKE_LINKS),
        ("devices", old_records.KEEP_DEVICES),
        ("security_notes", old_records.KEEP_SECURITY_NOTES),
        ("csv_uploads", old_records.KEEP_UPLOADS),
    ):
        assert kept[table].startswith(f"{age.days} day"), table
    assert kept["sign_in_throttles"] == f"{KEPT_FOR.total_seconds() / 3600:.0f} hours"


def test_the_page_is_found() -> None:
    assert "docs/data.md" in (ROOT / "README.md").read_text(encoding="utf-8")
