"""docs/audit.md tells what there is: logs, fields of the line that is hashed, what needs a look."""

import json
import re
from datetime import UTC, datetime

import pytest

from tests.support.source_tree import ROOT
from webapp.domain.security.chain import ChainEnd, LinkedEvent, link_text
from webapp.extensions import Base
from webapp.services.audit_trail import find_suspicious

TEXT = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")


def test_every_log_of_the_inventory_is_there() -> None:
    section = TEXT.partition("## Which logs there are")[2].partition("\n###")[0]
    tables = set(re.findall(r"`(audit_\w+)`", section))
    assert tables == {"audit_events", "audit_chain", "audit_seals"}
    assert tables <= Base.metadata.tables.keys()
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + 7
    assert all(line.count("|") == 6 for line in rows)


def test_the_line_has_the_places_that_are_told() -> None:
    event = LinkedEvent(7, datetime(2026, 6, 9, tzinfo=UTC), 1, "a", "b", "c", "d", "e", "f")
    line = json.loads(link_text(ChainEnd(), event, "digest", datetime(2026, 6, 9, tzinfo=UTC)))
    section = TEXT.partition("| place | what |")[2].partition("\n\n")[0]
    places = re.findall(r"^\| ([\d, to]+?) \|", section, re.MULTILINE)
    assert places == ["1", "2", "3", "4", "5, 6", "7", "8 to 10", "11 to 13", "14"]
    assert len(line) == 14
    assert line[0] == re.findall(r"^\| 1 \| `([^`]+)`", section, re.MULTILINE)[0]


@pytest.mark.parametrize(
    "number",
    [
        find_suspicious.MOST_FAILURES_OF_AN_ACCOUNT,
        find_suspicious.MOST_REFUSALS_OF_AN_ADDRESS,
    ],
)
def test_what_needs_a_look_is_told_with_its_numbers(number: int) -> None:
    section = TEXT.partition("### What needs a look")[2].partition("\n###")[0]
    assert re.search(rf"\b{number} (times|requests)", section)
