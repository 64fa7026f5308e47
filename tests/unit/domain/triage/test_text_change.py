"""What changed in a text, by its sentences."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.triage.text_change import TextChange, compare_texts

sentences = st.lists(st.sampled_from(["One.", "Two!", "Three?", "四。", "five"]), max_size=6)


def test_what_is_new_and_what_is_gone():
    change = compare_texts("It ran.  It fell.\nIt  rose.", "It rose. It ran.\nIt won. It won.")
    assert change == TextChange(("It won.", "It won."), ("It fell.",), is_rewritten=False)


def test_a_text_of_which_nothing_is_left():
    assert compare_texts("One.", "Two.").is_rewritten
    assert compare_texts("", "Two.") == TextChange(("Two.",), (), is_rewritten=True)
    assert compare_texts("走った。転んだ。", "走った。").gone == ("転んだ。",)


@given(sentences, sentences)
def test_nothing_is_lost(before, after):
    change = compare_texts("\n".join(before), "\n".join(after))
    kept = [*after]
    for sentence in change.added:
        kept.remove(sentence)
    assert sorted([*kept, *change.gone]) == sorted(before)
    assert change.is_rewritten is (not kept)
