"""Which column is what, and when a plan is another plan."""

import pytest

from webapp.domain.csv_import import (
    ImportField,
    ImportPlan,
    Outcome,
    PlannedRow,
    check_columns,
    describe_added,
    describe_change,
    guess_columns,
    read_flag,
)

FIELDS = (
    ImportField("name", "Name", ("client", "company"), is_required=True),
    ImportField("notes", "Notes", ("comment",)),
    ImportField("external_reference", "External reference", ("id", "reference")),
)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (["Name", "Notes"], {"name": 0, "notes": 1}),
        (["COMMENT", " company "], {"notes": 0, "name": 1}),
        (["external_reference", "Client"], {"external_reference": 0, "name": 1}),
        (["Company", "Name"], {"name": 1}),
        (["", "x"], {}),
        ([], {}),
    ],
)
def test_columns_are_guessed_from_the_header(header: list[str], found: dict[str, int]) -> None:
    assert guess_columns(header, FIELDS) == found


def test_no_column_is_guessed_twice() -> None:
    fields = (ImportField("a", "A", ("x",)), ImportField("b", "B", ("x", "y")))
    assert guess_columns(["x", "y"], fields) == {"a": 0, "b": 1}


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        ({"name": 0}, set()),
        ({"name": 0, "notes": 1, "external_reference": 2}, set()),
        ({"notes": 1}, {"name"}),
        ({"name": 3}, {"name"}),
        ({"name": -1}, {"name"}),
        ({"name": 1, "notes": 1}, {"notes"}),
    ],
)
def test_a_choice_of_columns_is_checked(columns: dict[str, int], wrong: set[str]) -> None:
    assert set(check_columns(columns, FIELDS, 3)) == wrong


def test_the_sentences_name_the_field() -> None:
    assert check_columns({}, FIELDS, 1) == {"name": "Choose the column with the name."}
    used_twice = check_columns({"name": 0, "notes": 0}, FIELDS, 1)
    assert used_twice == {"notes": "This column is used for name already."}


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        ({"name": 0}, {"notes": "Choose a column for notes or external reference."}),
        ({"name": 0, "notes": 1}, {}),
        ({"name": 0, "external_reference": 2}, {}),
        ({"name": 0, "notes": 7}, {"notes": "Choose a column of the file."}),
    ],
)
def test_one_of_some_columns_is_enough(columns: dict[str, int], wrong: dict[str, str]) -> None:
    assert check_columns(columns, FIELDS, 3, ("notes", "external_reference")) == wrong


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        *(("yes", True), (" TRUE ", True), ("1", True), ("Active", True), ("on", True)),
        *(("no", False), ("0", False), ("inactive", False), ("OFF", False)),
        *(("", None), ("  ", None)),
    ],
)
def test_flags(text: str, flag: bool | None) -> None:
    assert read_flag(text) is flag


@pytest.mark.parametrize("text", ["perhaps", "2", "yes!", "-"])
def test_what_is_no_flag(text: str) -> None:
    with pytest.raises(ValueError, match="neither yes nor no"):
        read_flag(text)


def plan(**changes: object) -> ImportPlan:
    values: dict[str, object] = {
        "number": 2,
        "outcome": Outcome.CHANGED,
        "title": "Globex",
        "details": ("Notes added",),
        "values": {"notes": "x"},
        "row_id": 7,
    }
    return ImportPlan([PlannedRow(**{**values, **changes})])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"number": 3},
        {"outcome": Outcome.ADDED},
        {"title": "Initech"},
        {"details": ()},
        {"values": {"notes": "y"}},
        {"row_id": 8},
    ],
)
def test_a_fingerprint_is_that_of_everything_a_plan_does(change: dict[str, object]) -> None:
    assert plan().fingerprint == plan().fingerprint
    assert plan(**change).fingerprint != plan().fingerprint


def test_a_fingerprint_does_not_tell_what_stays_as_it_is() -> None:
    stays = PlannedRow(3, Outcome.UNCHANGED, "Initech")
    renamed = PlannedRow(3, Outcome.UNCHANGED, "INITECH")
    changed = plan().rows[0]
    assert ImportPlan([changed, stays]).fingerprint == ImportPlan([changed, renamed]).fingerprint
    assert ImportPlan([changed, stays]).fingerprint == plan().fingerprint


def test_a_plan_is_counted() -> None:
    rows = [
        PlannedRow(number, outcome, "x")
        for number, outcome in enumerate(
            [Outcome.ADDED, Outcome.ADDED, Outcome.UNCHANGED, Outcome.WRONG], 2
        )
    ]
    whole = ImportPlan(rows)
    assert [whole.count(outcome) for outcome in Outcome] == [2, 0, 1, 1]
    assert whole.of("wrong") == [rows[3]]
    assert whole.has_errors
    assert whole.changes_anything
    assert not ImportPlan(rows[2:3]).changes_anything
    assert not ImportPlan([]).has_errors


def test_changes_in_words() -> None:
    assert describe_change("Type", None, "Laptop") == "Type: empty → Laptop"
    assert describe_change("Type", "Laptop", None) == "Type: Laptop → empty"
    labels = {"type": "Type", "tag": "Tag"}
    given = {"name": "WS-01", "type": "Laptop", "is_active": False}
    assert describe_added(given, labels) == ("Type: Laptop", "Inactive")
    assert describe_added({"is_active": True}, labels) == ()
