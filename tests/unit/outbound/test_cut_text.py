"""Cutting: never through an address or through one visible character."""

from time import perf_counter

import pytest

from webapp.outbound.cut_text import cut_to_fit, utf8_size

FAMILY = "👩\u200d👩\u200d👧"


def test_what_fits_stays():
    assert cut_to_fit("Müller", 6) == "Müller"


def test_the_cut_text_has_the_limit_with_its_ellipsis():
    assert cut_to_fit("abcdefghij", 6) == "abcde…"


def test_the_service_counts():
    assert cut_to_fit("ü" * 10, 9, utf8_size) == "üüü…"
    assert utf8_size("üüü…") == 9


def test_nothing_fits():
    assert cut_to_fit("abc", 2, utf8_size) == ""


@pytest.mark.parametrize("limit", range(1, 40))
def test_an_address_is_whole_or_absent(limit: int):
    address = "https://a.example/1"
    cut = cut_to_fit(f"See {address} and what follows", limit)
    assert address in cut or "http" not in cut
    assert len(cut) <= limit


@pytest.mark.parametrize("limit", range(1, 30))
def test_an_address_in_the_middle_of_a_word(limit: int):
    text = "漢字(https://a.example/?to=https://b.example)漢字"
    assert cut_to_fit(text, limit) in ("…", "漢…", "漢字…", "漢字(…")


def test_long_words_take_no_long_time():
    text = "a" * 200_000
    started = perf_counter()
    assert len(cut_to_fit(text + "://" * 100_000, 150_000)) == 150_000
    assert perf_counter() - started < 5


@pytest.mark.parametrize("character", [FAMILY, "e\u0301", "👍🏽", "🇳🇴", "❤\ufe0f"])
@pytest.mark.parametrize("limit", range(1, 12))
def test_a_visible_character_is_whole_or_absent(character: str, limit: int):
    cut = cut_to_fit(character * 9, limit).removesuffix("…")
    assert cut == character * (len(cut) // len(character))


def test_right_to_left_names_stay_in_order():
    assert cut_to_fit("شركة الأمن السيبراني", 12) == "شركة الأمن…"
