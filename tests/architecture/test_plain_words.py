"""Prose in the code is for readers: phrases that send them back to the start of the sentence."""

import re

from tests.support.source_tree import modules

RIDDLES = re.compile(
    r"\bless what\b|\b(?:to|can|cannot|could|could not) be had\b"
    r"|\b(?:that|where it|for what) is none\b|\bis none of (?:ours|this)\b"
    r"|\b\w+ of ours\b|\bare none[.:;]"
    r"|\bwhatever (?:becomes|its|page|state|they)\b|\bnobody has seen\b"
    r"|\b(?:is|are) no proper\b|\bis what helps\b|\bfor who\b",
)


def riddles_in(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if RIDDLES.search(line)]


def test_nobody_has_to_read_a_sentence_twice() -> None:
    found = {
        name: lines
        for name, module in modules().items()
        if (lines := riddles_in(module.path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_the_check_knows_a_riddle_when_it_sees_one() -> None:
    riddles = [
        "a port that cannot be had",
        "as before, less what is not true",
        "finished whatever becomes of it",
        "a word nobody has seen before",
        "rows that are no proper reports",
        "another base URL is what helps",
        "the kind is for who looks at the log",
    ]
    assert riddles_in("\n".join([*riddles, "plain words"])) == riddles
