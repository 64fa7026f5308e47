"""What text messages cost, and that they are cut to three segments."""

import pytest

from webapp.outbound.sms_text import SEGMENTS, count_segments, fit_endings, fit_segments

LINK = "\nhttps://desk.example.com/take/1a2b3c4d5e6f"


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("é" * 160, 1),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ș" * 70, 1),
        ("ș" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_segments_are_counted_as_the_alphabet_demands(text: str, segments: int):
    assert count_segments(text) == segments


@pytest.mark.parametrize("filling", ["a", "[", "漢", "😀", "ש", "é"])
def test_a_long_text_fills_three_segments_and_keeps_the_link(filling: str):
    sent = fit_segments(filling * 2_000, LINK)
    assert sent.endswith(LINK)
    assert count_segments(sent) == SEGMENTS
    assert count_segments(fit_segments(filling * 2_000, LINK + "a" * 80)) == SEGMENTS


def test_dashes_and_quotation_marks_do_not_double_the_price():
    sent = fit_segments("“SRV–01” → Müller’s…", "")
    assert sent == '"SRV-01" -> Müller\'s...'
    assert count_segments(sent + "a" * 130) == 1


def test_the_ellipsis_is_of_the_alphabet():
    assert fit_segments("a" * 999, "").endswith("a...")
    assert fit_segments("漢" * 999, "").endswith("漢…")


def test_a_link_is_kept_whole_even_if_it_is_too_long_for_three_segments():
    link = "\nhttps://desk.example.com/" + "a" * 500
    assert fit_segments("Title", link) == link


@pytest.mark.parametrize(("filling", "kept"), [("a", 5), ("漢", 1)])
def test_as_many_endings_as_leave_room_for_the_text(filling: str, kept: int):
    endings = [f"Take T-{number}: https://desk.example.com/{'t' * 32}" for number in range(9)]
    sent = fit_endings(filling * 2_000, endings)
    assert sent.split("\n")[1:] == endings[:kept]
    assert count_segments(sent) <= SEGMENTS
    assert fit_endings(filling, endings[:2]) == "\n".join((filling, *endings[:2]))
    assert fit_endings(filling, []) == filling
