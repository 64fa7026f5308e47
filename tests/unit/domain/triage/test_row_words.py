"""The words of a row: what an incident is, how far it is."""

import pytest

from webapp.domain.triage.row_words import progress_words, what_words

TITLE = "[Huntress] CRITICAL - Incident on SBA-TAX01 (Stonebridge)"


@pytest.mark.parametrize(
    ("title", "kinds", "is_edited", "words", "more"),
    [
        (TITLE, ["ransomware_canaries", "footholds"], False, "Ransomware canaries", 1),
        (TITLE, ["footholds"], True, "Persistent foothold", 0),  # only the description was edited
        ("Mailbox rule at the CFO", ["footholds"], True, "Mailbox rule at the CFO", 0),
        ("[Huntress] Mailbox rule", ["footholds"], True, "Mailbox rule", 0),
        ("[Huntress] Mailbox rule", ["footholds"], False, "Persistent foothold", 0),
        (TITLE, [], False, "Incident on SBA-TAX01 (Stonebridge)", 0),
        (TITLE, None, False, "Incident on SBA-TAX01 (Stonebridge)", 0),
        ("Printer on fire", None, False, "Printer on fire", 0),
        ("HIGH - Printer on fire", None, False, "HIGH - Printer on fire", 0),
    ],
)
def test_what(title: str, kinds: list[str] | None, is_edited: bool, words: str, more: int) -> None:
    assert what_words(title, kinds, is_edited=is_edited) == (words, more)


@pytest.mark.parametrize(
    ("status", "total", "left", "is_isolated", "words"),
    [
        ("sent", 10, 8, True, ("isolated", "8 of 10 steps left")),
        ("sent", 1, 1, False, ("1 of 1 step left",)),
        ("sent", 10, 0, True, ("isolated", "all 10 steps done")),
        ("sent", 1, 0, None, ("the only step done",)),
        ("sent", 0, 0, False, ()),
        ("sent", None, None, None, ()),
        (None, 1_200, 1_100, None, ("1,100 of 1,200 steps left",)),
        ("auto_remediating", 2, 1, True, ("isolated", "auto-remediating", "1 of 2 steps left")),
        ("closed", 10, 8, True, ("closed in Huntress",)),
        ("dismissed", 10, 8, True, ("closed in Huntress",)),
        ("partner_dismissed", None, None, None, ("closed in Huntress",)),
        ("deleted", 10, 8, True, ("deleted in Huntress",)),
        ("deleting", 2, 2, False, ("being deleted in Huntress", "2 of 2 steps left")),
        ("draft", 0, 0, False, ("a draft in Huntress",)),
        ("new_word", 2, 2, False, ("2 of 2 steps left",)),
    ],
)
def test_how_far(
    status: str | None,
    total: int | None,
    left: int | None,
    is_isolated: bool | None,
    words: tuple[str, ...],
) -> None:
    assert progress_words(status, total=total, left=left, is_isolated=is_isolated) == words


def test_identities_are_disabled() -> None:
    found = progress_words("sent", total=None, left=None, is_isolated=True, is_identity=True)
    assert found == ("disabled",)
