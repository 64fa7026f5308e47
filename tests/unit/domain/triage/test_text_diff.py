"""How two texts differ."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.triage.text_diff import DiffLine, Side, diff_lines

texts = st.lists(st.sampled_from(["a", "b", "", "- [ ] c"]), max_size=8).map("\n".join)


@given(texts, texts)
def test_both_texts_are_in_it_whole(old: str, new: str) -> None:
    lines = diff_lines(old, new)
    assert "\n".join(one.text for one in lines if one.side is not Side.NEW) == old
    assert "\n".join(one.text for one in lines if one.side is not Side.OLD) == new


def test_only_what_differs_is_marked() -> None:
    assert diff_lines("a\nb\nc", "a\nB\nc") == [
        DiffLine(Side.BOTH, "a"),
        DiffLine(Side.OLD, "b"),
        DiffLine(Side.NEW, "B"),
        DiffLine(Side.BOTH, "c"),
    ]
