"""The columns of the list: chosen, ordered, kept, and none too many for the screen."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.triage.list_columns import (
    COLUMNS,
    MOST_COLUMNS,
    ROOM,
    USUAL_COLUMNS,
    WIDEST,
    ListDisplay,
    fit_columns,
    known_columns,
    move_column,
    read_display,
)

KEYS = st.lists(st.sampled_from(list(COLUMNS)), unique=True)


@given(KEYS, st.booleans(), st.booleans())
def test_choices_are_kept(keys: list[str], compact: bool, grouped: bool) -> None:
    display = ListDisplay(tuple(keys), is_compact=compact, is_grouped=grouped)
    assert read_display(display.as_settings()) == display
    assert sorted((*display.columns, *display.left_out)) == sorted(COLUMNS)


@pytest.mark.parametrize(
    "kept", [None, {}, {"columns": "age"}, {"columns": None, "is_compact": "yes", "is_grouped": 1}]
)
def test_what_makes_no_sense_is_as_at_first(kept: dict[str, object] | None) -> None:
    assert read_display(kept) == ListDisplay()
    assert ListDisplay().columns == USUAL_COLUMNS


def test_columns_that_are_gone_are_left_out() -> None:
    assert known_columns(["age", "gone", 7, "age", None, "client"]) == ("age", "client")
    assert read_display({"columns": []}).columns == ()


@given(KEYS, st.sampled_from(list(COLUMNS)), st.integers(-3, 3))
def test_moving_loses_nothing(keys: list[str], key: str, step: int) -> None:
    moved = move_column(keys, key, step)
    assert sorted(moved) == sorted(keys)
    if key in keys:
        place = keys.index(key) + step
        assert moved.index(key) == max(0, min(place, len(keys) - 1))
    else:
        assert moved == tuple(keys)


def test_the_usual_columns_always_show_how_urgent_and_how_old() -> None:
    always = {column.key for column, fits in fit_columns(USUAL_COLUMNS) if not fits}
    assert always >= {"priority", "client", "status", "assignee", "age"}


@given(KEYS.filter(lambda keys: len(keys) <= MOST_COLUMNS))
def test_no_width_has_more_columns_than_fit(keys: list[str]) -> None:
    fitted = fit_columns(keys)
    assert [column.key for column, _ in fitted] == keys
    classes = [name for name, _ in ROOM]
    for place, (_, room) in enumerate(ROOM):
        shown = [column for column, fits in fitted if fits in classes[: place + 1]]
        assert sum(column.width for column in shown) <= room
    order = {name: place for place, name in enumerate([*classes, WIDEST])}
    ranks = [order[fits] for _, fits in fitted]
    assert all(a <= b for a, b in itertools.pairwise(ranks)), "what comes first stays the longest"
