"""Which edits collide, and the sentence that tells of the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.triage.collisions import (
    Deed,
    conflict_words,
    fields_in_conflict,
    fingerprint,
    meanwhile_words,
)

VALUES = st.sampled_from(["", "1", "2"])
PRESENT = {"priority": "High", "status": "Waiting", "assignee": "nobody"}


@given(was=VALUES, wanted=VALUES, stored=VALUES)
def test_only_what_somebody_else_set_to_something_else_collides(
    was: str, wanted: str, stored: str
) -> None:
    found = fields_in_conflict({"title": wanted}, {"title": stored}, {"title": was})
    assert found == (() if stored in (was, wanted) else ("title",))


def test_other_fields_and_fields_that_were_not_shown_are_free() -> None:
    stored = {"title": "theirs", "board": "9"}
    assert fields_in_conflict({"title": "mine"}, stored, {"board": "1"}) == ()
    assert fields_in_conflict({}, stored, {"title": "was", "board": "1"}) == ()


def test_a_fingerprint_is_of_what_is_stored() -> None:
    assert fingerprint("a\r\nb ") == fingerprint("a\nb")
    assert fingerprint("a") != fingerprint("b")
    assert fingerprint("") == fingerprint(" \n")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("priority",), "The priority was changed to High while you were looking at it."),
        (("title",), "The title was changed while you were looking at it."),
        (
            ("title", "status"),
            "The title was changed and the status was changed to Waiting while you were looking",
        ),
    ],
)
def test_what_collided_is_named(names: tuple[str, ...], words: str) -> None:
    sentence = conflict_words(names, PRESENT)
    assert sentence.startswith(words)
    assert "Nothing was saved" in sentence


@pytest.mark.parametrize(
    ("deeds", "words"),
    [
        ([], None),
        ([Deed("Bo", False, ("priority",))], "Meanwhile Bo changed the priority to High."),
        ([Deed("Bo", True)], "Meanwhile Bo wrote a note."),
        ([Deed("Bo", True), Deed("Bo", True)], "Meanwhile Bo wrote a note."),
        ([Deed(None, False)], "Meanwhile Triagedesk added what Huntress reported."),
        ([Deed("Bo", False)], "Meanwhile Bo changed the ticket."),
        ([Deed("Bo", False, ("description",))], "Meanwhile Bo changed the description."),
        ([Deed("Bo", False, ("moon",))], "Meanwhile Bo changed the ticket."),
        (
            [Deed("Bo", False, ("priority",)), Deed("Cy", False, ("priority", "status"))],
            "Meanwhile Bo changed the priority, and Cy changed the priority to High and "
            "changed the status to Waiting.",
        ),
        (
            [Deed("Bo", False, ("assignee", "title")), Deed("Bo", True)],
            "Meanwhile Bo changed the assignee to nobody, changed the title and wrote a note.",
        ),
    ],
)
def test_what_others_did_is_one_sentence(deeds: list[Deed], words: str | None) -> None:
    assert meanwhile_words(deeds, PRESENT) == words
