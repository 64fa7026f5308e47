"""docs/architecture.md tells where each behaviour is, and tells the truth."""

import re

import pytest

from tests.support.source_tree import ROOT

DOCUMENT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TABLE = DOCUMENT.partition("## Where to find")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (?!behaviour|---)(.+?) \| `(.+?)` \|$", TABLE, re.MULTILINE)
PATHS = re.findall(
    r"`((?:webapp|tests|services|domain|jobs|huntress|models|web)/[\w/.]+)`", DOCUMENT
)


def test_the_table_covers_the_product() -> None:
    assert len(ROWS) >= 40
    assert len({behaviour for behaviour, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("behaviour", "path"), ROWS, ids=[behaviour for behaviour, _ in ROWS])
def test_each_behaviour_is_where_it_is_said_to_be(behaviour: str, path: str) -> None:
    assert (ROOT / path).is_file(), f"{behaviour}: there is no {path}"


@pytest.mark.parametrize("path", sorted(set(PATHS)))
def test_every_path_in_the_document_exists(path: str) -> None:
    """Paths may be told from the package's folder, as most are in running text."""
    assert (ROOT / path).exists() or (ROOT / "webapp" / path).exists()
